"""Fine-tune a superpixel encoder on few labels, end to end, and write the record of its test accuracy (Table 7).

Reads encoder.safetensors (with run.json beside it), the stores of both parts, and a split. Trains encoder and heads by
Adam on the labelled images; the rate is halved when the loss of the validation images stops falling, and training ends
when it is small enough, or at the last epoch. The test images are looked at once, after that (GraphCL's MNIST code).
"""

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from kanrepro import provenance, record
from kanrepro.data.store import GraphStore
from kanrepro.data.superpixels.splits import DigitSplit, read_split
from kanrepro.errors import UserError, cli
from kanrepro.files import read_json, sha256
from kanrepro.machine import keep_freed_memory, peak_memory_mb, pick_device
from kanrepro.models.digit_classifier import DigitClassifier
from kanrepro.models.encoders import load_encoder
from kanrepro.models.superpixel_gin import SuperpixelGIN
from kanrepro.options import check_threads, read_object
from kanrepro.parts import validate
from kanrepro.streams import stream
from kanrepro.superpixel_settings import DigitFinetuneSettings

BATCH = 512  # graphs at a time where nothing is trained


@dataclass(frozen=True)
class Tuned:
    """What a fine-tuning came to: accuracy on the test images, and per epoch losses, validation accuracy and rate."""

    accuracy: float
    by_class: list[float]
    history: list[dict[str, float]]


def finetune(
    model: DigitClassifier,
    train: GraphStore,
    test: GraphStore,
    split: DigitSplit,
    settings: DigitFinetuneSettings,
    seed: int,
) -> Tuned:
    """Train `model` on the labelled images and test it once.

    Raises:
        UserError: the loss is no longer finite.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, fused=True)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=settings.factor, patience=settings.patience)
    labelled, valid = torch.tensor(split.labelled), torch.tensor(split.valid)
    history: list[dict[str, float]] = []
    for epoch in tqdm(range(settings.epochs), unit="epoch", disable=None):
        model.train()
        order = labelled[torch.randperm(len(labelled), generator=stream(seed, f"order {epoch}"))]
        total = 0.0
        for index in order.split(settings.batch_size):
            if len(index) < 2:
                continue  # a batch norm needs two
            optimiser.zero_grad(set_to_none=True)
            batch = train.batch(index.to(train.x.device))
            assert batch.y is not None
            loss = cross_entropy(model(batch), batch.y[:, 0])
            loss.backward()
            optimiser.step()
            total += loss.item() * len(index)
        scores, truth = predict(model, train, valid)
        watched = float(cross_entropy(scores, truth))
        rate = optimiser.param_groups[0]["lr"]
        right = float((scores.argmax(1) == truth).float().mean())
        history.append({"loss": total / len(order), "valid_loss": watched, "valid_accuracy": right, "rate": rate})
        if not (total == total and abs(total) != float("inf")):
            raise UserError(
                f"fine-tuning diverged in epoch {epoch + 1}; nothing was written. Lower "
                f"superpixels.finetune.learning_rate ({settings.learning_rate})."
            )
        plateau.step(watched)
        if optimiser.param_groups[0]["lr"] < settings.least_rate:
            break
    scores, truth = predict(model, test, torch.tensor(split.test))
    hits = scores.argmax(1) == truth
    by_class = [float(hits[truth == c].float().mean()) for c in range(scores.shape[1]) if bool((truth == c).any())]
    return Tuned(float(hits.double().mean()), by_class, history)


def superpixels(path: Path) -> GraphStore:
    """A store of superpixel graphs with its features as encoders want them.

    Raises:
        UserError: as in `GraphStore.load`, or it holds other graphs.
    """
    store = GraphStore.load(path)
    if not store.x.is_floating_point():
        raise UserError(
            f"{path} holds no superpixel graphs. Make them with: python -m kanrepro.data.superpixels.prepare"
        )
    return replace(store, x=store.x.float())


@torch.inference_mode()
def predict(model: DigitClassifier, graphs: GraphStore, index: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (G, classes) and classes (G,) of the graphs `index` in evaluation mode."""
    model.eval()
    scores, truth = [], []
    for part in index.to(graphs.x.device).split(BATCH):
        batch = graphs.batch(part)
        assert batch.y is not None
        scores.append(model(batch))
        truth.append(batch.y[:, 0])
    return torch.cat(scores), torch.cat(truth)


