"""Pre-train an encoder by graph contrastive learning (Khan-GCL, Algorithm 3), or on molecules by attribute masking.

Reads a graph store. Writes into the output folder
    encoder.safetensors  the encoder's weights, with everything needed to rebuild it; equal runs give equal bytes (CPU)
    history.csv          one row an epoch: losses, CKFI diagnostics, share of inputs outside the grid, seconds
    run.json             cost, versions, code and the command
and while it runs state.safetensors, from which an interrupted run resumes with the loss of at most one epoch.

Several GPUs: torchrun --standalone --nproc-per-node 4 -m kanrepro.pretraining.pretrain ...; batches are then shared
among them, and every view meets the negatives of the whole batch. `encoder.family` in --settings says what the graphs
are, and gives the defaults (kanrepro.pretraining.families).
"""

import argparse
import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from kanrepro.core import checkpoint, provenance
from kanrepro.core.distributed import join_ranks, leave_ranks
from kanrepro.core.errors import UserError, cli, unknown
from kanrepro.core.files import sha256, write_json
from kanrepro.core.history import write_history
from kanrepro.core.lock import run_lock
from kanrepro.core.machine import device_name, keep_freed_memory, peak_memory_mb, pick_device, round_products
from kanrepro.core.options import add_run_options, check_threads, read_object
from kanrepro.core.parser import expanded, stage_parser
from kanrepro.core.parts import merged, validate
from kanrepro.core.resume import ALWAYS, train
from kanrepro.methods.variants import ALL, FAMILY_READINGS, READINGS, settings_of
from kanrepro.pretraining.families import FAMILIES
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.pretraining.training import HISTORY, Training
from kanrepro.store.store import GraphStore


def read_settings(given: str, method: str, reading: str) -> PretrainSettings:
    """The settings of a run by hand: the family's defaults, the reading, the method, and what --settings changes.

    Raises:
        UserError: an unknown family or reading, or a key or value at fault.
    """
    changes = read_object(given)
    encoder = changes.get("encoder")
    family = encoder.get("family", "tu") if isinstance(encoder, dict) else "tu"
    if family not in FAMILIES:
        raise unknown("family in --settings", str(family), FAMILIES)
    readings = FAMILY_READINGS[family]
    if reading not in readings and not changes:
        raise unknown("reading", reading, readings)
    base = settings_of(FAMILIES[family]().model_dump(mode="json"), readings.get(reading, {}), method)
    return validate(FAMILIES[family], merged(base, changes), "--settings")


def main(argv: list[str] | None = None) -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="graph store, made by kanrepro.tu.prepare")
    parser.add_argument("--method", default="khan_gcl", help=f"one of {', '.join(ALL)}")
    parser.add_argument("--reading", default="repaired", help=f"one of {', '.join(READINGS)}, or your own name")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="at most so many graphs of the store, drawn once (default: all)")
    parser.add_argument("--output", type=Path, required=True, help="folder for the encoder and its history")
    add_run_options(parser, "record", PretrainSettings)
    arguments = parser.parse_args(argv)
    if arguments.method not in ALL:
        raise unknown("method", arguments.method, ALL)
    if arguments.limit is not None and arguments.limit < 2:
        raise UserError(f"--limit is {arguments.limit}, but contrast needs at least two graphs.")
    check_threads(arguments.threads)
    settings = read_settings(arguments.settings, arguments.method, arguments.reading)
    torch.set_num_threads(arguments.threads)
    round_products(settings.optimiser.precision)
    keep_freed_memory()
    ranks, own = join_ranks(arguments.device)
    device = pick_device(own)

    store = GraphStore.load(arguments.store)
    code, explicit = provenance.code_digest("kanrepro.pretraining.pretrain"), settings.model_dump(mode="json")
    identity = {"store": sha256(arguments.store), "seed": arguments.seed, "settings": explicit, "code": code}
    identity |= {"limit": arguments.limit, "processes": ranks.world}
    state_file = arguments.output / "state.safetensors"
    with run_lock(arguments.output) if ranks.first else nullcontext():
        training = Training(store, settings, arguments.seed, device, arguments.limit, ranks)
        train(training, state_file, identity, ALWAYS, ranks.first)
        training.calibrate()
        leave_ranks()
        if ranks.first:
            words = expanded(sys.argv[1:] if argv is None else argv)
            _write(training, arguments, {"dataset": store.meta.get("name", arguments.store.stem), **identity}, words)
            checkpoint.remove_state(state_file)


def _write(training: Training, arguments: argparse.Namespace, identity: dict[str, Any], words: list[str]) -> None:
    """The outputs of a training that is done."""
    meta = {
        "method": arguments.method,
        "reading": arguments.reading,
        "in_features": training.graphs.x.shape[1],
        "graphs": training.size,
        "history": {k: v for k, v in (training.history or [{}])[-1].items() if k not in ("epoch", "seconds")}
        | training.spline_shares(),
        **identity,
    }
    checkpoint.save(arguments.output / "encoder.safetensors", training.model.encoder.state_dict(), meta)
    write_history(arguments.output / "history.csv", training.history, HISTORY[training.settings.objective])
    commit, dirty = provenance.commit()
    device, processes = training.device, training.ranks.world
    launcher = ["python"] if processes == 1 else ["torchrun", "--standalone", "--nproc-per-node", str(processes)]
    run = {
        "preset": arguments.preset,
        "seconds": sum(row["seconds"] or 0.0 for row in training.history),
        "peak_memory_mb": peak_memory_mb(device),
        "device": device_name(device),
        "threads": arguments.threads,
        "processes": processes,
        "hardware": provenance.hardware(),
        "commit": commit,
        "dirty": dirty,
        "versions": provenance.versions(),
        "command": shlex.join([*launcher, "-m", "kanrepro.pretraining.pretrain", *words]),
    }
    write_json(arguments.output / "run.json", run)


if __name__ == "__main__":
    cli(main)
