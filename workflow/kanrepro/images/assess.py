"""Assess a trained image classifier on its test images and write the record.

Reads model.safetensors (with run.json beside it), and the image set and split file that it was trained on. Writes one
record (JSON, `kanrepro.images.record`): metrics with bootstrap intervals, with and without leaked test images, by
class, and under corruptions; how the head's iteration went; predictions; and everything that the numbers were made
from. Test images are taken in the order of their numbers, so that the order in the split file changes nothing.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanrepro.core import provenance
from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import content_digest, read_json, sha256
from kanrepro.core.machine import keep_freed_memory, peak_memory_mb, pick_device
from kanrepro.core.options import check_threads, command_line, read_object
from kanrepro.core.parser import stage_parser
from kanrepro.core.parts import validate
from kanrepro.core.streams import stream
from kanrepro.images import record
from kanrepro.images.corruptions import corrupt
from kanrepro.images.metrics import Evaluation, evaluate
from kanrepro.images.outputs import Outputs, outputs
from kanrepro.images.settings import EvaluationSettings
from kanrepro.images.splits import Split, read_split, units
from kanrepro.images.store import ImageSet
from kanrepro.models.classifier import Classifier, count_flops, count_parameters, load_classifier
from kanrepro.models.equilibrium import mean_rate

RATE_STEPS = 20  # of the plain iteration, for its measured rate
RATE_FLOOR = 1e-4  # of the first distance: below it, rounding in float32 shows


@dataclass(frozen=True)
class HeldOut:
    """M test images, in the order of their numbers in the set."""

    index: NDArray[np.int64]  # (M,)
    pixels: Tensor  # (M, C, S, S) uint8
    y: NDArray[np.int64]  # (M,)
    leaked: NDArray[np.bool_]  # (M,)
    unit: NDArray[np.int64]  # (M,) images that share a patient, tile or picture share a number

    @classmethod
    def of(cls, images: ImageSet, split: Split, device: torch.device | str = "cpu") -> "HeldOut":
        """The test images of a split, on a device.

        Raises:
            UserError: there are none.
        """
        index = np.sort(split.test)
        if not len(index):
            raise UserError("the split has no test image. Make it again, or take another.")
        where = torch.from_numpy(index)
        leaked, unit = np.isin(index, split.leaked), units(images.group.numpy(), images.content.numpy())[index]
        return cls(index, images.pixels[where].to(device), images.y[where].numpy(), leaked, unit)


class Assessment:
    """What can be said of a classifier on test images.

    Args:
        model, meta: from `load_classifier`; the model on the images' device.
    """

    def __init__(self, model: Classifier, meta: dict[str, Any], images: HeldOut, settings: EvaluationSettings) -> None:
        device = images.pixels.device
        self.model, self.images, self.settings, self.meta = model, images, settings, meta
        self.channels = torch.tensor(meta["mean"], device=device), torch.tensor(meta["std"], device=device)
        self.found = outputs(model, images.pixels, *self.channels)
        self.p = self.found.probabilities()

    def scores(self) -> Evaluation:
        """Scores on all test images."""
        return self._scores(self.p, slice(None), self.settings.bootstrap)

    def without_leaks(self) -> record.Clean | None:
        """Scores without the leaked images, none at all where all leaked; None where none did."""
        kept = ~self.images.leaked
        if kept.all():
            return None
        if not kept.any():
            return record.Clean(images=0, metrics={})
        found = self._scores(self.p, kept, self.settings.bootstrap)
        return record.Clean(images=int(kept.sum()), metrics=_metrics(found))

    def robustness(self) -> dict[str, list[record.Harmed]]:
        """Scores under each corruption at each strength. All models of a seed meet the same noise."""
        return {kind: [self._harmed(kind, strength) for strength in range(1, 6)] for kind in self.settings.corruptions}

    def _harmed(self, kind: str, strength: int) -> record.Harmed:
        generator = stream(self.meta["seed"], f"{kind} {strength}", self.images.pixels.device)
        found = outputs(
            self.model, self.images.pixels, *self.channels, lambda part: corrupt(part, kind, strength, generator)
        )
        metrics = self._scores(found.probabilities(), slice(None), 0).metrics
        scores = {name: metrics[name]["value"] for name in ("accuracy", "auc", "f1", "ece")}
        return record.Harmed(strength=strength, converged=_share(found), **scores)

    def _scores(self, p: NDArray[np.float64], chosen: NDArray[np.bool_] | slice, resamples: int) -> Evaluation:
        y, unit = self.images.y[chosen], self.images.unit[chosen]
        return evaluate(y, p[chosen], self.settings.bins, resamples, units=unit)

    def equilibrium(self) -> record.Equilibrium | None:
        """How the head's iteration went; None where it has none."""
        found, head, converged = self.found, self.model.head, _share(self.found)
        if head is None or converged is None:
            return None
        certificate = head.certificate()
        return record.Equilibrium(
            steps_mean=float(found.steps.double().mean()),
            steps_max=int(found.steps.max()),
            residual_median=_finite(found.residuals.median()),
            converged=converged,
            bound=certificate["bound"] if certificate else None,
            rate=_finite(measured_rate(head.trace(found.u, RATE_STEPS)).nanmedian()),
        )

    def size(self) -> record.ModelSize:
        """Parameters, and operations of one image; an equilibrium's at the mean steps of the test images."""
        steps = self.found.steps
        solved = self.model.head is not None and self.model.head.settings.kind == "equilibrium"
        mean = float(steps.double().mean()) if solved else None
        return record.ModelSize(
            parameters=count_parameters(self.model),
            flops=count_flops(self.model, self.meta["channels"], self.meta["size"], mean),
        )

    def predictions(self) -> record.Predictions:
        """Every test image with its probabilities."""
        return record.Predictions(
            index=self.images.index.tolist(),
            y=self.images.y.tolist(),
            p=self.p.round(4).tolist(),
            units=len(np.unique(self.images.unit)),
        )


