"""Train one image classifier (DEQ-KAN in one of its forms, or what it is compared with).

Reads an image set and a split of it. Writes into the output folder
    model.safetensors  the weights of the epoch with the lowest validation loss, with everything needed to rebuild the
                       classifier (kanrepro.models.classifier.load_classifier); equal runs give equal bytes (CPU)
    history.csv        one row an epoch: losses, accuracy on validation images, learning rate, mean norm of the gradient
                       before clipping, the solver's mean steps, relative residual and share of images that converged,
                       seconds, and the share of images whose gradient's solve converged
    run.json           cost, versions, code and the command
and while it runs state.safetensors, from which an interrupted run resumes with the loss of at most one epoch.
"""

import sys
from pathlib import Path
from typing import Any

from kanrepro.core import checkpoint, provenance
from kanrepro.core.errors import UserError, cli, unknown
from kanrepro.core.files import read_json, sha256, write_json
from kanrepro.core.history import Row, write_history
from kanrepro.core.lock import run_lock
from kanrepro.core.machine import made_ready, run_document
from kanrepro.core.options import add_run_options, command_line, read_object
from kanrepro.core.parser import stage_parser
from kanrepro.core.parts import merged, validate
from kanrepro.core.resume import ALWAYS, train
from kanrepro.images.settings import ClassifySettings
from kanrepro.images.splits import read_split
from kanrepro.images.store import ImageSet
from kanrepro.images.training import HISTORY, ImageTraining
from kanrepro.images.variants import IMAGE_MODELS, changes_of

MODULE = "kanrepro.images.classify"


def classify(training: ImageTraining, state_file: Path, identity: dict[str, Any]) -> ImageTraining:
    """Train until patience or epochs end, and say once if iterations stop short of a fixed point."""
    warned = False

    def watch(row: Row) -> None:
        nonlocal warned
        warned = warned or warn_unconverged(row, len(training.train[1]))

    train(training, state_file, identity, ALWAYS, watch=watch)
    if training.epoch < training.epochs:
        print(f"stopped after epoch {training.epoch}: no better one since {training.best_epoch}", file=sys.stderr)
    return training


def warn_unconverged(row: Row, images: int) -> bool:
    """Whether iterations of an epoch over `images` images stopped short of a fixed point; if so, say how many."""
    kinds = {"converged": "hidden states", "gradient_converged": "gradients"}
    short = {text: round((1 - row[key]) * images) for key, text in kinds.items() if row[key] is not None}  # type: ignore[operator]
    counts = " and ".join(f"{count} of {images} {text}" for text, count in short.items() if count)
    if counts:
        print(
            f"warning: {counts} did not converge in epoch {row['epoch']}; history.csv tells of every epoch",
            file=sys.stderr,
        )
    return bool(counts)


def main(argv: list[str] | None = None) -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.file("--store", "image set, made by kanrepro.images.prepare")
    parser.file("--split", "split of it, made by kanrepro.images.splits")
    parser.add_argument("--model", default="deq_kan", help=f"one of {', '.join(IMAGE_MODELS)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.file("--output", "folder for the classifier and its history")
    add_run_options(parser, "record", ClassifySettings)
    arguments = parser.parse_args(argv)
    if arguments.model not in IMAGE_MODELS:
        raise unknown("model", arguments.model, IMAGE_MODELS)
    device = made_ready(arguments)
    base = merged(ClassifySettings().model_dump(mode="json"), changes_of(arguments.model))
    settings = validate(ClassifySettings, merged(base, read_object(arguments.settings)), "--settings")
    images = ImageSet.load(arguments.store)
    split, store = read_split(arguments.split, len(images)), sha256(arguments.store)
    if split.set_sha256 != store:
        raise UserError(f"{arguments.split} was made for another version of {arguments.store}. Make it again.")
    identity = {
        "store": store,
        "split_sha256": sha256(arguments.split),
        "model": arguments.model,
        "seed": arguments.seed,
        "settings": settings.model_dump(mode="json"),
        "code": provenance.code_digest(MODULE),
    }
    with run_lock(arguments.output):
        state_file = arguments.output / "state.safetensors"
        training = classify(ImageTraining(images, split, settings, arguments.seed, device), state_file, identity)

        best = training.history[training.best_epoch - 1]
        meta = {
            "dataset": images.meta.get("name", arguments.store.stem),
            "demo": images.meta.get("demo", False),
            "split": read_json(arguments.split)["split"],
            "classes": images.classes,
            "channels": images.pixels.shape[1],
            "size": images.pixels.shape[2],
            "mean": training.mean.tolist(),
            "std": training.std.tolist(),
            "history": {
                "epochs": training.epoch,
                "best_epoch": training.best_epoch,
                "validation_loss": best["validation_loss"],
            },
            **identity,
        }
        checkpoint.save(arguments.output / "model.safetensors", training.best, meta)
        write_history(arguments.output / "history.csv", training.history, HISTORY)
        seconds, command = sum(row["seconds"] or 0.0 for row in training.history), command_line(MODULE, argv)
        write_json(arguments.output / "run.json", run_document(arguments, device, seconds, command))
        checkpoint.remove_state(state_file)


if __name__ == "__main__":
    cli(main)
