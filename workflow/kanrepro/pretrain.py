"""Pre-train an encoder by graph contrastive learning (Khan-GCL, Algorithm 3).

Reads a graph store. Writes into the output folder
    encoder.safetensors  the encoder's weights, with everything needed to rebuild it; equal runs give equal bytes (CPU)
    history.csv          one row an epoch: losses, CKFI diagnostics, share of inputs outside the grid, seconds
    run.json             cost, versions, code and the command
and while it runs state.safetensors, from which an interrupted run resumes with the loss of at most one epoch.
"""

import argparse
import csv
import shlex
import sys
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from kanrepro import checkpoint, provenance
from kanrepro.data.store import GraphStore
from kanrepro.errors import cli, unknown
from kanrepro.files import atomic, sha256, write_json
from kanrepro.graph_settings import PretrainSettings
from kanrepro.lock import run_lock
from kanrepro.machine import keep_freed_memory, peak_memory_mb, pick_device
from kanrepro.methods import CONTROLS, METHODS, READINGS, merged, settings_of
from kanrepro.options import read_object
from kanrepro.parts import validate
from kanrepro.training import HISTORY, Training


def pretrain(training: Training, state_file: Path, identity: dict[str, Any]) -> Training:
    """Train to the last epoch, saving the state after each; resumes from `state_file` where it holds the same run."""
    found = checkpoint.load_state(state_file, identity, lambda text: print(text, file=sys.stderr))
    if found:
        tensors, meta = found
        training.restore(tensors, meta["history"])
        print(f"resuming after epoch {training.epoch}", file=sys.stderr)
    epochs = training.settings.optimiser.epochs
    bar = tqdm(total=epochs, initial=training.epoch, unit="epoch", disable=None)
    while training.epoch < epochs:
        row = training.run_epoch()
        checkpoint.save_state(state_file, training.state(), {"identity": identity, "history": training.history})
        bar.set_postfix_str(f"loss {row['loss']:.4f}")
        bar.update()
        if bar.disable and (training.epoch % max(1, epochs // 10) == 0 or training.epoch == epochs):
            print(f"epoch {training.epoch}/{epochs}  loss {row['loss']:.4f}  {row['seconds']:.2f} s", file=sys.stderr)
    bar.close()
    return training


def write_history(path: Path, history: list[dict[str, float | None]]) -> None:
    """The history as CSV; a value that is not defined for the method stays empty."""
    with atomic(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, HISTORY, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)


def main(argv: list[str] | None = None) -> None:
    """Command line of the stage."""
    parser = argparse.ArgumentParser(
        prog="python -m kanrepro.pretrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--store", type=Path, required=True, help="graph store, made by kanrepro.data.prepare")
    parser.add_argument("--method", default="khan_gcl", help=f"one of {', '.join([*METHODS, *CONTROLS])}")
    parser.add_argument("--reading", default="repaired", help=f"one of {', '.join(READINGS)}, or your own name")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True, help="folder for the encoder and its history")
    parser.add_argument("--settings", default="{}", help="JSON or a file of it: PretrainSettings to change")
    parser.add_argument("--preset", default="by-hand", help="name that the record will carry")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    arguments = parser.parse_args(argv)
    if arguments.method not in {**METHODS, **CONTROLS}:
        raise unknown("method", arguments.method, [*METHODS, *CONTROLS])
    changes = read_object(arguments.settings)
    if arguments.reading not in READINGS and not changes:
        raise unknown("reading", arguments.reading, READINGS)
    defaults = PretrainSettings().model_dump(mode="json")
    base = settings_of(defaults, READINGS.get(arguments.reading, {}), arguments.method)
    settings = validate(PretrainSettings, merged(base, changes), "--settings")
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    device = pick_device(arguments.device)

    store = GraphStore.load(arguments.store)
    code, explicit = provenance.code_digest("kanrepro.pretrain"), settings.model_dump(mode="json")
    identity = {"store": sha256(arguments.store), "seed": arguments.seed, "settings": explicit, "code": code}
    with run_lock(arguments.output):
        state_file = arguments.output / "state.safetensors"
        training = pretrain(Training(store, settings, arguments.seed, device), state_file, identity)

        meta = {
            "dataset": store.meta.get("name", arguments.store.stem),
            "method": arguments.method,
            "reading": arguments.reading,
            "in_features": training.graphs.x.shape[1],
            "history": {k: v for k, v in (training.history or [{}])[-1].items() if k not in ("epoch", "seconds")},
            **identity,
        }
        checkpoint.save(arguments.output / "encoder.safetensors", training.model.encoder.state_dict(), meta)
        write_history(arguments.output / "history.csv", training.history)
        commit, dirty = provenance.commit()
        run = {
            "preset": arguments.preset,
            "seconds": sum(row["seconds"] or 0.0 for row in training.history),
            "peak_memory_mb": peak_memory_mb(device),
            "device": str(device) if device.type == "cpu" else torch.cuda.get_device_name(device),
            "threads": arguments.threads,
            "hardware": provenance.hardware(),
            "commit": commit,
            "dirty": dirty,
            "versions": provenance.versions(),
            "command": shlex.join(["python", "-m", "kanrepro.pretrain", *(sys.argv[1:] if argv is None else argv)]),
        }
        write_json(arguments.output / "run.json", run)
        checkpoint.remove_state(state_file)


if __name__ == "__main__":
    cli(main)
