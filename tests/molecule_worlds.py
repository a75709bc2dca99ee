"""Tiny sets of molecules that tests share."""

from collections.abc import Sequence
from pathlib import Path

import torch

from kanrepro.core.files import sha256, write_json
from kanrepro.molecules.graph import Task, encode_rows, scaffold
from kanrepro.molecules.splits import by_scaffold
from kanrepro.pretraining import pretrain
from kanrepro.store.store import GraphStore, pointers


def molecules(smiles: Sequence[str], y: Sequence[Sequence[int]], tasks: Sequence[str], name: str = "toy") -> GraphStore:
    """A store of these molecules with labels y (G, T)."""
    made = encode_rows(Task(list(enumerate(smiles)), keep=True))
    return GraphStore(
        torch.from_numpy(made.x),
        torch.from_numpy(made.edge_index),
        torch.from_numpy(made.edge_attr),
        torch.tensor(y, dtype=torch.int8).reshape(len(smiles), len(tasks)),
        pointers(torch.from_numpy(made.nodes).long()),
        pointers(torch.from_numpy(made.edges).long()),
        {"name": name, "tasks": list(tasks), "smiles": list(smiles), "source_sha256": "5" * 64},
    )


def amines_and_alkanes(count: int = 24) -> GraphStore:
    """Chains with an amine (task `amine`: 1) and without, in turn; `half` knows every other pair, `none` nothing."""
    smiles = ["C" * (2 + i // 2 % 6) + ("N" if i % 2 == 0 else "C") for i in range(count)]
    y = [[1 if i % 2 == 0 else -1, (1 if i % 2 == 0 else -1) if i % 4 < 2 else 0, 0] for i in range(count)]
    return molecules(smiles, y, ["amine", "half", "none"])


def write_world(folder: Path, store: GraphStore, parts: Sequence[Sequence[int]] | None = None) -> tuple[Path, Path]:
    """The files of a store and a split of it: these parts, or the middle third for each of train, validation, test."""
    path, split = folder / "toy.safetensors", folder / "toy.scaffold-0.json"
    store.save(path)
    third = len(store) // 3
    parts = parts or [range(third), range(third, 2 * third), range(2 * third, len(store))]
    named = dict(zip(("train", "validation", "test"), map(list, parts), strict=True))
    groups = by_scaffold([scaffold(text) for text in store.meta["smiles"]])
    facts = {"schema": 1, "dataset": "toy", "set": sha256(path), "split": "scaffold", "seed": 0}
    told = {"scaffolds": {part: len(groups) for part in named}, "one_class": {part: [] for part in named}, "notes": []}
    write_json(split, {**facts, **named, **told})
    return path, split


def write_encoder(folder: Path, store: Path, method: str = "untrained_mlp", seed: int = 0, epochs: int = 0) -> Path:
    """An encoder of 2 layers of 8, pre-trained for some epochs; `folder`/encoder.safetensors."""
    settings = (
        '{"encoder": {"family": "molecule", "hidden": 8, "layers": 2}, "contrast": {"head": [8, 8]}, '
        f'"optimiser": {{"epochs": {epochs}, "batch_size": 8}}}}'
    )
    given = ["--store", str(store), "--method", method, "--reading", "literal", "--seed", str(seed)]
    pretrain.main([*given, "--output", str(folder), "--settings", settings, "--device", "cpu"])
    return folder / "encoder.safetensors"
