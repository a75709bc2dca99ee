"""What is said of a set of molecules, in full for a small one; its splits are described in test_molecule_splits."""

import json
from pathlib import Path

import pytest
import torch
from worlds import small_molecules

pytest.importorskip("rdkit")

from kanrepro.molecules import describe as molecule_describe
from kanrepro.molecules.describe import describe
from kanrepro.report import described


def test_counts_of_five_molecules() -> None:
    """Propanol, propylbenzene, butanoic acid, 1-fluoropent-1-ene and a chiral amine: 4, 9, 6, 6 and 6 atoms."""
    found = describe(small_molecules(5))
    assert (found["molecules"], found["graphs"], found["atoms"], found["bonds"], found["largest"]) == (5, 5, 31, 27, 9)
    assert found["mean_nodes"] == 31 / 5 and found["mean_directed_edges"] == 54 / 5 and found["mean_degree"] == 54 / 31
    assert found["chiral_atoms"] == 1 / 31 and found["directed_bonds"] == 4 / 54  # two bonds beside the double one
    ring = {"positives": 1, "negatives": 4, "missing": 0}
    assert found["labels"] == {**ring, "tasks": {"ring": ring}} and not found["tasks_of_one_class"]
    assert found["candidates"]["directed_edges_per_graph"] == 54 / 5
    ratios = torch.tensor([6 / 4, 18 / 9, 10 / 6, 10 / 6, 10 / 6])
    assert found["candidates"]["mean_of_graphs_directed_edges_per_node"] == pytest.approx(float(ratios.mean()))


def test_the_stage_writes_what_table_4_reads(tmp_path: Path) -> None:
    small_molecules(10).save(tmp_path / "set.safetensors")
    molecule_describe.main(["--store", str(tmp_path / "set.safetensors"), "--output", str(tmp_path / "set.json")])
    told = json.loads((tmp_path / "set.json").read_text())
    assert told["molecules"] == 10 and told["splits"] == []
    assert described.read([tmp_path / "set.json"])["small-molecules"].found.graphs == 10
