"""Fine-tune a superpixel encoder on few labels, end to end, and write the record of its test accuracy (Table 7).

Reads encoder.safetensors (with run.json beside it), the stores of both parts, and a split. Trains encoder and heads by
Adam on the labelled images; the rate is halved when the loss of the validation images stops falling, and training ends
when it is small enough, or at the last epoch. The test images are looked at once, after that (GraphCL's MNIST code).

While it trains, the folder of states holds a file from which the same command goes on after any interruption.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from kanrepro.core import checkpoint, provenance, record
from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import content_digest, read_json, sha256
from kanrepro.core.lock import run_lock
from kanrepro.core.machine import keep_freed_memory, peak_memory_mb, pick_device
from kanrepro.core.options import add_run_options, check_threads, command_line, read_object
from kanrepro.core.parser import stage_parser
from kanrepro.core.parts import validate
from kanrepro.core.resume import train
from kanrepro.core.streams import stream
from kanrepro.models.digit_classifier import DigitClassifier
from kanrepro.models.encoders import load_encoder
from kanrepro.models.superpixel_gin import SuperpixelGIN
from kanrepro.store.store import GraphStore
from kanrepro.superpixels.settings import DigitFinetuneSettings
from kanrepro.superpixels.splits import read_split
from kanrepro.superpixels.training import DigitTraining, predict


def superpixels(path: Path) -> GraphStore:
    """A store of superpixel graphs with its features as encoders want them.

    Raises:
        UserError: as in `GraphStore.load`, or it holds other graphs.
    """
    store = GraphStore.load(path)
    if not store.x.is_floating_point():
        raise UserError(f"{path} holds no superpixel graphs. Make them with: python -m kanrepro.superpixels.prepare")
    return replace(store, x=store.x.float())


def tested(training: DigitTraining, test: GraphStore, index: Sequence[int]) -> tuple[float, list[float]]:
    """The share of the test graphs `index` that are told right, and that of each class that is among them."""
    scores, truth = predict(training.model, test, torch.tensor(index))
    hits = scores.argmax(1) == truth
    by_class = [float(hits[truth == c].float().mean()) for c in range(scores.shape[1]) if bool((truth == c).any())]
    return float(hits.double().mean()), by_class


def run(
    arguments: argparse.Namespace, settings: DigitFinetuneSettings, state_file: Path, command: str
) -> record.Record:
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
    graphs, test = (superpixels(path).to(device) for path in (arguments.train, arguments.test))
    classes = 1 + int(max(graphs.y.max(), test.y.max()))
    model = DigitClassifier(encoder, classes, stream(split.seed, "heads")).to(device)
    identity = {
        "store": meta["store"],
        "split": sha256(arguments.split),
        "checkpoint": sha256(arguments.checkpoint),
        "settings": settings.model_dump(mode="json"),
        "code": provenance.code_digest("kanrepro.superpixels.finetune"),
    }
    training = DigitTraining(model, graphs, split, settings, split.seed)
    begun = time.perf_counter()
    train(training, state_file, identity)
    start += time.perf_counter() - begun - training.seconds  # as if it had never been broken off
    accuracy, by_class = tested(training, test, split.test)
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
        metrics={"accuracy": record.Metric(value=accuracy)},
        details={
            "labelled": len(split.labelled),
            "validated": len(split.valid),
            "tested": len(split.test),
            "pretrained_on": meta.get("graphs"),
            "pretrain_seed": meta["seed"],
            "recall_of_class": by_class,
            "epochs": training.epoch,
            "finetuning": {key: [row[key] for row in training.history] for key in training.history[-1]},
            "threads": arguments.threads,
        },
        history={"epochs": meta["settings"]["optimiser"]["epochs"], **meta["history"]},
        settings={"pretrain": meta["settings"], "finetune": settings.model_dump(mode="json")},
        data=record.Data(
            path=str(arguments.train),
            sha256=meta["store"],
            content=content_digest(arguments.train),
            source_sha256=graphs.meta.get("source_sha256"),
            graphs=len(graphs),
        ),
        checkpoint=record.Artefact.of(arguments.checkpoint, identity["checkpoint"]),
        folds=record.Artefact.of(arguments.split, identity["split"]),
        code=record.Code(
            pretrain=meta["code"],
            probe=identity["code"],
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
        own_method=meta.get("own_method"),
        commands=[trained["command"], command],
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.superpixels.finetune."""
    parser = stage_parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="encoder.safetensors of a pre-training")
    parser.add_argument("--train", type=Path, required=True, help="store of the training part, also pre-trained on")
    parser.add_argument("--test", type=Path, required=True, help="store of the test part")
    parser.add_argument("--split", type=Path, required=True, help="made by kanrepro.superpixels.splits")
    parser.add_argument("--output", type=Path, required=True, help="record to write (JSON)")
    parser.add_argument(
        "--states", type=Path, help="folder for the state to resume from (default: states/<record> beside the record)"
    )
    add_run_options(parser, "record", DigitFinetuneSettings)
    arguments = parser.parse_args(argv)
    check_threads(arguments.threads)
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    settings = validate(DigitFinetuneSettings, read_object(arguments.settings), "--settings")
    command = command_line("kanrepro.superpixels.finetune", argv)
    states = arguments.states or arguments.output.parent / "states" / arguments.output.stem
    with run_lock(states):
        made = run(arguments, settings, states / "finetune.safetensors", command)
        made.write(arguments.output)
        checkpoint.remove_state(states / "finetune.safetensors")
    print(
        f"{made.dataset} {made.method} ({made.reading}, seed {made.seed}): accuracy "
        f"{100 * made.metrics['accuracy'].value:.2f} % on {made.details['tested']} test images after "
        f"{made.details['epochs']} epochs on {made.details['labelled']} labels, {made.cost.probe_seconds:.1f} s"
    )


if __name__ == "__main__":
    cli(main)
