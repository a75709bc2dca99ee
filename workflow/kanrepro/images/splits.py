"""Stage: which images of a set train, validate and test, written once and read by every classifier.

Reads an ImageSet; writes JSON: schema, set (SHA-256 of the store), split, seed, ascending lists of image indices
`train`, `validation` and `test` (70, 10 and 20 %, every class in the same shares), `leaked` and `notes`. `leaked` are
the test images that training or validation knows already: the same picture, or another of the same patient or tile.
They stay in the test part; results are reported with and without them. The kinds of split:

grouped: nothing of one patient, tile or picture on both sides; no image is leaked.
random: images drawn one by one, as DEQ-KAN's code draws them.
source: the set's own test folder tests, an eighth of its training folder validates (grouped).
imbalanced: grouped, and of all classes but the largest a tenth of the training images is kept.
"""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import read_json, sha256, write_json
from kanrepro.core.parser import stage_parser
from kanrepro.images.store import ImageSet
from kanrepro.images.variants import SPLITS

log = logging.getLogger(__name__)

Indices = NDArray[np.int64]
PARTS = ("train", "validation", "test")
KEPT = 10  # imbalanced: one of so many training images is kept


@dataclass(frozen=True)
class Split:
    """Ascending image indices of each part, and the test images that the other parts know already.

    Attributes:
        train, validation, test: disjoint; together all images, but for what `imbalanced` drops.
        leaked: those of `test` whose picture or group is also in `train` or `validation`.
        set_sha256: of the store that it was drawn for.
        notes: what a reader should know, a sentence each.
    """

    train: Indices
    validation: Indices
    test: Indices
    leaked: Indices
    set_sha256: str = ""
    notes: list[str] = field(default_factory=list)


def units(group: Indices, content: Indices) -> Indices:
    """(M,) numbers of what must stay together: images that share a group or a picture, directly or through others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    group, content = np.unique(group, return_inverse=True)[1], np.unique(content, return_inverse=True)[1]
    size = int(group.max(initial=-1)) + 1
    total = size + int(content.max(initial=-1)) + 1  # nodes: groups, then pictures; an edge for each image
    edges = coo_array((np.ones(len(group), dtype=bool), (group, size + content)), shape=(total, total))
    return connected_components(edges, directed=False)[1][group].astype(np.int64)


def leaked(test: Indices, others: Indices, group: Indices, content: Indices) -> Indices:
    """The images of `test` whose group or picture is also among `others`."""
    known = np.isin(group[test], group[others]) | np.isin(content[test], content[others])
    return test[known]


def draw(images: ImageSet, kind: str, seed: int) -> Split:
    """One split of a set.

    Args:
        images: M images.
        kind: one of `kanrepro.images.variants.SPLITS`.
        seed: from 0; the same seed draws the same split.

    Raises:
        UserError: fewer than two classes, a class that misses in a part, no test folder for `source`, an unknown kind.
    """
    if kind not in SPLITS:
        raise UserError(f"--split is {kind!r}, but must be one of {', '.join(SPLITS)}.")
    if not 0 <= seed < 2**32:
        raise UserError(f"--seed is {seed}, but must lie between 0 and 2^32 - 1.")
    if len(images.classes) < 2:
        raise UserError("the set has one class only, so nothing can be classified. Choose a set with two or more.")
    y, group, content = images.y.numpy(), images.group.numpy(), images.content.numpy()
    together, everything = units(group, content), np.arange(len(images))
    notes = [f"{len(images)} images in {together.max(initial=-1) + 1} units that share no patient, tile or picture"]
    if kind == "random":
        parts = _one_by_one(y, seed)
    elif kind == "source":
        parts = _own_folders(images, together, seed)
    else:
        parts = _by_folds(everything, y, together, seed, folds=10, sizes=(7, 1, 2))
    if kind == "imbalanced":
        train = _thinned(parts[0], y, seed)
        notes.append(f"{len(parts[0]) - len(train)} training images of all classes but the largest were dropped")
        parts = (train, *parts[1:])
    _complete(parts, y, images.classes, kind)
    train, validation, test = parts
    known = leaked(test, np.concatenate([train, validation]), group, content)
    notes.append(f"{len(known)} of {len(test)} test images share a patient, tile or picture with other parts")
    return Split(train, validation, test, known, notes=notes)


def _one_by_one(y: Indices, seed: int) -> tuple[Indices, ...]:
    from sklearn.model_selection import train_test_split

    try:
        rest, test = train_test_split(np.arange(len(y)), test_size=0.2, stratify=y, random_state=seed)
        train, validation = train_test_split(rest, test_size=0.125, stratify=y[rest], random_state=seed)
    except ValueError as error:
        raise UserError(f"the set is too small to be split 70/10/20: {error}") from None
    return np.sort(train), np.sort(validation), np.sort(test)


def _own_folders(images: ImageSet, together: Indices, seed: int) -> tuple[Indices, ...]:
    own = images.source_split.numpy()
    test, rest = np.flatnonzero(own == 1), np.flatnonzero(own == 0)
    if not (len(test) and len(rest)):
        raise UserError("the set has no test folder of its own beside a training folder. Take the split `grouped`.")
    train, validation, _ = _by_folds(rest, images.y.numpy(), together, seed, folds=8, sizes=(7, 1, 0))
    return train, validation, test


def _by_folds(
    index: Indices, y: Indices, together: Indices, seed: int, folds: int, sizes: tuple[int, int, int]
) -> tuple[Indices, ...]:
    """Images `index` in three parts of so many folds each; units stay whole, classes keep their shares."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(index), dtype=np.int64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a class with fewer units than folds: the parts are looked at below
            for number, (_, members) in enumerate(splitter.split(index, y[index], together[index])):
                fold[members] = number
    except ValueError as error:
        raise UserError(f"the set is too small to be split: {error}") from None
    # validation and test take the first folds, training all others
    _, validation, test = sizes
    ends = (validation, validation + test)
    return index[fold >= ends[1]], index[fold < ends[0]], index[(fold >= ends[0]) & (fold < ends[1])]


