"""Stage: an archive of images becomes an ImageSet of one size, and shows the counts that the catalogue states.

Reads a zip or tar archive, or a folder (or scikit-learn's digits for the demo sets); writes one safetensors file,
documented in kanrepro.images.store. Each image is decoded, made grey or RGB as the catalogue says, and squashed to
a square, as DEQ-KAN's code does: bilinear with antialiasing (Pillow widens the filter by the factor of reduction),
aspect ratio not kept. A file that cannot be used is left out, counted and listed with the reason. Where a count differs
from the catalogue the stage stops with both numbers and writes nothing.
"""

import argparse
import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import sha256
from kanrepro.core.parser import stage_parser
from kanrepro.images import catalog as image_catalog
from kanrepro.images.archive import Member, members
from kanrepro.images.catalog import ImageCounts, ImageEntry, inside
from kanrepro.images.decode import Excluded, decode
from kanrepro.images.groups import read_groups
from kanrepro.images.store import ImageSet

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """One image: its file, class id, pixels (S, S) or (S, S, 3) uint8, and the digest of its source pixels."""

    name: str
    y: int
    pixels: np.ndarray[Any, Any]
    content: bytes


def digits() -> Iterator[Member]:
    """scikit-learn's digit images (8 x 8, 17 shades) as PNG files in folders 0 to 9."""
    from sklearn.datasets import load_digits

    loaded: Any = load_digits()
    for number, (shades, digit) in enumerate(zip(loaded.images, loaded.target, strict=True)):
        stream = io.BytesIO()
        Image.fromarray(np.rint(shades * 255 / 16).astype(np.uint8)).save(stream, "PNG")
        yield Member(f"{digit}/{number:04d}.png", stream.getvalue)


def prepare(entry: ImageEntry, source: Path | None, size: int, output: Path, groups: Path | None = None) -> ImageSet:
    """Read, verify and save one set.

    Args:
        entry: what the catalogue says.
        source: its archive or folder; None for sets out of scikit-learn.
        size: S, pixels along an edge.
        output: the file to write.
        groups: the file that says which images belong together, where the entry names one.

    Raises:
        UserError: the archive is damaged or made to harm (see kanrepro.images.archive), it holds no image of the
            set, a count differs from the catalogue, or the output cannot be written.
    """
    if entry.format == "folder-archive" and source is None:
        raise UserError(f"--archive is needed for {entry.name}. Fetch it with: python -m kanrepro.images.fetch --help")
    if entry.groups and groups is None:
        raise UserError(f"--groups is needed for {entry.name}: python -m kanrepro.images.fetch --part groups ...")
    files = digits() if source is None else members(source, entry.max_unpacked_mb * 10**6)
    pictures, excluded = _read(files, entry, size, source)
    digest = sha256(source) if source and source.is_file() else None
    labels = _labels([picture.name for picture in pictures], entry, groups)
    made = _assemble(pictures, labels, entry, size)
    made.meta.update(excluded=excluded, source_sha256=digest, groups_sha256=sha256(groups) if groups else None)
    copy = entry.mirror
    verify(made, (copy.expected if copy and copy.sha256 == digest else None) or entry.expected, source)
    for left_out in excluded[:10]:
        log.warning("%s: left out %s: %s", entry.name, left_out["file"], left_out["reason"])
    if len(excluded) > 10:
        log.warning("%s: left out %d files; the rest is listed in %s", entry.name, len(excluded), output)
    made.save(output)
    shown = ", ".join(f"{name} {count}" for name, count in made.meta["counts"].items())
    log.info("%s: %d images (%s) of %d x %d pixels -> %s", entry.name, len(made), shown, size, size, output)
    return made


def _read(
    files: Iterator[Member], entry: ImageEntry, size: int, source: Path | None
) -> tuple[list[Picture], list[dict[str, str]]]:
    """The set's images in the order of their names, and what was left out."""
    pictures, excluded, folders = [], [], Counter[str]()
    for file in tqdm(files, desc=entry.name, unit="files", disable=None):
        folder, _, name = file.name.rpartition("/")
        if name.startswith(".") or "__MACOSX" in file.name or inside(folder, entry.skip_folders):
            continue  # what operating systems leave beside files, and what the catalogue passes over
        folders[folder] += 1
        ids = [i for i, patterns in enumerate(entry.classes.values()) if inside(folder, patterns)]
        if not ids:
            continue  # of no class: other organs, notes
        if len(ids) > 1:
            both = " and ".join(list(entry.classes)[i] for i in ids)
            raise UserError(f"{source}: {file.name} is of the classes {both}. Correct `classes` in the catalogue.")
        try:
            if file.fault:
                raise Excluded(file.fault)
            pixels, content = decode(file.read(), entry.channels, size, entry.max_megapixels * 1e6)
        except Excluded as reason:
            excluded.append({"file": file.name, "reason": str(reason)})
        else:
            pictures.append(Picture(file.name, ids[0], pixels, content))
    if not pictures:
        found = f"{len(excluded)} files there were left out, first {excluded[0]}" if excluded else "no file is there"
        names = ", ".join(repr(folder) for folder, _ in folders.most_common(5)) or "none"
        wanted = ", ".join(pattern for patterns in entry.classes.values() for pattern in patterns)
        raise UserError(
            f"{source} holds no image in the folders {wanted} of the catalogue ({found}). Its folders with files: "
            f"{names}. Correct `classes` in the catalogue, or the archive."
        )
    return sorted(pictures, key=lambda p: p.name), sorted(excluded, key=lambda e: e["file"])


