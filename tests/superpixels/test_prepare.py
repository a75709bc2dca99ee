"""Preparing: any number of processes and shards, interrupted or not, give one store; wrong counts give none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kanrepro.core.errors import UserError
from kanrepro.store.store import GraphStore
from kanrepro.superpixels import catalog as superpixel_catalog
from kanrepro.superpixels import describe, prepare
from kanrepro.superpixels.catalog import SuperpixelEntry
from kanrepro.superpixels.graphs import image_graph
from kanrepro.superpixels.idx import read_part
from kanrepro.superpixels.settings import SegmentSettings

SEGMENTS = SegmentSettings(nodes=12, asked=16)


@pytest.fixture
def entry(tmp_path: Path) -> SuperpixelEntry:
    path = tmp_path / "own.yaml"
    part = "{images: {address: images.gz}, labels: {address: labels.gz}}"
    path.write_text(f"own:\n  train: {part}\n  test: {part}\n  expected: {{train: 12, test: 12, classes: 4}}\n")
    return superpixel_catalog.entry("own", [path])


def test_a_store_holds_the_graph_of_each_image_in_order(entry, files, tmp_path: Path) -> None:
    store = prepare.prepare(entry, "train", files, SEGMENTS, tmp_path / "s.safetensors")
    images, labels = read_part(*files)
    loaded = GraphStore.load(tmp_path / "s.safetensors")
    assert len(loaded) == 12 and loaded.y[:, 0].tolist() == labels.tolist()
    assert loaded.edge_index.dtype == torch.uint8 and loaded.x.dtype == torch.float16
    for g, image in enumerate(images):
        graph = image_graph(image, SEGMENTS)
        n, e = slice(*store.node_ptr[g : g + 2].tolist()), slice(*store.edge_ptr[g : g + 2].tolist())
        assert np.array_equal(loaded.x[n].numpy(), graph.x)
        assert np.array_equal(loaded.edge_index[:, e].numpy(), graph.edge_index)
    assert loaded.meta["part"] == "train" and loaded.meta["classes"] == [0, 1, 2, 3]


def test_processes_shards_and_interruptions_make_no_difference(
    entry, files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = [tmp_path / f"{name}.safetensors" for name in "abc"]
    prepare.prepare(entry, "train", files, SEGMENTS, outputs[0])
    prepare.prepare(entry, "train", files, SEGMENTS, outputs[1], processes=2, shard=5)
    calls = []

    def breaks(image: np.ndarray, settings: SegmentSettings):  # noqa: ANN202
        calls.append(1)
        if len(calls) == 8:  # the second shard of five
            raise KeyboardInterrupt
        return image_graph(image, settings)

    monkeypatch.setattr(prepare, "image_graph", breaks)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(entry, "train", files, SEGMENTS, outputs[2], shard=5)
    assert not outputs[2].exists()
    prepare.prepare(entry, "train", files, SEGMENTS, outputs[2], shard=5)
    assert len(calls) == 8 + 7  # the first shard was not made again
    assert outputs[0].read_bytes() == outputs[1].read_bytes() == outputs[2].read_bytes()
    assert not list(tmp_path.glob("*.shards"))


def test_shards_of_other_settings_or_damaged_ones_are_made_again(entry, files, tmp_path: Path) -> None:
    output, folder = tmp_path / "s.safetensors", tmp_path / "s.safetensors.shards"
    folder.mkdir()
    (folder / "00000.safetensors").write_bytes(b"half a shard")
    prepare.prepare(entry, "train", files, SEGMENTS, output)
    first = output.read_bytes()
    prepare.prepare(entry, "train", files, SegmentSettings(nodes=6, asked=16), output)
    assert GraphStore.load(output).node_ptr.diff().max() <= 6 and output.read_bytes() != first


def test_other_counts_than_the_catalogue_states_write_nothing(entry, files, write_idx, tmp_path: Path) -> None:
    few = [write_idx(tmp_path / "i", np.zeros((3, 8, 8), np.uint8)), write_idx(tmp_path / "l", np.zeros(3, np.uint8))]
    with pytest.raises(UserError, match="train: expected 12, found 3; classes: expected 4, found 1"):
        prepare.prepare(entry, "train", few, SEGMENTS, tmp_path / "s.safetensors")
    with pytest.raises(UserError, match="--images and --labels are needed for own"):
        prepare.prepare(entry, "train", [], SEGMENTS, tmp_path / "s.safetensors")
    assert not (tmp_path / "s.safetensors").exists()


def test_a_description_counts_over_both_parts(entry, files, tmp_path: Path) -> None:
    stores = [prepare.prepare(entry, part, files, SEGMENTS, tmp_path / f"{part}.st") for part in ("train", "test")]
    found = describe.describe(stores)
    nodes = sum(len(store.x) for store in stores)
    assert found["graphs"] == 24 and found["mean_nodes"] == nodes / 24
    assert found["classes"] == {str(label): 6 for label in range(4)}
    edges = sum(int(n) * min(8, int(n) - 1) for store in stores for n in store.node_ptr.diff())
    assert found["directed_edges"] == edges and found["candidates"]["directed_edges_per_node"] == edges / nodes
    assert found["parts"]["test"] == {"graphs": 12, "mean_nodes": nodes / 24}
    with pytest.raises(UserError, match="of different sets"):
        describe.describe([stores[0], replace(stores[1], meta={"name": "other"})])


def test_command_line(files, tmp_path: Path) -> None:
    output = tmp_path / "digits.safetensors"
    with pytest.raises(UserError, match="Did you mean 'nodes'"):
        prepare.main(["--dataset", "digits", "--part", "test", "--output", str(output), "--settings", '{"node": 5}'])
    with pytest.raises(UserError, match="unknown superpixel set 'mnits'. Did you mean 'mnist'"):
        prepare.main(["--dataset", "mnits", "--part", "test", "--output", str(output)])
    with pytest.raises(UserError, match="--processes is 0"):
        prepare.main(["--dataset", "digits", "--part", "test", "--output", str(output), "--processes", "0"])
    prepare.main(["--dataset", "digits", "--part", "test", "--output", str(output)])
    describe.main(["--stores", str(output), "--output", str(tmp_path / "d.json")])
    assert len(GraphStore.load(output)) == 360 and '"graphs": 360' in (tmp_path / "d.json").read_text()