def measured_rate(trace: Tensor) -> Tensor:
    """(B,): the mean factor a step over the steps of a trace (T, B) that are finite and not yet lost in rounding.

    The trace holds distances |F(z) - z| of an iteration relative to the first; NaN where only that one is to be had.
    """
    there = (trace.isfinite() & (trace > RATE_FLOOR)).cumprod(dim=0)
    steps = there.sum(dim=0)
    last = trace.gather(0, (steps - 1).clamp_min(0).unsqueeze(0)).squeeze(0)
    return mean_rate(torch.ones_like(last), last, steps)


def assess(
    checkpoint: Path, store: Path, split_file: Path, settings: EvaluationSettings, device: torch.device, command: str
) -> record.ImageRecord:
    """Assess a classifier and gather the record. `command` is the line that makes it again.

    Raises:
        UserError: a file is missing or damaged, or the classifier was trained on another set or split.
    """
    start = time.perf_counter()
    model, meta = load_classifier(checkpoint, device)
    for key, path in (("store", store), ("split_sha256", split_file)):
        if meta[key] != sha256(path):
            raise UserError(
                f"{checkpoint} was trained on another version of {path}. Train again, or make that file as it was."
            )
    images = ImageSet.load(store)
    run = read_json(checkpoint.with_name("run.json"))
    test = HeldOut.of(images, read_split(split_file, len(images)), device)
    made = Assessment(model, meta, test, settings)
    scores = made.scores()
    per_class = {name: record.ClassScores(**row) for name, row in zip(meta["classes"], scores.per_class, strict=True)}  # type: ignore[arg-type]
    without_leaks, robustness, equilibrium = made.without_leaks(), made.robustness(), made.equilibrium()
    commit, dirty = provenance.commit()
    return record.ImageRecord(
        schema=1,
        experiment="images",
        **{key: meta[key] for key in ("dataset", "split", "model", "seed", "size", "classes", "demo")},
        preset=run["preset"],
        metrics=_metrics(scores),
        per_class=per_class,
        confusion=scores.confusion,
        without_leaks=without_leaks,
        robustness=robustness,
        equilibrium=equilibrium,
        model_size=made.size(),
        test=made.predictions(),
        history=record.Training(**meta["history"]),
        settings={"classify": meta["settings"], "evaluation": settings.model_dump(mode="json")},
        data=record.ImageData(
            path=str(store),
            sha256=meta["store"],
            content=content_digest(store),
            source_sha256=images.meta.get("source_sha256"),
            images=len(images),
        ),
        checkpoint=record.Artefact.of(checkpoint),
        split_file=record.Artefact.of(split_file, meta["split_sha256"]),
        code=record.ImageCode(
            classify=meta["code"], assess=provenance.code_digest("kanrepro.images.assess"), commit=commit, dirty=dirty
        ),
        versions=provenance.versions(),
        cost=record.ImageCost(
            hardware=run["hardware"],
            device=run["device"],
            train_seconds=run["seconds"],
            assess_seconds=time.perf_counter() - start,
            peak_memory_mb=max(run["peak_memory_mb"], peak_memory_mb(device)),
        ),
        commands=[run["command"], command],
    )


def _metrics(found: Evaluation) -> dict[str, record.Score]:
    return {name: record.Score(**score) for name, score in found.metrics.items()}


def _share(found: Outputs) -> float | None:
    """The share of iterations that met the tolerance; None where there are none."""
    return float(found.converged.double().mean()) if len(found.converged) else None


def _finite(value: Tensor) -> float | None:
    return float(value) if value.isfinite() else None


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.images.assess."""
    parser = stage_parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="model.safetensors of a training")
    parser.add_argument("--store", type=Path, required=True, help="the image set that it was trained on")
    parser.add_argument("--split", type=Path, required=True, help="the split file that it was trained with")
    parser.add_argument("--output", type=Path, required=True, help="record to write (JSON)")
    parser.add_argument("--settings", default="{}", help="JSON, or a file of it: keys of EvaluationSettings to change")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    arguments = parser.parse_args(argv)
    check_threads(arguments.threads)
    settings = validate(EvaluationSettings, read_object(arguments.settings), "--settings")
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    command = command_line("kanrepro.images.assess", argv)
    made = assess(
        arguments.checkpoint, arguments.store, arguments.split, settings, pick_device(arguments.device), command
    )
    made.write(arguments.output)
    shown = "  ".join(
        f"{name} {100 * value:.1f} %" for name in ("accuracy", "auc") if (value := made.metrics[name].value) is not None
    )
    print(f"{made.dataset} {made.model} ({made.split}, seed {made.seed}): {shown}, {len(made.test.y)} test images")
    if made.equilibrium and made.equilibrium.converged < 1:
        missed = round((1 - made.equilibrium.converged) * len(made.test.y))
        print(f"warning: {missed} of {len(made.test.y)} test images did not converge", file=sys.stderr)


if __name__ == "__main__":
    cli(main)
