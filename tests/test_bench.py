"""The benchmarks run at small sizes, their lines are well formed, and what they compare is comparable. No timing."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from kanrepro.kan import KANLinear
from kanrepro.pretraining.training import Training
from kanrepro.store.store import GraphStore

ROOT = Path(__file__).resolve().parents[1]
LINE = {"name", "value", "unit", "target", "threads", "note", "times", "met"}
FAST = ["kan-in-stages", "ckfi", "views", "epoch", "superpixels"]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives a module of bench/ by name: they are scripts that stand side by side."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module


def quick_run(folder: Path, *names: str) -> dict[str, Any]:
    """The document of a quick run of some benchmarks."""
    chosen = [argument for name in names for argument in ("--only", name)]
    command = [sys.executable, "bench/run.py", "--quick", "--output", str(folder), *chosen]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.json")
    return json.loads(path.read_text())


def check(sections: dict[str, Any], page: str, allowed: set[str]) -> None:
    for name, section in sections.items():
        assert section["quick"] and section["code"]["kanrepro.pretraining.pretrain"] and section["versions"]["torch"]
        assert section["lines"]
        for line in section["lines"]:
            assert set(line) == LINE
            assert f"| {line['name']} |" in page
            if line["value"] is None:
                assert line["note"].startswith("not measured: ")
                assert any(why in line["note"] for why in allowed), line
            for times in line["times"].values():
                assert 0 < times["least_ms"] <= times["median_ms"] and times["spread"] >= 0 and times["runs"] >= 1
        assert f"### {name}\n" in page


NOT_HERE = {"is not installed", "a quick run does not wait for a compiler"}


def test_quick_run_writes_whole_lines(tmp_path: Path) -> None:
    document = quick_run(tmp_path, *FAST)
    assert list(document["sections"]) == FAST
    check(document["sections"], (tmp_path / "README.md").read_text(), NOT_HERE)
    epoch = {line["name"] for line in document["sections"]["epoch"]["lines"]}
    assert {f"{method}, an epoch on NCI-TPSA" for method in ("graphcl", "khan_gcl")} <= epoch


@pytest.mark.slow
def test_every_benchmark_runs(tmp_path: Path) -> None:
    document = quick_run(tmp_path)
    slow = {"kan", "memory", "molecules", "finetune", "deq-step", "equilibrium", "workflow", "scaling", "svm"}
    assert {*FAST, *slow} == set(document["sections"])
    check(document["sections"], (tmp_path / "README.md").read_text(), NOT_HERE)


def test_one_part_measured_again_leaves_the_others(bench: Any, tmp_path: Path) -> None:
    document, line = bench("document"), bench("harness").Line("a | b", 2.0, "x", ">= 3", 1)
    for name, load in (("first", 0.1), ("second", 0.2), ("first", 0.3)):
        path = document.update(tmp_path, name, document.section([line], 1.0, False, load))
    sections = json.loads(path.read_text())["sections"]
    assert {name: section["load_before"] for name, section in sections.items()} == {"first": 0.3, "second": 0.2}
    page = (tmp_path / "README.md").read_text()
    assert page.count("| a \\| b | 1 | 2 x | >= 3 | **no** |  |  |") == 2
    assert page.count("Versions: ") == 1  # said once where it is the same


def test_competitors_run_in_turn(bench: Any) -> None:
    harness, seen = bench("harness"), []
    effort = harness.Effort(seconds=0.0, rounds=(3, 9))
    times = harness.side_by_side({"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, effort)
    assert seen == ["a", "b"] * 4  # the first of each does not count
    assert {name: len(found.seconds) for name, found in times.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_that_of_the_fastest_runs(bench: Any) -> None:
    harness = bench("harness")
    times = {"slow": harness.Times([4.0, 3.0, 9.0]), "fast": harness.Times([2.0, 1.5, 1.6])}
    line = harness.ratio("slow over fast", times, "slow", "fast", ">= 2", threads=1)
    assert line.value == 2 and line.met is True
    assert harness.ratio("slow over fast", times, "slow", "fast", "<= 1.9").met is False
    assert line.document()["times"]["slow"] == {"least_ms": 3000, "median_ms": 4000, "spread": 1.5, "runs": 3}
    assert harness.not_measured("x", "y").met is None
    assert harness.judged(harness.Effort.small(), ">= 2") is None  # small sizes are not what the target is about


def test_a_failure_becomes_a_line(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = bench("run")

    def broken(effort: Any) -> Any:
        yield bench("harness").Line("first", 1.0)
        raise RuntimeError("no such thing")

    monkeypatch.setitem(run.BENCHMARKS, "broken", broken)
    first, second = run.measure("broken", bench("harness").Effort.small())
    assert first.value == 1 and second.value is None and "no such thing" in second.note


def test_compared_layers_are_the_same_function(bench: Any) -> None:
    layers, layer = bench("layers"), KANLinear(3, 4)
    x = torch.rand(50, 3) * 2 - 1
    wanted = layer(x)
    for other in (layers.recursion_layer(layer), layers.closed_form_layer(layer)):
        torch.testing.assert_close(other(x), wanted, rtol=1e-4, atol=1e-5)


def test_the_handful_is_the_start_of_the_papers_loop(bench: Any) -> None:
    ckfi, tensor = bench("bench_ckfi"), torch.randn(6, 7, 4, generator=torch.Generator().manual_seed(0))
    scores, _ = ckfi._handful(tensor)
    assert torch.equal(scores, ckfi.ckfi.independent_scores_loop(tensor)[: ckfi.HANDFUL])


def path_graph(nodes: int) -> Any:
    """A path, both directions, features 10, 11, ..."""
    from torch_geometric.data import Data

    forth = torch.stack([torch.arange(nodes - 1), torch.arange(1, nodes)])
    return Data(x=torch.arange(nodes).unsqueeze(1).float() + 10, edge_index=torch.cat([forth, forth.flip(0)], dim=1))


def test_views_one_by_one_have_the_counts_of_ours(bench: Any) -> None:
    pergraph, graph = bench("pergraph"), path_graph(21)
    dropped = pergraph.drop_nodes(graph, 0.1)
    kept = set(dropped.x.flatten().tolist())
    assert len(kept) == 19
    assert dropped.edge_index.shape[1] == 2 * sum({a, a + 1} <= kept for a in range(10, 30))
    masked = pergraph.mask_attributes(graph, 0.1)
    assert int((masked.x != graph.x).sum()) == 2 and graph.x[0] == 10  # the graph itself stays
    edges = pergraph.perturb_edges(graph, 0.1).edge_index
    assert edges.shape == (2, 40)  # of 20 edges 2 go and 2 come, in both directions
    assert {tuple(pair) for pair in edges.T.tolist()} == {(b, a) for a, b in edges.T.tolist()}
    part = pergraph.subgraph(graph, 0.2)
    assert part.x.shape[0] == 5 and part.edge_index.shape[1] == 8  # a part of a path is a path


def two_triangles(count: int) -> GraphStore:
    """`count` triangles and as many paths of three."""
    triangle, path = [[0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]], [[0, 1, 1, 2], [1, 0, 2, 1]]
    pairs = torch.tensor([6, 4] * count)
    return GraphStore(
        x=torch.tensor([[0], [1], [2]] * 2 * count, dtype=torch.int16),
        edge_index=torch.cat([torch.tensor(triangle), torch.tensor(path)] * count, dim=1).int(),
        edge_attr=None,
        y=torch.tensor([[0], [1]] * count),
        node_ptr=torch.arange(0, 6 * count + 1, 3),
        edge_ptr=torch.cat([torch.zeros(1, dtype=torch.int64), pairs.cumsum(0)]),
        meta={"name": "tiny", "node_labels": [0, 1, 2]},
    )


def test_clocks_do_not_change_the_training(bench: Any) -> None:
    clocks, store = bench("clocks"), two_triangles(10)
    settings = clocks.settings_for("khan_gcl")
    clocked, plain = clocks.ClockedTraining(store, settings), Training(store, settings, 0, "cpu")
    for training in (clocked, plain):
        for _ in range(2):
            training.run_epoch()
    for (name, ours), theirs in zip(clocked.state()[0].items(), plain.state()[0].values(), strict=True):
        assert torch.equal(ours, theirs), name
    clock = clocked.fastest_epoch()
    assert clock == clocked.clocks[1] and clock["steps"] == 1  # the first only warms up
    parts = [clock[part] for part in ("views", "encoder", "optimiser")]
    assert min(parts) > 0 and sum(parts) < clock["epoch"]