def run(arguments: argparse.Namespace, settings: DigitFinetuneSettings, command: str) -> record.Record:
    """Load, fine-tune, and gather the record. `command` is the line that makes it again."""
    start = time.perf_counter()
    device = pick_device(arguments.device)
    encoder, meta = load_encoder(arguments.checkpoint, device=device)
    if not isinstance(encoder, SuperpixelGIN):
        raise UserError(f"{arguments.checkpoint} is no encoder of superpixel graphs. Name another one.")
    if meta["store"] != sha256(arguments.train):
        raise UserError(
            f"{arguments.checkpoint} was trained on another version of {meta['dataset']} than {arguments.train} holds. "
            "Pre-train again, or prepare the set as it was."
        )
    split = read_split(arguments.split, arguments.train, arguments.test)
    train, test = (superpixels(path).to(device) for path in (arguments.train, arguments.test))
    classes = 1 + int(max(train.y.max(), test.y.max()))
    model = DigitClassifier(encoder, classes, stream(split.seed, "heads")).to(device)
    tuned = finetune(model, train, test, split, settings, split.seed)
    trained = read_json(arguments.checkpoint.with_name("run.json"))
    commit, dirty = provenance.commit()
    return record.Record(
        schema=1,
        experiment="superpixels",
        dataset=meta["dataset"],
        method=meta["method"],
        encoder=meta["settings"]["encoder"]["network"],
        reading=meta["reading"],
        seed=split.seed,
        preset=arguments.preset,
        metrics={"accuracy": record.Metric(value=tuned.accuracy)},
        details={
            "labelled": len(split.labelled),
            "validated": len(split.valid),
            "tested": len(split.test),
            "pretrained_on": meta.get("graphs"),
            "pretrain_seed": meta["seed"],
            "recall_of_class": tuned.by_class,
            "epochs": len(tuned.history),
            "finetuning": {key: [row[key] for row in tuned.history] for key in tuned.history[-1]},
            "threads": arguments.threads,
        },
        history={"epochs": meta["settings"]["optimiser"]["epochs"], **meta["history"]},
        settings={"pretrain": meta["settings"], "finetune": settings.model_dump(mode="json")},
        data=record.Data(
            path=str(arguments.train),
            sha256=meta["store"],
            source_sha256=train.meta.get("source_sha256"),
            graphs=len(train),
        ),
        checkpoint=record.Artefact(path=str(arguments.checkpoint), sha256=sha256(arguments.checkpoint)),
        folds=record.Artefact(path=str(arguments.split), sha256=sha256(arguments.split)),
        code=record.Code(
            pretrain=meta["code"],
            probe=provenance.code_digest("kanrepro.superpixel_finetune"),
            commit=commit,
            dirty=dirty,
        ),
        versions=provenance.versions(),
        cost=record.Cost(
            hardware=trained["hardware"],
            device=trained["device"],
            pretrain_seconds=trained["seconds"],
            probe_seconds=time.perf_counter() - start,
            peak_memory_mb=max(trained["peak_memory_mb"], peak_memory_mb(device)),
        ),
        commands=[trained["command"], command],
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.superpixel_finetune."""
    parser = argparse.ArgumentParser(
        prog="python -m kanrepro.superpixel_finetune",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--checkpoint", type=Path, required=True, help="encoder.safetensors of a pre-training")
    parser.add_argument("--train", type=Path, required=True, help="store of the training part, also pre-trained on")
    parser.add_argument("--test", type=Path, required=True, help="store of the test part")
    parser.add_argument("--split", type=Path, required=True, help="made by kanrepro.data.superpixels.splits")
    parser.add_argument("--settings", default="{}", help="JSON, or a file of it: keys of DigitFinetuneSettings")
    parser.add_argument("--preset", default="by-hand", help="name that the record will carry")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--output", type=Path, required=True, help="record to write (JSON)")
    arguments = parser.parse_args(argv)
    check_threads(arguments.threads)
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    settings = validate(DigitFinetuneSettings, read_object(arguments.settings), "--settings")
    command: list[Any] = ["python", "-m", "kanrepro.superpixel_finetune", *(sys.argv[1:] if argv is None else argv)]
    made = run(arguments, settings, shlex.join(command))
    made.write(arguments.output)
    print(
        f"{made.dataset} {made.method} ({made.reading}, seed {made.seed}): accuracy "
        f"{100 * made.metrics['accuracy'].value:.2f} % on {made.details['tested']} test images after "
        f"{made.details['epochs']} epochs on {made.details['labelled']} labels, {made.cost.probe_seconds:.1f} s"
    )


if __name__ == "__main__":
    cli(main)
