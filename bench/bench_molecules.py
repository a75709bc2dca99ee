"""Molecules: from SMILES to a store of two million, the share of views in a step, the step of the wide encoder."""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
import yaml
from bench_memory import peak_mb
from clocks import ClockedTraining
from harness import Effort, Line, fastest, judged, not_measured, ratio, side_by_side, threads, words
from subprocesses import last_line, python
from torch import Tensor, nn

from kanrepro.core.files import read_json, write_json
from kanrepro.core.streams import stream
from kanrepro.kan import KANLinear
from kanrepro.molecules import catalog as molecule_catalog
from kanrepro.molecules.join import join
from kanrepro.molecules.prepare import prepare
from kanrepro.molecules.rows import read
from kanrepro.molecules.settings import MoleculeSettings
from kanrepro.molecules.shards import make_shards, shard_path
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.pretraining.training import Training
from kanrepro.store.store import GraphBatch, GraphStore

ROOT = Path(__file__).resolve().parents[1]
MILLIONS = 2_000_000
METHODS = (("graphcl", "literal"), ("khan_gcl", "repaired"), ("attr_masking", "literal"))


def lines(effort: Effort) -> Iterator[Line]:
    """Preparing, views, and the wide step, on molecules of ZINC, or of RDKit where those are not here."""
    with tempfile.TemporaryDirectory(prefix="kanrepro-bench-") as made, threads(1):
        folder = Path(made)
        count, note = _some_molecules(folder, effort)
        yield from _preparing(folder, count, note, effort)
        yield from _millions(folder, count, note, effort)
        store = GraphStore.load(folder / "bench.safetensors")
        yield from _views(store, note, effort)
        yield from _wide_step(store, note, effort)


def _some_molecules(folder: Path, effort: Effort) -> tuple[int, str]:
    """Write the first molecules of ZINC that are here, and a catalogue of them; how many there are, and a note."""
    entry = molecule_catalog.entry("zinc-parts")
    mirror = Path(os.environ.get("KANREPRO_MIRROR") or ROOT.parent / "shared/data")
    file = entry.files[0]
    source = mirror / file.mirror.path if file.mirror else None
    note, wanted = "", 500 if effort.quick else 50_000
    if effort.quick or source is None or not source.is_file():
        entry, sources = molecule_catalog.entry("nci"), []
        note = "molecules out of RDKit stand in"
    else:
        entry, sources = entry.model_copy(update={"files": [file]}), [source]
    smiles = [row.smiles for row in islice(read(entry, sources).rows, wanted)]
    (folder / "bench.smi").write_text("\n".join(smiles) + "\n")
    (folder / "catalog.yaml").write_text(yaml.safe_dump({"bench": {"address": "bench.smi", "format": "smi"}}))
    return len(smiles), note


def _preparing(folder: Path, count: int, note: str, effort: Effort) -> Iterator[Line]:
    entry = molecule_catalog.entry("bench", [folder / "catalog.yaml"])
    few = replace(effort, rounds=(1, 2))
    store = folder / "bench.safetensors"
    times = side_by_side({"prepare": lambda: prepare(entry, [folder / "bench.smi"], store)}, few)
    yield Line(
        "from SMILES to store, molecules a second and core",
        count / times["prepare"].least,
        "1/s",
        judged(effort, ">= 3000"),
        threads=1,
        note=words(f"{count:,} molecules", note),
        times={"prepare": times["prepare"].summary()},
    )


def _millions(folder: Path, count: int, note: str, effort: Effort) -> Iterator[Line]:
    """A store of two million, of which all shards are the same one: what it costs does not depend on what they hold."""
    total = 2 * count if effort.quick else MILLIONS
    said = words(f"{count:,} molecules, repeated", note)
    steps = {
        "shard": "peak memory of a process that makes shards",
        "join": f"peak memory of joining shards of {total:,} molecules",
        "open": f"opening a store of {total:,} molecules",
    }
    limits = {"shard": "<= 2000", "join": "<= 2000", "open": "<= 2"}
    for step, name in steps.items():
        done = python([__file__, step, str(folder), str(total)])
        if done.returncode:
            yield not_measured(name, last_line(done))
            return
        found = json.loads(done.stdout.splitlines()[-1])
        value, unit = (found["seconds"], "s") if step == "open" else (found["peak_mb"], "MB")
        yield Line(name, value, unit, judged(effort, limits[step]), 1, words(said, f"{found['seconds']:.3g} s"))
        if step == "join":
            name = f"store of {total:,} molecules on disk"
            yield Line(name, found["disk_mb"], "MB", judged(effort, "<= 1500"), note=said)


