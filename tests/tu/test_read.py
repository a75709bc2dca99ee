"""TU archives: a tiny world with the whole expected store, its laws, and everything that can be wrong with one."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanrepro.core.errors import UserError
from kanrepro.core.files import sha256
from kanrepro.tu import read as tu

Zipped = Callable[..., Path]


def test_the_toy_set_is_this_store(zipped: Zipped) -> None:
    path = zipped()
    store = tu.read(path, "TOY")
    assert store.node_ptr.tolist() == [0, 3, 4, 6]
    assert store.edge_ptr.tolist() == [0, 4, 4, 7]
    assert store.edge_index.tolist() == [[0, 1, 1, 2, 0, 1, 1], [1, 0, 2, 1, 1, 0, 1]]
    assert store.x.tolist() == [[0], [1], [0], [2], [0], [1]]
    assert store.y.tolist() == [[1], [0], [1]]
    assert store.edge_attr is None
    dtypes = (store.x.dtype, store.edge_index.dtype, store.y.dtype, store.node_ptr.dtype, store.edge_ptr.dtype)
    assert dtypes == (torch.int16, torch.int32, torch.int64, torch.int64, torch.int64)
    assert store.meta == {
        "name": "TOY",
        "source_sha256": sha256(path),
        "edge_lines": 9,
        "classes": [-1, 7],
        "node_labels": [6, 8, 17],
        "edge_labels": None,
    }


def test_edge_labels_follow_their_edges(zipped: Zipped) -> None:
    store = tu.read(zipped(edge_labels="5\n9\n9\n5\n5\n2\n2\n2\n9\n"), "TOY")
    assert store.meta["edge_labels"] == [2, 5, 9]
    assert store.edge_attr is not None
    assert store.edge_attr.tolist() == [[2], [2], [1], [1], [0], [0], [0]]


def test_a_set_without_edges_or_labels_has_empty_tensors(zipped: Zipped) -> None:
    store = tu.read(zipped(A="", node_labels=None), "TOY")
    assert store.edge_index.shape == (2, 0)
    assert store.x.shape == (6, 0)
    assert store.edge_ptr.tolist() == [0, 0, 0, 0]
    assert store.meta["node_labels"] is None


def test_a_set_without_edges_may_have_an_empty_file_of_edge_labels(zipped: Zipped) -> None:
    assert tu.read(zipped(A="", edge_labels=""), "TOY").edge_index.shape == (2, 0)


def test_one_class_is_read(zipped: Zipped) -> None:
    assert tu.read(zipped(graph_labels="1\n1\n1\n"), "TOY").meta["classes"] == [1]


@pytest.mark.parametrize("prefix", ["TOY//", "", "some/where/", "./TOY/", "TOY\\\\"])
def test_folders_in_the_archive_do_not_matter(zipped: Zipped, prefix: str) -> None:
    assert len(tu.read(zipped(prefix=prefix), "TOY")) == 3


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_zip_method_is_read(zipped: Zipped, method: int, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    with zipfile.ZipFile(zipped()) as old, zipfile.ZipFile(again, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert torch.equal(tu.read(again, "TOY").edge_index, tu.read(zipped(), "TOY").edge_index)


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"A": None}, "TOY_A.txt is missing. The archive holds: TOY_graph_indicator.txt, TOY_graph_labels.txt, "),
        ({"graph_labels": None}, "TOY_graph_labels.txt is missing."),
        ({"graph_indicator": None}, "TOY_graph_indicator.txt is missing."),
        ({"A": "1, 2\n2, x\n"}, "TOY_A.txt, line 2: expected 2 integers parted by commas, found '2, x'."),
        ({"A": "1, 2\n2, 1\n1, 7\n"}, "TOY_A.txt, line 3: edge 1, 7, but the nodes are numbered 1 to 6."),
        ({"A": "0, 1\n"}, "TOY_A.txt, line 1: edge 0, 1, but the nodes are numbered 1 to 6."),
        ({"A": "1, 2\n3, 4\n"}, "TOY_A.txt, line 2: the edge 3, 4 joins graphs 1 and 2."),
        ({"graph_indicator": "1\n1\n2\n1\n3\n3\n"}, "TOY_graph_indicator.txt, line 4: graph 1 after graph 2."),
        ({"graph_indicator": "1\n1\n1\n1\n3\n3\n"}, "TOY_graph_indicator.txt, line 5: graph 2 has no nodes"),
        ({"graph_indicator": "2\n2\n2\n2\n3\n3\n"}, "TOY_graph_indicator.txt, line 1: graph 1 has no nodes"),
        ({"graph_indicator": "0\n1\n1\n2\n3\n3\n"}, "TOY_graph_indicator.txt, line 1: graph 0. Graphs are numbered from 1."),  # noqa: E501
        ({"graph_indicator": "1\n1\n1\n2\n2\n2\n"}, "TOY_graph_indicator.txt: graph 3 has no nodes, but there are labels for 3"),  # noqa: E501
        ({"graph_indicator": ""}, "TOY_graph_indicator.txt is empty: the set has no nodes."),
        ({"graph_labels": "1\n2\n"}, "TOY_graph_indicator.txt, line 5: graph 3, but there are labels for 2 graphs."),
        ({"graph_labels": "1\n0.5\n1\n"}, "TOY_graph_labels.txt, line 2: expected one integer, found '0.5'."),
        ({"node_labels": "1\n2\n"}, "TOY_node_labels.txt has 2 lines, but the set has 6 nodes."),
        ({"edge_labels": "1\n"}, "TOY_edge_labels.txt has 1 lines, but TOY_A.txt has 9."),
        ({"edge_labels": "5\n9\n9\n5\n6\n2\n2\n2\n9\n"}, "TOY_edge_labels.txt, line 5: label 6, but the same edge has label 5 in line 1."),  # noqa: E501
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(zipped: Zipped, members: dict[str, str | None], says: str) -> None:
    path = zipped(**members)
    with pytest.raises(UserError) as caught:
        tu.read(path, "TOY")
    assert str(caught.value).startswith(f"{path}: {says}")


def test_another_name_says_what_the_archive_holds(zipped: Zipped) -> None:
    with pytest.raises(UserError, match=r"OTHER_graph_labels.txt is missing. The archive holds: nothing of the set."):
        tu.read(zipped(), "OTHER")


sizes = st.lists(st.integers(1, 5), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the archive is written anew each time
@given(sizes, st.data())
def test_edges_survive_any_order_and_repetition(zipped: Zipped, sizes: list[int], data: st.DataObject) -> None:
    start = [sum(sizes[:g]) for g in range(len(sizes))]
    possible = [(g, s, t) for g, n in enumerate(sizes) for s in range(n) for t in range(n)]
    lines = data.draw(st.lists(st.sampled_from(possible), max_size=60))
    labels = [data.draw(st.integers(-3, 3)) for _ in sizes]
    path = zipped(
        A="".join(f"{start[g] + s + 1}, {start[g] + t + 1}\n" for g, s, t in lines),
        graph_indicator="".join(f"{g + 1}\n" * n for g, n in enumerate(sizes)),
        graph_labels="".join(f"{label}\n" for label in labels),
        node_labels=None,
    )
    with mock.patch.object(tu, "MEMORY", 4), mock.patch("kanrepro.core.integers.BLOCK", 64):  # many small runs
        store = tu.read(path, "TOY")
    found = [
        (g, *edge)
        for g in range(len(sizes))
        for edge in store.edge_index[:, store.edge_ptr[g] : store.edge_ptr[g + 1]].T.tolist()
    ]
    assert found == sorted(set(lines))
    assert store.node_ptr.diff().tolist() == sizes
    assert [store.meta["classes"][c] for c in store.y[:, 0].tolist()] == labels
