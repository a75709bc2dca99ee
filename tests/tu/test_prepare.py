"""From archive to verified store; real sets where the mirror has them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kanrepro.core.errors import UserError
from kanrepro.store.store import GraphStore
from kanrepro.tu import catalog
from kanrepro.tu.catalog import Entry, Expected
from kanrepro.tu.prepare import counts, main, prepare

Zipped = Callable[..., Path]
TOY = Entry(
    name="TOY",
    address="TOY.zip",
    expected=Expected(graphs=3, classes=2, mean_nodes=2.0, node_labels=3, directed_edges=7),
)


def expecting(**counts: float) -> Entry:
    return TOY.model_copy(update={"expected": TOY.expected.model_copy(update=counts)})


def test_a_set_with_the_right_counts_is_saved(zipped: Zipped, tmp_path: Path) -> None:
    made = prepare(TOY, zipped(), tmp_path / "toy.safetensors")
    again = GraphStore.load(tmp_path / "toy.safetensors")
    assert torch.equal(made.edge_index, again.edge_index)
    assert again.meta == made.meta


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (expecting(graphs=4), "graphs: expected 4, found 3"),
        (expecting(classes=3), "classes: expected 3, found 2"),
        (expecting(mean_nodes=2.01), "mean_nodes: expected 2.01, found 2.0"),
        (expecting(node_labels=0), "node_labels: expected 0, found 3"),
        (expecting(directed_edges=9, graphs=1), "graphs: expected 1, found 3; directed_edges: expected 9, found 7"),
    ],
)
def test_a_wrong_count_stops_with_both_numbers_and_writes_nothing(
    zipped: Zipped, tmp_path: Path, entry: Entry, says: str
) -> None:
    path = zipped()
    with pytest.raises(UserError) as caught:
        prepare(entry, path, tmp_path / "out" / "toy.safetensors")
    assert f"{path} does not hold the TOY of the catalogue ({says})" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_counts_that_are_not_stated_are_not_checked(zipped: Zipped, tmp_path: Path) -> None:
    entry = Entry(name="TOY", address="x", expected=Expected(graphs=3, classes=2, node_labels=3))
    assert len(prepare(entry, zipped(), tmp_path / "toy.safetensors")) == 3


def test_one_class_is_prepared_with_a_warning(zipped: Zipped, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    entry = Entry(name="TOY", address="x", expected=Expected(graphs=3, classes=1, node_labels=3))
    prepare(entry, zipped(graph_labels="1\n1\n1\n"), tmp_path / "toy.safetensors")
    assert "one class only" in caplog.text


def test_the_command_line_takes_an_own_catalogue(zipped: Zipped, tmp_path: Path) -> None:
    own, output = tmp_path / "own.yaml", tmp_path / "toy.safetensors"
    own.write_text("TOY: {address: TOY.zip, expected: {graphs: 3, classes: 2, node_labels: 3}}")
    main(["--dataset", "TOY", "--archive", str(zipped()), "--output", str(output), "--catalog", str(own)])
    assert len(GraphStore.load(output)) == 3


def test_a_tu_set_needs_an_archive(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--archive is needed for MUTAG"):
        main(["--dataset", "MUTAG", "--output", str(tmp_path / "x")])


def test_an_output_that_cannot_be_written_is_named(zipped: Zipped, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*toy.safetensors"):
        prepare(TOY, zipped(), tmp_path / "file" / "toy.safetensors")


REAL = ["MUTAG", "PROTEINS", "NCI1", "IMDB-BINARY"]
LARGE = ["DD", "REDDIT-BINARY", "COLLAB"]


@pytest.mark.parametrize("name", REAL + [pytest.param(name, marks=pytest.mark.slow) for name in LARGE])
def test_real_sets_show_the_counts_of_the_catalogue(mirror: Path, tmp_path: Path, name: str) -> None:
    entry = catalog.entry(name)
    assert entry.mirror
    store = prepare(entry, mirror / entry.mirror.path, tmp_path / "store.safetensors")
    assert counts(store)["directed_edges"] == entry.expected.directed_edges
    start, end = store.edge_index.long() + store.node_ptr[:-1].repeat_interleave(store.edge_ptr.diff())
    keys = start * store.x.shape[0] + end
    assert bool((keys.diff() > 0).all())  # sorted by (graph, source, target), distinct
    sample = torch.randint(keys.numel(), (10_000,), generator=torch.Generator().manual_seed(0))
    turned = end[sample] * store.x.shape[0] + start[sample]
    assert torch.equal(keys[torch.searchsorted(keys, turned).clamp(max=keys.numel() - 1)], turned)  # both directions