def _labels(names: Sequence[str], entry: ImageEntry, groups: Path | None) -> list[str | None]:
    """What the set says that each image belongs to, None where it says nothing."""
    if entry.groups and groups:
        table = read_groups(groups, entry.groups)
        found = [table.get((Path(name).parent.name, Path(name).name)) for name in names]
        where = f"{groups} names none"
    elif entry.group:
        matches = [re.search(entry.group, f"/{name}") for name in names]
        found = [match["group"] if match else None for match in matches]
        where = f"the pattern {entry.group!r} (`group`) matches none"
    else:
        return [None] * len(names)
    alone = found.count(None)
    if alone == len(names):
        raise UserError(f"{entry.name}: {where} of the images, for instance {names[0]}. Correct the catalogue.")
    if alone:
        example = names[found.index(None)]
        log.warning("%s: nothing tells what %d images belong to, for instance %s", entry.name, alone, example)
    return found


def _assemble(pictures: list[Picture], labels: Sequence[str | None], entry: ImageEntry, size: int) -> ImageSet:
    """One set of all images, numbered in the order of their names."""
    pixels = torch.empty(len(pictures), entry.channels, size, size, dtype=torch.uint8)
    for place, picture in zip(pixels, pictures, strict=True):
        place.copy_(torch.from_numpy(picture.pixels.reshape(size, size, entry.channels).copy()).permute(2, 0, 1))
    y = torch.tensor([picture.y for picture in pictures])
    classes = list(entry.classes)
    names = [picture.name for picture in pictures]
    tests = [int(inside(name.rpartition("/")[0], entry.test_folders)) for name in names]
    meta = {
        "name": entry.name,
        "printed": entry.printed,
        "task": entry.task,
        "licence": entry.licence,
        "source": entry.source,
        "demo": entry.demo,
        "classes": classes,
        "counts": dict(zip(classes, torch.bincount(y, minlength=len(classes)).tolist(), strict=True)),
        "size": size,
        "channels": entry.channels,
        "resampling": "bilinear, antialiased, squashed",
        "pillow": PIL.__version__,
        "grouped": sum(label is not None for label in labels),
        "names": names,
    }
    return ImageSet(
        pixels=pixels,
        y=y,
        group=_numbered([name if label is None else (label,) for name, label in zip(names, labels, strict=True)]),
        content=_numbered([picture.content for picture in pictures]),
        source_split=torch.tensor(tests if entry.test_folders else [-1] * len(names), dtype=torch.int8),
        meta=meta,
    )


def _numbered(labels: Sequence[Any]) -> Tensor:
    """Equal labels to equal numbers, in the order of their first appearance."""
    number: dict[Any, int] = {}
    return torch.tensor([number.setdefault(label, len(number)) for label in labels])


def counts(images: ImageSet) -> dict[str, dict[str, int] | int]:
    """What `kanrepro.images.catalog.ImageCounts` states, counted in a set."""
    test = images.y[images.source_split == 1]
    told = images.meta["grouped"]
    alone = len(images) - told
    return {
        "classes": images.meta["counts"],
        "test": dict(zip(images.classes, torch.bincount(test, minlength=len(images.classes)).tolist(), strict=True)),
        "groups": int(images.group.unique().numel()) - alone if told else 0,
    }


def verify(images: ImageSet, expected: ImageCounts | None, source: Path | None = None) -> None:
    """Compare a set with the catalogue.

    Raises:
        UserError: with the expected and the found number of everything that differs.
    """
    if expected is None:
        return
    found, stated = counts(images), expected.model_dump(exclude_none=True)
    wrong = []
    for part, value in stated.items():
        pairs = value if isinstance(value, dict) else {part: value}
        held = found[part]
        for name, number in pairs.items():
            seen = held[name] if isinstance(held, dict) else held
            if seen != number:
                wrong.append(f"{f'{part} ' if part == 'test' else ''}{name}: expected {number}, found {seen}")
    if wrong:
        excluded = images.meta.get("excluded") or []
        left_out = (
            f" {len(excluded)} files were left out, first {excluded[0]['file']}: {excluded[0]['reason']}."
            if excluded
            else ""
        )
        raise UserError(
            f"{source or 'The installed scikit-learn'} does not hold the {images.meta['name']} of the catalogue "
            f"({'; '.join(wrong)}).{left_out} Nothing was written. Fetch it again, or correct `expected` where this is "
            "your own set."
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.images.prepare."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the image catalogue, for instance chest-xray")
    parser.add_argument("--archive", type=Path, help="its archive or folder; not for the demo sets")
    parser.add_argument("--groups", type=Path, help="the file that says which images belong together, where it has one")
    parser.add_argument("--size", type=_size, required=True, help="pixels along an edge, 4 to 1024")
    parser.file("--output", "to write: resources/images/DATASET-SIZE.safetensors")
    parser.catalogs("of images")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    entry = image_catalog.entry(options.dataset, options.catalog)
    prepare(entry, options.archive, options.size, options.output, options.groups)


def _size(text: str) -> int:
    if not text.isdigit() or not 4 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text} is not between 4 and 1024")
    return int(text)


if __name__ == "__main__":
    cli(main)
