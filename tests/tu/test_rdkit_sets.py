"""The demo sets: small, balanced, and what their molecules are."""

from pathlib import Path

import pytest

pytest.importorskip("rdkit")

from kanrepro.tu import catalog, rdkit_sets
from kanrepro.tu.prepare import prepare


@pytest.mark.parametrize("name", ["NCI-TPSA", "CHEMBL-ACT"])
def test_a_demo_set_shows_its_counts_and_two_balanced_classes(name: str, tmp_path: Path) -> None:
    store = prepare(catalog.entry(name), None, tmp_path / "store.safetensors")
    assert 0.4 < float(store.y.double().mean()) < 0.6
    assert int(store.edge_ptr.diff().min()) > 0


def test_the_first_molecule_is_methylbenzoquinone() -> None:
    store = rdkit_sets.read("NCI-TPSA")  # CC1=CC(=O)C=CC1=O, 34.14 square angstrom, median 38.52
    nodes, edges = int(store.node_ptr[1]), int(store.edge_ptr[1])
    assert [store.meta["node_labels"][i] for i in store.x[:nodes, 0].tolist()] == [6, 6, 6, 6, 8, 6, 6, 6, 8]
    assert store.edge_attr is not None
    bonds = {
        (s, t): store.meta["edge_labels"][b]
        for s, t, b in zip(*store.edge_index[:, :edges].tolist(), store.edge_attr[:edges, 0].tolist(), strict=True)
    }
    one_way = {(0, 1): 1, (1, 2): 2, (2, 3): 1, (3, 4): 2, (3, 5): 1, (5, 6): 2, (6, 7): 1, (1, 7): 1, (7, 8): 2}
    assert bonds == one_way | {(t, s): b for (s, t), b in one_way.items()}
    assert store.y[0].item() == 0
    assert store.meta["median"] == pytest.approx(38.52)


def test_the_skeletons_have_no_labels() -> None:
    store = rdkit_sets.read("CHEMBL-ACT")
    assert store.x.shape[1] == 0
    assert store.edge_attr is None