def _thinned(train: Indices, y: Indices, seed: int) -> Indices:
    """All images of the largest class, a tenth of those of each other class (at least one)."""
    generator = np.random.default_rng([seed, KEPT])
    sizes = np.bincount(y[train])
    kept = []
    for label, size in enumerate(sizes):
        images = train[y[train] == label]
        if label != int(sizes.argmax()):
            images = generator.permutation(images)[: max(1, round(size / KEPT))]
        kept.append(images)
    return np.sort(np.concatenate(kept))


def _complete(parts: Sequence[Indices], y: Indices, classes: Sequence[str], kind: str) -> None:
    for part, index in zip(PARTS, parts, strict=True):
        missing = [name for label, name in enumerate(classes) if not np.any(y[index] == label)]
        if missing:
            total = int(np.sum(y == list(classes).index(missing[0])))
            raise UserError(
                f"the {part} part of the split {kind!r} has no image of class {missing[0]!r} (the set has {total}; "
                "those of one patient or tile stay together). Add images, try another seed, or take another split."
            )


def read_split(path: Path | str, images: int) -> Split:
    """The split of a set of `images` images, checked: indices in range, none in two parts, leaks within the test part.

    Raises:
        UserError: the file is missing, not a split file, or of another set.
    """
    content = read_json(path)
    try:
        parts = {name: np.asarray(content[name], dtype=np.int64) for name in (*PARTS, "leaked")}
        split = Split(**parts, set_sha256=str(content["set"]), notes=list(content["notes"]))
        used = np.concatenate([split.train, split.validation, split.test])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UserError(f"{path} is not a split file. Make it with: python -m kanrepro.images.splits --help") from None
    once = len(np.unique(used)) == len(used) and np.isin(split.leaked, split.test).all()
    if not once or not len(used) or used.min() < 0 or used.max() >= images:
        raise UserError(f"{path} does not split {images} images: it belongs to another set. Make it again.")
    return split


def split(store: Path, kind: str, seed: int, output: Path) -> Split:
    """Draw a split of a store and write it."""
    images = ImageSet.load(store)
    try:
        made = draw(images, kind, seed)
    except UserError as error:
        raise UserError(f"{images.meta.get('name', store.stem)}: {error}") from None
    content = {name: getattr(made, name).tolist() for name in (*PARTS, "leaked")}
    write_json(output, {"schema": 1, "set": sha256(store), "split": kind, "seed": seed, **content, "notes": made.notes})
    log.info("%s: %s -> %s", images.meta.get("name"), "; ".join(made.notes), output)
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.images.splits."""
    parser = stage_parser(__doc__)
    parser.file("--store", "prepared set: resources/images/DATASET-SIZE.safetensors")
    parser.add_argument("--split", choices=SPLITS, required=True, help="kind of split")
    parser.add_argument("--seed", type=int, required=True, help="seed of the draw; each run has its own")
    parser.file("--output", "JSON to write: resources/images/DATASET-SIZE.SPLIT-SEED.json")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    split(options.store, options.split, options.seed, options.output)


if __name__ == "__main__":
    cli(main)
