"""Stage: the images of one part of a set become superpixel graphs, on several processes, in shards that resume.

Reads the idx files of the part (none for the digits of scikit-learn). Writes one GraphStore: x (N, 3) float16 (mean
intensity in 0..1; row and column of the centre as shares of the image's sides), edge_index (2, E) uint8 from each
superpixel to its nearest ones (int64 where a graph has more than 255 nodes), y (G, 1) int64 labels, graphs in the order
of the images. While it runs `<output>.shards` holds finished shards, so that an interrupted run goes on; they are left
out of account where files, settings or code differ. Where a count differs from the catalogue nothing is written.
"""

import importlib.metadata
import json
import logging
import shutil
from collections.abc import Sequence
from functools import partial
from hashlib import sha256 as hashed
from pathlib import Path
from typing import Any, Literal

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import read_tensors, sha256, write_tensors
from kanrepro.core.options import given_settings
from kanrepro.core.parser import stage_parser
from kanrepro.core.workers import workers
from kanrepro.store.store import GraphStore, pointers
from kanrepro.superpixels import catalog as superpixel_catalog
from kanrepro.superpixels import idx
from kanrepro.superpixels.catalog import PARTS, SuperpixelEntry
from kanrepro.superpixels.graphs import CODE, image_graph
from kanrepro.superpixels.settings import SegmentSettings

log = logging.getLogger(__name__)

SKIMAGE = importlib.metadata.version("scikit-image")
SHARD = 2_500  # images
CHUNK = 50  # images that a process is given at a time

Tensors = dict[str, torch.Tensor]


def prepare(
    entry: SuperpixelEntry,
    part: Literal["train", "test"],
    files: Sequence[Path],
    settings: SegmentSettings,
    output: Path,
    processes: int = 1,
    shard: int = SHARD,
) -> GraphStore:
    """Make, verify and save the graphs of one part.

    Args:
        entry: what the catalogue says.
        files: images and labels; none for the digits of scikit-learn.
        settings: of the graphs.
        processes: how many work at the same time.
        shard: images of a shard.

    Raises:
        UserError: files are missing or damaged, a count differs from the catalogue, the output cannot be written, or
            one of the processes died.
    """
    if entry.train is not None and len(files) != 2:
        raise UserError(f"--images and --labels are needed for {entry.name}. See: kanrepro.superpixels.fetch --help")
    images, labels = idx.read_part(*files) if files else idx.digits(part)
    classes = sorted(set(labels.tolist()))
    found = {part: len(images), "classes": len(classes)}
    stated = {name: count for name, count in entry.expected.model_dump().items() if name in found}
    if wrong := [
        f"{name}: expected {stated[name]}, found {found[name]}" for name in stated if stated[name] != found[name]
    ]:
        raise UserError(
            f"{files[0] if files else entry.name} does not hold the {part} part of {entry.name} in the catalogue "
            f"({'; '.join(wrong)}). Nothing was written. Fetch it again, or correct `expected` of your own set."
        )
    digests = [sha256(path) for path in files]
    key = [CODE, SKIMAGE, entry.name, part, digests, settings.model_dump(), shard, images.shape]
    folder = output.with_name(f"{output.name}.shards")
    made = _shards(images, settings, folder, hashed(json.dumps(key).encode()).hexdigest(), processes, shard, entry.name)
    store = _joined(made, labels, {
        **{key: getattr(entry, key) for key in ("name", "printed", "licence", "source", "demo")},
        "part": part,
        "classes": classes,
        "source_sha256": hashed("".join(digests).encode()).hexdigest() if digests else None,
        "image_shape": list(images.shape[1:]),
        "segments": settings.model_dump(),
        "scikit_image": SKIMAGE,
        "edges_checked": True,
    })  # fmt: skip
    store.check()
    store.save(output)
    shutil.rmtree(folder)
    log.info(
        "%s %s: %d graphs, %.2f nodes a graph -> %s", entry.name, part, len(store), len(store.x) / len(store), output
    )
    return store


