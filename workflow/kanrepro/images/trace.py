"""Trace the iteration of trained classifiers, and of the same maps before training.

Reads model.safetensors of classifiers whose head iterates, and the image set and split that they were trained on.
Writes one JSON document with a list `traces`: for each checkpoint the plain (damped) iteration and, where it is solved
for an equilibrium, Anderson's; and the plain iteration as its training found it, on the features of an untrained
backbone. Each trace holds, step by step over the same test images without dropout,

    residual_median, residual_low, residual_high
                   |F(z) - z| over that of the first step: median, 10th and 90th percentile of the images for which it
                   is finite, null where there is none
    share_finite   of the images

and `rate`, the factor by which |F(z) - z| changes a step (median over images, rounding left out), beside `bound`, what
the certified form promises of the plain iteration (null for others, and for Anderson's).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import read_json, sha256, write_json
from kanrepro.core.machine import made_ready
from kanrepro.core.options import add_run_options, made_by
from kanrepro.core.parser import stage_parser
from kanrepro.core.parts import validate
from kanrepro.core.streams import stream
from kanrepro.images.assess import measured_rate
from kanrepro.images.augment import normalise
from kanrepro.images.splits import read_split
from kanrepro.images.store import ImageSet
from kanrepro.models.classifier import Classifier, load_classifier
from kanrepro.models.classifier_settings import ModelSettings
from kanrepro.models.deq import EquilibriumHead

QUANTILES = (0.1, 0.5, 0.9)

Trace = dict[str, Any]


def summary(distances: Tensor) -> Trace:
    """The lists of a trace (T, B), and its rate."""
    finite = distances.isfinite()
    values = distances.double().where(finite, torch.nan)
    quantiles = torch.tensor(QUANTILES, dtype=torch.float64, device=values.device)
    low, middle, high = (_numbers(row) for row in values.nanquantile(quantiles, dim=1))
    return {
        "residual_median": middle,
        "residual_low": low,
        "residual_high": high,
        "share_finite": _numbers(finite.double().mean(dim=1)),
        "rate": _numbers(measured_rate(distances).nanmedian().unsqueeze(0))[0],
    }


def _numbers(values: Tensor) -> list[float | None]:
    """To six digits; None for what JSON cannot hold."""
    return [float(f"{value:.6g}") if value == value else None for value in values.tolist()]


def bound_of(head: EquilibriumHead) -> float | None:
    """What the certified form promises of a plain step z + damping (F(z) - z)."""
    certificate, damping = head.certificate(), head.settings.solver.damping
    return 1 - damping * (1 - certificate["bound"]) if certificate else None


def traces_of(name: str, model: Classifier, pixels: Tensor, steps: int) -> Iterator[Trace]:
    """The traces of a trained classifier on normalised images (B, C, S, S).

    Raises:
        UserError: its head does not iterate.
    """
    head = model.head
    if head is None or head.settings.kind == "feedforward":
        raise UserError(f"{name} does not iterate: there is nothing to trace. Leave it out of --checkpoints.")
    with torch.no_grad():
        u = model.features(pixels)
    for solver in ("damped", "anderson") if head.settings.kind == "equilibrium" else ("damped",):
        yield _trace(name, head, u, steps, solver, trained=True)


def untrained(name: str, settings: ModelSettings, classes: int, seed: int, pixels: Tensor, steps: int) -> Trace:
    """The plain iteration of a map as the training of `name` with `seed` found it."""
    _, channels, size, _ = pixels.shape
    model = Classifier(settings, channels, classes, size, stream(seed, "initial")).to(pixels.device)
    with torch.no_grad():
        u = model.train().features(pixels)  # as its first batch: batch norm has no statistics of its own yet
    assert model.head is not None
    return _trace(name, model.head, u, steps, "damped", trained=False)


def _trace(name: str, head: EquilibriumHead, u: Tensor, steps: int, solver: str, trained: bool) -> Trace:
    return {
        "model": name,
        "form": head.settings.form,
        "trained": trained,
        "solver": solver,
        **summary(head.trace(u, steps, solver)),
        "bound": bound_of(head) if solver == "damped" else None,
    }


def trace(
    checkpoints: Sequence[Path], store: Path, split_file: Path, images: int, steps: int, device: torch.device
) -> dict[str, Any]:
    """The document, without preset and command.

    Raises:
        UserError: a file is missing or damaged, a classifier does not iterate, or was trained on other images.
    """
    image_set = ImageSet.load(store)
    test = torch.from_numpy(read_split(split_file, len(image_set)).test).sort().values
    chosen = test[torch.randperm(len(test), generator=stream(0, "trace"))[:images]].sort().values
    traces: list[Trace] = []
    meta: dict[str, Any] = {}
    for path in checkpoints:
        model, meta = load_classifier(path, device)
        for key, file in (("store", store), ("split_sha256", split_file)):
            if meta[key] != sha256(file):
                raise UserError(f"{path} was trained on another version of {file}. Train again, or name its own.")
        mean, std = (torch.tensor(meta[key], device=device) for key in ("mean", "std"))
        pixels = normalise(image_set.pixels[chosen].to(device), mean, std)
        traces += traces_of(meta["model"], model, pixels, steps)
        settings = validate(ModelSettings, meta["settings"]["model"], str(path))
        traces.append(untrained(meta["model"], settings, len(meta["classes"]), meta["seed"], pixels, steps))
    return {
        "schema": 1,
        "experiment": "trace",
        "dataset": meta["dataset"],
        "split": read_json(split_file)["split"],
        "images": len(chosen),
        "traces": traces,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.images.trace."""
    parser = stage_parser(__doc__)
    parser.file("--checkpoints", "model.safetensors of classifiers", nargs="+")
    parser.file("--store", "the image set that they were trained on")
    parser.file("--split", "the split that they were trained on")
    parser.file("--output", "JSON to write")
    parser.add_argument("--images", type=int, default=64, help="test images, drawn once (default: 64)")
    parser.add_argument("--steps", type=int, default=40, help="of each iteration (default: 40)")
    add_run_options(parser, "document")
    arguments = parser.parse_args(argv)
    for name in ("images", "steps"):
        if getattr(arguments, name) < 1:
            raise UserError(f"--{name} is {getattr(arguments, name)}, but at least 1 is needed.")
    device = made_ready(arguments)
    made = trace(arguments.checkpoints, arguments.store, arguments.split, arguments.images, arguments.steps, device)
    told = {"preset": arguments.preset, **made_by("kanrepro.images.trace", argv)}
    write_json(arguments.output, {**made, **told})
    for row in made["traces"]:
        end, rate = row["residual_median"][-1], row["rate"]
        text = "runs out of numbers" if end is None else f"|F(z) - z| at {end:.1e} of its start"
        print(
            f"{row['model']} ({'trained' if row['trained'] else 'untrained'}, {row['solver']}): {text} after "
            f"{arguments.steps} steps" + ("" if rate is None else f", times {rate:.3f} a step")
        )


if __name__ == "__main__":
    cli(main)
