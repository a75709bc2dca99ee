"""Counts of a set: the whole answer for a tiny one, the paper's Table 4 for real ones."""

import json
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from kanrepro.core.files import sha256
from kanrepro.tu import catalog
from kanrepro.tu import describe as stage
from kanrepro.tu.describe import describe, main
from kanrepro.tu.read import read

Zipped = Callable[..., Path]


@pytest.mark.parametrize("chunk", [1, 4, 1 << 22])
def test_the_toy_set_is_described_so(zipped: Zipped, chunk: int) -> None:
    path = zipped()
    with mock.patch.object(stage, "CHUNK", chunk):
        found = describe(read(path, "TOY"))
    assert found == {
        "dataset": "TOY",
        "source_sha256": sha256(path),
        "graphs": 3,
        "nodes": 6,
        "directed_edges": 7,
        "undirected_edges": 4,  # 1-2, 2-3, 5-6 and the loop at 6
        "self_loops": 1,
        "symmetric": True,
        "edge_lines": 9,
        "classes": {"-1": 1, "7": 2},
        "node_labels": 3,
        "edge_labels": 0,
        "mean_nodes": 2.0,
        "mean_directed_edges": pytest.approx(7 / 3),
        "mean_undirected_edges": pytest.approx(4 / 3),
        "mean_degree": pytest.approx(7 / 6),
        "isolated_nodes": 1,
        "graphs_with_isolated_nodes": 1,
        "graphs_without_edges": 1,
        "candidates": {
            "undirected_edges_per_graph": pytest.approx(4 / 3),
            "directed_edges_per_graph": pytest.approx(7 / 3),
            "undirected_edges_per_node": pytest.approx(4 / 6),
            "directed_edges_per_node": pytest.approx(7 / 6),
            "mean_of_graphs_undirected_edges_per_node": pytest.approx((2 / 3 + 0 + 2 / 2) / 3),
            "mean_of_graphs_directed_edges_per_node": pytest.approx((4 / 3 + 0 + 3 / 2) / 3),
            "edge_lines_per_graph": 3.0,
            "edge_lines_per_node": 1.5,
        },
    }


def test_edges_of_one_direction_are_noticed(zipped: Zipped) -> None:
    found = describe(read(zipped(A="1, 2\n3, 2\n6, 6\n"), "TOY"))
    assert (found["symmetric"], found["directed_edges"], found["undirected_edges"]) == (False, 3, 3)
    assert (found["isolated_nodes"], found["graphs_with_isolated_nodes"]) == (3, 2)  # a loop is no neighbour


def test_a_set_without_edges_is_described(zipped: Zipped) -> None:
    found = describe(read(zipped(A="", node_labels=None), "TOY"))
    assert (found["isolated_nodes"], found["graphs_without_edges"], found["mean_degree"]) == (6, 3, 0)


def test_the_file_names_its_store(zipped: Zipped, tmp_path: Path) -> None:
    store = tmp_path / "toy.safetensors"
    read(zipped(), "TOY").save(store)
    main(["--store", str(store), "--output", str(tmp_path / "out" / "TOY.json")])
    content = json.loads((tmp_path / "out" / "TOY.json").read_text())
    assert (content["store"], content["store_sha256"], content["graphs"]) == (str(store), sha256(store), 3)


PRINTED = {  # Table 4: the column "Avg. degree" of the Khan-GCL paper, and what it turns out to be
    "NCI1": (1.08, "undirected_edges_per_node"),
    "PROTEINS": (1.86, "undirected_edges_per_node"),
    "MUTAG": (19.79, "undirected_edges_per_graph"),
    "IMDB-BINARY": (96.53, "undirected_edges_per_graph"),
    "DD": (715.66, "undirected_edges_per_graph"),
    "REDDIT-BINARY": (1.16, "undirected_edges_per_node"),
    "COLLAB": (32.99, "undirected_edges_per_node"),
}
LARGE = ["DD", "REDDIT-BINARY", "COLLAB"]


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LARGE)) for n in PRINTED])
def test_the_printed_degree_is_this_number(mirror: Path, name: str) -> None:
    entry = catalog.entry(name)
    assert entry.mirror
    found = describe(read(mirror / entry.mirror.path, name))
    printed, meaning = PRINTED[name]
    assert round(found["candidates"][meaning], 2) == printed
    assert round(found["mean_degree"], 2) != printed  # it never is the mean degree