def _shards(
    images: NDArray[np.uint8],
    settings: SegmentSettings,
    folder: Path,
    key: str,
    processes: int,
    size: int,
    name: str,
) -> list[Tensors]:
    """The graphs of all images, shard by shard; those of the same key that are there already are not made again."""
    made = []
    with workers(processes, _alone) as apply, tqdm(desc=name, total=len(images), unit="images", disable=None) as bar:
        for number, begin in enumerate(range(0, len(images), size)):
            path, block = folder / f"{number:05d}.safetensors", images[begin : begin + size]
            tensors = _read(path, key)
            if tensors is None:
                chunks = [block[at : at + CHUNK] for at in range(0, len(block), CHUNK)]
                parts = list(apply(partial(_encode, settings=settings), chunks))
                tensors = {
                    part: torch.cat([p[part] for p in parts], dim=-1 if part == "edges" else 0) for part in parts[0]
                }
                write_tensors(path, tensors, {"key": key})
            made.append(tensors)
            bar.update(len(block))
    return made


def _encode(images: NDArray[np.uint8], settings: SegmentSettings) -> Tensors:
    """Some images as graphs: nodes (N, 3), edges (2, E), and how many of each every graph has (G, 2)."""
    graphs = [image_graph(image, settings) for image in images]
    counts = [(len(graph.x), graph.edge_index.shape[1]) for graph in graphs]
    return {
        "nodes": torch.from_numpy(np.concatenate([graph.x for graph in graphs])),
        "edges": torch.from_numpy(np.concatenate([graph.edge_index for graph in graphs], axis=1).astype(np.int32)),
        "counts": torch.tensor(counts),
    }


def _read(path: Path, key: str) -> Tensors | None:
    """The tensors of a whole shard of this key, or None."""
    try:
        sha256(path)
        tensors, document = read_tensors(path)
    except (UserError, OSError, ValueError, RuntimeError, safetensors.SafetensorError):
        return None
    return tensors if document.get("key") == key else None


def _alone() -> None:
    """One thread for each of many processes."""
    torch.set_num_threads(1)


def _joined(shards: Sequence[Tensors], labels: NDArray[np.uint8], meta: dict[str, Any]) -> GraphStore:
    nodes, edges = torch.cat([shard["counts"] for shard in shards]).T
    small = torch.uint8 if int(nodes.max()) <= 255 else torch.int64
    return GraphStore(
        x=torch.cat([shard["nodes"] for shard in shards]),
        edge_index=torch.cat([shard["edges"].to(small) for shard in shards], dim=1),
        edge_attr=None,
        y=torch.from_numpy(labels.astype(np.int64))[:, None],
        node_ptr=pointers(nodes),
        edge_ptr=pointers(edges),
        meta=meta,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.superpixels.prepare."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the catalogue: mnist, or digits, which need no files")
    parser.add_argument("--part", required=True, choices=PARTS)
    parser.add_argument("--images", type=Path, help="idx file of its images (kanrepro.superpixels.fetch)")
    parser.add_argument("--labels", type=Path, help="idx file of their labels")
    parser.add_argument("--settings", default="{}", help="JSON, or a file of it: keys of SegmentSettings to change")
    parser.add_argument("--processes", type=int, default=1, help="how many work at the same time (default: 1)")
    parser.file("--output", "store to write: resources/superpixels/mnist-train.safetensors")
    parser.catalogs("of images")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.processes < 1:
        raise UserError(f"--processes is {options.processes}, but at least 1 is needed.")
    entry = superpixel_catalog.entry(options.dataset, options.catalog)
    settings = given_settings(SegmentSettings, options.settings)
    files = [path for path in (options.images, options.labels) if path]
    prepare(entry, options.part, files, settings, options.output, options.processes)


if __name__ == "__main__":
    cli(main)
