"""Fine-tune a pre-trained encoder of molecules end to end on one set, once for each seed.

Reads a checkpoint of a pre-training (run.json beside it), a set of molecules and a split of it. Writes one record
(JSON, `kanrepro.molecules.record`) a seed: ROC-AUC of the test molecules at the epoch of the best validation score and
after the last epoch, of each task and in the mean, the curves of all epochs, and everything that made the numbers.

A seed decides the head's initial weights, the order of molecules and the dropout; where the name of the checkpoint
holds `{seed}`, each seed has an encoder of its own, as those have that were never trained.

While it runs, the folder of states holds a file a seed, from which the same command goes on after any interruption;
seeds that are done are not run again.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from kanrepro.core import checkpoint, provenance
from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import read_json, sha256
from kanrepro.core.lock import run_lock
from kanrepro.core.machine import device_name, keep_freed_memory, peak_memory_mb, pick_device, round_products
from kanrepro.core.options import add_run_options, check_seeds, check_threads, command_line, read_object
from kanrepro.core.parser import stage_parser
from kanrepro.core.parts import validate
from kanrepro.core.record import Artefact
from kanrepro.core.resume import train
from kanrepro.models.encoders import load_encoder
from kanrepro.molecules.finetune_settings import FinetuneSettings
from kanrepro.molecules.finetuning import Finetuning, curves_of
from kanrepro.molecules.labelled import LabelledSet, by_seed
from kanrepro.molecules.record import EXPERIMENTS, Curves, Pretraining, TransferCode, TransferCost, TransferRecord


def record_of(
    training: Finetuning, labelled: LabelledSet, encoder: Path, meta: dict[str, Any], arguments: argparse.Namespace,
    device: torch.device, command: str,
) -> TransferRecord:  # fmt: skip
    """Everything about one result; `meta` is the document of the checkpoint `encoder`."""
    assert training.best is not None and training.last is not None
    run, settings = read_json(encoder.with_name("run.json")), meta["settings"]
    commit, dirty = provenance.commit()
    return TransferRecord(
        schema=1,
        experiment=arguments.experiment,
        dataset=labelled.name,
        method=meta["method"],
        encoder=settings["encoder"]["network"],
        reading=meta["reading"],
        seed=training.seed,
        preset=arguments.preset,
        demo=labelled.demo,
        tasks=labelled.tasks,
        excluded=labelled.excluded,
        best=training.best,
        last=training.last,
        curves=Curves.model_validate(curves_of(training.history)),
        settings={"finetune": training.settings.model_dump(mode="json")},
        pretraining=Pretraining(
            dataset=meta["dataset"],
            molecules=meta["graphs"],
            epochs=settings["optimiser"]["epochs"],
            seed=meta["seed"],
            seconds=run["seconds"],
            code=meta["code"],
            settings=settings,
        ),
        data=labelled.data,
        split=labelled.kind,
        split_file=labelled.split_file,
        checkpoint=Artefact.of(encoder),
        code=TransferCode(
            stage="finetune", digest=provenance.code_digest("kanrepro.molecules.finetune"), commit=commit, dirty=dirty
        ),
        versions=provenance.versions(),
        cost=TransferCost(
            hardware=provenance.hardware(),
            device=device_name(device),
            seconds=sum(row["seconds"] for row in training.history),
            peak_memory_mb=peak_memory_mb(device),
        ),
        own_method=meta.get("own_method"),
        commands=[run["command"], command],
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.molecules.finetune."""
    parser = stage_parser(__doc__)
    parser.add_argument("--checkpoint", required=True, help="encoder.safetensors of a pre-training; may hold {seed}")
    parser.add_argument("--store", type=Path, required=True, help="prepared molecules with labels")
    parser.add_argument("--split", required=True, help="split of it, by kanrepro.molecules.splits; may hold {seed}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one fine-tuning each (default: 0)")
    parser.add_argument("--output", required=True, help="record to write (JSON); {seed} stands for the seed")
    parser.add_argument("--states", type=Path, help="folder of states to resume from (default: the record's/states)")
    parser.add_argument(
        "--experiment",
        choices=EXPERIMENTS,
        default="transfer",
        help="whose records they are (default: transfer, table 1)",
    )
    add_run_options(parser, "records", FinetuneSettings)
    arguments = parser.parse_args(argv)
    check_threads(arguments.threads)
    check_seeds(arguments.seeds, arguments.output)
    settings = validate(FinetuneSettings, read_object(arguments.settings), "--settings")
    torch.set_num_threads(arguments.threads)
    round_products(settings.precision)
    keep_freed_memory()
    device = pick_device(arguments.device)
    command = command_line("kanrepro.molecules.finetune", argv)
    states = arguments.states or Path(arguments.output).parent / "states"

    with run_lock(states):
        for seed, labelled in by_seed(arguments.store, arguments.split, arguments.seeds):
            path = Path(arguments.checkpoint.replace("{seed}", str(seed)))
            encoder, meta = load_encoder(path, settings.dropout)
            if meta["settings"]["encoder"]["family"] != "molecule":
                raise UserError(
                    f"{path} is an encoder of {meta['dataset']}, not of molecules. Name another checkpoint."
                )
            identity = {
                "store": labelled.data.sha256,
                "split": labelled.split_file.sha256,
                "checkpoint": sha256(path),
                "seed": seed,
                "settings": settings.model_dump(mode="json"),
                "code": provenance.code_digest("kanrepro.molecules.finetune"),
            }
            training = Finetuning(labelled, encoder, settings, seed, device)
            train(training, _state(states, seed), identity)
            made = record_of(training, labelled, path, meta, arguments, device, command)
            made.write(arguments.output.replace("{seed}", str(seed)))
            assert made.last is not None
            print(
                f"{made.dataset} {made.method} ({made.reading}, seed {seed}): test ROC-AUC {100 * made.best.test:.2f} "
                f"% at epoch {made.best.epoch}, {100 * made.last.test:.2f} % after the last, {made.cost.seconds:.1f} s"
            )
        for seed in arguments.seeds:  # until here a run that is broken off repeats no seed
            checkpoint.remove_state(_state(states, seed))


def _state(folder: Path, seed: int) -> Path:
    return folder / f"finetune-{seed}.safetensors"


if __name__ == "__main__":
    cli(main)
