"""GraphStore: one file, batches without a loop, PyTorch Geometric as an oracle."""

from pathlib import Path

import pytest
import torch

from kanrepro.core.errors import UserError
from kanrepro.store.features import add_self_loops, node_features
from kanrepro.store.store import GraphStore


@pytest.fixture
def store() -> GraphStore:
    """A triangle, a single node, a graph without nodes, and a path of three."""
    return GraphStore(
        x=torch.tensor([[0], [1], [2], [0], [1], [1], [0]], dtype=torch.int16),
        edge_index=torch.tensor([[0, 0, 1, 1, 2, 2, 0, 1, 1, 2], [1, 2, 0, 2, 0, 1, 1, 0, 2, 1]], dtype=torch.int32),
        edge_attr=torch.arange(10, dtype=torch.int8).unsqueeze(1),
        y=torch.tensor([[0], [1], [1], [0]]),
        node_ptr=torch.tensor([0, 3, 4, 4, 7]),
        edge_ptr=torch.tensor([0, 6, 6, 6, 10]),
        meta={"name": "tiny", "node_labels": [0, 1, 2]},
    )


def same(a: GraphStore, b: GraphStore) -> None:
    for name, value in vars(a).items():
        other = getattr(b, name)
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other, name


def test_save_and_load_give_the_same_store(store: GraphStore, tmp_path: Path) -> None:
    store.save(tmp_path / "tiny.safetensors")
    same(store, GraphStore.load(tmp_path / "tiny.safetensors"))
    store.save(tmp_path / "again.safetensors")
    assert (tmp_path / "tiny.safetensors").read_bytes() == (tmp_path / "again.safetensors").read_bytes()


@pytest.mark.parametrize("cut", [0, 5, 40, 300])
def test_a_truncated_store_is_one_clear_error(store: GraphStore, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "tiny.safetensors"
    store.save(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UserError, match="tiny.safetensors is not a graph store"):
        GraphStore.load(path)


def test_a_missing_store_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist. Make it with"):
        GraphStore.load(tmp_path / "none.safetensors")


def test_batch_is_the_whole_expected_graph(store: GraphStore) -> None:
    batch = store.batch(torch.tensor([3, 2, 0, 3]))
    assert batch.x.squeeze(1).tolist() == [1, 1, 0, 0, 1, 2, 1, 1, 0]
    assert batch.node_ptr.tolist() == [0, 3, 3, 6, 9]
    assert batch.edge_ptr.tolist() == [0, 4, 4, 10, 14]
    assert batch.edge_index.T.tolist() == [
        *([0, 1], [1, 0], [1, 2], [2, 1]),
        *([3, 4], [3, 5], [4, 3], [4, 5], [5, 3], [5, 4]),
        *([6, 7], [7, 6], [7, 8], [8, 7]),
    ]  # fmt: skip
    assert batch.y is not None and batch.y.squeeze(1).tolist() == [0, 1, 0, 0]
    assert batch.edge_attr is not None and batch.edge_attr.squeeze(1).tolist()[:4] == [6, 7, 8, 9]
    assert batch.node_graph().tolist() == [0, 0, 0, 2, 2, 2, 3, 3, 3]


def test_slice_and_select_of_a_batch_equal_batches_of_the_store(store: GraphStore) -> None:
    batch = store.batch(torch.tensor([3, 2, 0, 1]))
    for made, index in ((batch.slice(1, 3), [2, 0]), (batch.select(torch.tensor([2, 0, 2])), [0, 3, 0])):
        expected = store.batch(torch.tensor(index))
        for name, value in vars(expected).items():
            assert torch.equal(value, getattr(made, name)), name


def test_split_gives_the_slices_of_a_batch(store: GraphStore) -> None:
    batch = store.batch(torch.arange(len(store)))
    made = list(batch.split(3))
    assert [part.num_graphs for part in made] == [3, len(store) - 3]
    for part, (start, stop) in zip(made, [(0, 3), (3, len(store))], strict=True):
        for name, value in vars(batch.slice(start, stop)).items():
            assert torch.equal(value, getattr(part, name)), name


def test_pytorch_geometric_sees_the_same_graphs(store: GraphStore) -> None:
    from torch_geometric.data import Batch

    graphs = store.to_pyg()
    same(store, GraphStore.from_pyg(graphs, store.meta).__class__(**{
        **vars(GraphStore.from_pyg(graphs, store.meta)), "edge_index": store.edge_index}))  # fmt: skip
    expected = Batch.from_data_list([graphs[i] for i in (3, 0)])
    made = store.batch(torch.tensor([3, 0])).to_pyg()
    for name in ("x", "edge_index", "edge_attr", "y", "batch", "ptr"):
        assert torch.equal(made[name], expected[name]), name


def test_inconsistent_stores_are_refused(store: GraphStore) -> None:
    parts = vars(store)
    for wrong, message in (
        ({"edge_index": store.edge_index + 2}, "an edge leaves its graph"),
        ({"node_ptr": torch.tensor([0, 3, 2, 4, 7])}, "node_ptr decreases"),
        ({"node_ptr": torch.tensor([0, 3, 4, 4, 6])}, "node_ptr must be int64 and run from 0 to 7"),
        ({"y": store.y[:2]}, "4 graphs, but 4 edge ranges and 2 labels"),
        ({"edge_attr": store.y}, "edge_attr and edge_index differ"),
    ):
        with pytest.raises(ValueError, match=message):
            GraphStore(**{**parts, **wrong})


def test_features_labels_constant_and_capped_degree(store: GraphStore) -> None:
    assert node_features(store).argmax(1).tolist() == [0, 1, 2, 0, 1, 1, 0]
    assert node_features(store).shape == (7, 3)
    bare = GraphStore(**{**vars(store), "x": torch.zeros(7, 0)})
    assert node_features(bare, "constant").tolist() == [[1.0]] * 7
    degree = node_features(bare, "degree", cap=1)
    assert degree.shape == (7, 2)
    assert degree.argmax(1).tolist() == [1, 1, 1, 0, 1, 1, 1]
    assert node_features(bare, "degree", cap=5).argmax(1).tolist() == [2, 2, 2, 0, 1, 2, 1]


def test_graphcls_self_loops_leave_out_the_last_node_of_each_graph(store: GraphStore) -> None:
    looped = add_self_loops(store)
    assert looped.edge_ptr.tolist() == [0, 8, 8, 8, 14]
    first = looped.edge_index[:, :8].T.tolist()
    assert first == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [2, 0], [2, 1]]
    same(looped, add_self_loops(looped))