def _settings(method: str, reading: str, hidden: int, **optimiser: int) -> PretrainSettings:
    pretrain = {"encoder": {"hidden": hidden}, "contrast": {"head": [hidden, hidden]}, "optimiser": optimiser}
    return MoleculeSettings.model_validate({"pretrain": pretrain}).pretrain_settings(method, reading)


def _views(store: GraphStore, note: str, effort: Effort) -> Iterator[Line]:
    """The share of an epoch that goes to views and batches, at the width of the preset `small`."""
    some = 500 if effort.quick else 2_048
    for method, reading in METHODS:
        training = ClockedTraining(store, _settings(method, reading, 64), limit=some)
        for _ in range(2 if effort.quick else 3):
            training.run_epoch()
        clock = training.fastest_epoch()
        yield Line(
            f"views and batching of molecules, share of a {method} step at width 64",
            100 * clock["views"] / clock["epoch"],
            "%",
            judged(effort, "<= 10"),
            1,
            words(f"{1e3 * clock['epoch'] / clock['steps']:.3g} ms a step of 256 molecules", note),
        )


def _wide_step(store: GraphStore, note: str, effort: Effort) -> Iterator[Line]:
    """Forward and backward of the KAN encoder of table 5 on a view, beside the matrix products of its layers alone."""
    hidden, batch = (32, 16) if effort.quick else (300, 256)
    training = Training(store, _settings("khan_gcl", "repaired", hidden, batch_size=batch), 0, "cpu")
    view = next(iter(training.views(stream(0, "views"))))[0]
    encoder = training.model.encoder
    shapes = [(m.in_features, m.out_features) for m in encoder.modules() if isinstance(m, KANLinear)]
    products = [_product(view.num_nodes, 9 * inputs, outputs) for inputs, outputs in shapes]

    def step() -> None:
        encoder.zero_grad(set_to_none=True)
        _encode(encoder, view).backward()

    def matrices() -> None:
        for product in products:
            product()

    times = side_by_side({"encoder": step, "products": matrices}, replace(effort, rounds=(2, 20)))
    name = f"step of the KAN encoder {hidden} x 5"
    said = words(f"a view of {batch} molecules, {view.num_nodes} atoms", note)
    yield fastest(f"{name}, forward and backward", times, "encoder", threads=1, note=said)
    over = f"{name}, over the matrix products of its layers"
    yield ratio(over, times, "encoder", "products", judged(effort, "<= 1.4"), threads=1, note=said)


def _encode(encoder: nn.Module, view: GraphBatch) -> Tensor:
    return encoder(view).square().sum()


def _product(rows: int, inputs: int, outputs: int):  # noqa: ANN202
    """The three products of a layer of equal arithmetic: y = x W, its gradients for x and W."""
    x, w, g = torch.randn(rows, inputs), torch.randn(inputs, outputs), torch.randn(rows, outputs)
    y, gx, gw = torch.empty_like(g), torch.empty_like(x), torch.empty_like(w)

    def run() -> None:
        torch.mm(x, w, out=y)
        torch.mm(g, w.T, out=gx)
        torch.mm(x.T, g, out=gw)

    return run


def main() -> None:
    """One step in a process of its own; prints its seconds and its peak memory."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("step", choices=("shard", "join", "open"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("molecules", type=int)
    arguments = parser.parse_args()
    folder, target = arguments.folder, arguments.folder / "millions.safetensors"
    entry = molecule_catalog.entry("bench", [folder / "catalog.yaml"])
    start, told = time.perf_counter(), {}
    if arguments.step == "shard":
        shutil.rmtree(folder / "shards", ignore_errors=True)
        make_shards(entry, [folder / "bench.smi"], folder / "shards")
    elif arguments.step == "join":
        report = folder / "shards/part-1-of-1.json"
        facts = read_json(report)
        times = -(-arguments.molecules // facts["rows"])
        for number in range(1, times):
            shard_path(folder / "shards", number).hardlink_to(shard_path(folder / "shards", 0))
        write_json(report, {**facts, "shards": times, "rows": times * facts["rows"]})
        made = join(entry, [report], target)
        assert len(made) >= arguments.molecules
        told["disk_mb"] = target.stat().st_size / 1e6
    else:
        assert len(GraphStore.load(target)) >= arguments.molecules
    print(json.dumps({"seconds": time.perf_counter() - start, "peak_mb": peak_mb(), **told}))


if __name__ == "__main__":
    main()
