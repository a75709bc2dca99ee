"""Pre-train an encoder by one of the methods (kanrepro/methods), or by a user's own (docs/own-method.md).

Reads a graph store. Writes into the output folder
    encoder.safetensors  the encoder's weights, with everything needed to rebuild it; equal runs give equal bytes (CPU);
                         with optimiser.keep_every those after earlier epochs too, as epoch.<number>.<name>
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
from typing import Any

import torch

from kanrepro.core import checkpoint, provenance
from kanrepro.core.distributed import join_ranks, leave_ranks
from kanrepro.core.errors import UserError, cli, unknown
from kanrepro.core.files import sha256, write_json
from kanrepro.core.history import write_history
from kanrepro.core.lock import run_lock
from kanrepro.core.machine import keep_freed_memory, pick_device, round_products, run_document
from kanrepro.core.options import add_run_options, check_threads, read_object
from kanrepro.core.parser import expanded, stage_parser
from kanrepro.core.parts import merged, validate
from kanrepro.core.resume import ALWAYS, train
from kanrepro.methods.folder import built_in, find
from kanrepro.methods.method import Method
from kanrepro.methods.readings import changes_of, names, readings_of, settings_of
from kanrepro.pretraining.families import FAMILIES
from kanrepro.pretraining.settings import PretrainSettings, of_run, with_keys
from kanrepro.pretraining.training import Training, columns
from kanrepro.store.store import GraphStore


def read_settings(given: str, method: Method, reading: str) -> PretrainSettings:
    """The settings of a run by hand: the family's defaults, the reading, the method, and what --settings changes.

    Raises:
        UserError: an unknown family or reading, or a key or value at fault.
    """
    changes = read_object(given)
    encoder = changes.get("encoder")
    family = encoder.get("family", "tu") if isinstance(encoder, dict) else "tu"
    if family not in FAMILIES:
        raise unknown("family in --settings", str(family), FAMILIES)
    if family not in method.families:
        raise UserError(f"{method.name} learns from the families {', '.join(method.families)}, not from {family}.")
    readings = readings_of(method.word, names(family), labelled=False, family=family)
    if reading not in readings and not changes:
        raise unknown("reading", reading, readings)
    known = with_keys(FAMILIES[family], [*built_in().values(), *([method] if method.file else [])])
    base = settings_of(known().model_dump(mode="json"), changes_of(family, reading, method.word), method.word)
    made = validate(known, merged(base, changes), "--settings")
    return of_run(FAMILIES[family], made.model_dump(mode="json"), method, "--settings")


def main(argv: list[str] | None = None) -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.file("--store", "graph store, made by kanrepro.tu.prepare")
    parser.add_argument("--method", default="khan_gcl", help=f"one of {', '.join(built_in())}, or the file of your own")
    parser.add_argument("--reading", default="repaired", help=f"one of {', '.join(names('tu'))}, or your own name")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="at most so many graphs of the store, drawn once (default: all)")
    parser.file("--output", "folder for the encoder and its history")
    add_run_options(parser, "record", PretrainSettings)
    arguments = parser.parse_args(argv)
    method = find(arguments.method)
    if arguments.limit is not None and arguments.limit < 2:
        raise UserError(f"--limit is {arguments.limit}, but contrast needs at least two graphs.")
    check_threads(arguments.threads)
    settings = read_settings(arguments.settings, method, arguments.reading)
    torch.set_num_threads(arguments.threads)
    round_products(settings.optimiser.precision)
    keep_freed_memory()
    ranks, own = join_ranks(arguments.device)
    device = pick_device(own)

    store = GraphStore.load(arguments.store)
    code = provenance.code_digest("kanrepro.pretraining.pretrain", method.source)
    explicit = settings.model_dump(mode="json")
    identity = {"store": sha256(arguments.store), "seed": arguments.seed, "settings": explicit, "code": code}
    identity |= {"limit": arguments.limit, "processes": ranks.world}
    state_file = arguments.output / "state.safetensors"
    training = Training(store, settings, arguments.seed, device, arguments.limit, ranks)  # a refusal leaves no folder
    with run_lock(arguments.output) if ranks.first else nullcontext():
        train(training, state_file, identity, ALWAYS, ranks.first)
        training.calibrate()
        leave_ranks()
        if ranks.first:
            words = expanded(sys.argv[1:] if argv is None else argv)
            named: dict[str, Any] = {"dataset": store.meta.get("name", arguments.store.stem), "method": method.name}
            if method.file is not None:
                named["own_method"] = {"label": method.label, "file": method.word, "sha256": sha256(method.file)}
            _write(training, arguments, {**named, **identity}, words)
            checkpoint.remove_state(state_file)


def _write(training: Training, arguments: argparse.Namespace, identity: dict[str, Any], words: list[str]) -> None:
    """The outputs of a training that is done."""
    meta = {
        "reading": arguments.reading,
        "in_features": training.graphs.x.shape[1],
        "graphs": training.size,
        "history": {k: v for k, v in (training.history or [{}])[-1].items() if k not in ("epoch", "seconds")}
        | training.spline_shares(),
        **identity,
    }
    tensors = {**training.method.kept(training.model), **training.kept}
    checkpoint.save(arguments.output / "encoder.safetensors", tensors, meta)
    write_history(arguments.output / "history.csv", training.history, columns(training.method))
    device, processes = training.device, training.ranks.world
    launcher = ["python"] if processes == 1 else ["torchrun", "--standalone", "--nproc-per-node", str(processes)]
    seconds = sum(row["seconds"] or 0.0 for row in training.history)
    command = shlex.join([*launcher, "-m", "kanrepro.pretraining.pretrain", *words])
    run = run_document(arguments, device, seconds, command, processes=processes)
    write_json(arguments.output / "run.json", run)


if __name__ == "__main__":
    cli(main)
