"""Stage: what an image set holds, what in it is the same, and what each split of it leaks.

Reads an ImageSet and split files of it; writes a small JSON document, which is committed with the results.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import read_json, sha256, write_json
from kanrepro.core.parser import stage_parser
from kanrepro.images.splits import PARTS, leaked, read_split, units
from kanrepro.images.store import ImageSet

FACTS = ("printed", "task", "licence", "source", "demo", "size", "channels", "source_sha256", "groups_sha256")
LISTED = 50  # excluded files that the document names


def describe(images: ImageSet) -> dict[str, Any]:
    """Counts of a set.

    Returns:
        images, classes: totals, and {class: images}.
        groups: {told: images whose patient or tile the set tells, distinct: how many patients or tiles these are,
            largest: images of the largest}, or None where it tells nothing.
        units: what is left when images that share a patient, tile or picture count once.
        pictures: {distinct, copies: images beyond the first of each picture, with_two_classes: pictures that stand in
            more than one class}.
        own_test: the set's own test folder, {train, test: {class: images}, leaked: {class: test images whose picture or
            patient is in its training folder}}, or None where it has none.
        excluded: {files: how many were left out, listed: the first of them, with reasons}.
    """
    meta = images.meta
    y, group, content = images.y.numpy(), images.group.numpy(), images.content.numpy()
    own = images.source_split.numpy()
    told = meta["grouped"]
    distinct = len(np.unique(group)) - (len(images) - told)
    pairs = np.unique(np.stack([content, y]), axis=1)[0]
    train, test = np.flatnonzero(own == 0), np.flatnonzero(own == 1)
    excluded = meta.get("excluded") or []
    return {
        "images": len(images),
        "classes": meta["counts"],
        "groups": {"told": told, "distinct": distinct, "largest": int(np.bincount(group).max())} if told else None,
        "units": int(units(group, content).max()) + 1,
        "pictures": {
            "distinct": len(np.unique(content)),
            "copies": len(images) - len(np.unique(content)),
            "with_two_classes": int((np.unique(pairs, return_counts=True)[1] > 1).sum()),
        },
        "own_test": {
            "train": _by_class(images, train),
            "test": _by_class(images, test),
            "leaked": _by_class(images, leaked(test, train, group, content)),
        }
        if len(test)
        else None,
        "excluded": {"files": len(excluded), "listed": excluded[:LISTED]},
    }


def describe_split(images: ImageSet, path: Path, store_sha256: str) -> dict[str, Any]:
    """{split, seed, file, sha256, and for each part {class: images}}, `leaked` among them.

    Raises:
        UserError: not a split file, or of another set.
    """
    made = read_split(path, len(images))
    if made.set_sha256 != store_sha256:
        raise UserError(f"{path} was drawn for another store than this one. Make it again.")
    content = read_json(path)
    parts = {part: _by_class(images, getattr(made, part)) for part in (*PARTS, "leaked")}
    return {"split": content["split"], "seed": content["seed"], "file": str(path), "sha256": sha256(path), **parts}


def _by_class(images: ImageSet, index: np.ndarray[Any, Any]) -> dict[str, int]:
    counts = np.bincount(images.y.numpy()[index], minlength=len(images.classes)).tolist()
    return dict(zip(images.classes, counts, strict=True))


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.images.describe."""
    parser = stage_parser(__doc__)
    parser.file("--store", "prepared set: resources/images/DATASET-SIZE.safetensors")
    parser.add_argument("--splits", type=Path, nargs="*", default=[], help="split files of it")
    parser.file("--output", "JSON to write: results/PRESET/records/data-images/DATASET.json")
    options = parser.parse_args(argv)
    images, digest = ImageSet.load(options.store), sha256(options.store)
    content = {
        "schema": 1,
        "dataset": images.meta["name"],
        **{name: images.meta.get(name) for name in FACTS},
        **describe(images),
        "splits": [describe_split(images, path, digest) for path in options.splits],
        "store": str(options.store),
        "store_sha256": digest,
    }
    write_json(options.output, content)


if __name__ == "__main__":
    cli(main)
