"""Stage: which molecules of a set train, validate and test, written once and read by every fine-tuning.

Reads a store of molecules with labels; writes JSON: schema, set (SHA-256 of the store), split, seed, ascending lists of
molecule indices `train`, `validation` and `test` (80, 10 and 10 %), `scaffolds` (how many each part has), `one_class`
(the tasks for which a part lacks positives or negatives, so that no ROC-AUC can be computed there) and `notes`.

Molecules of one Bemis-Murcko scaffold (rings and what links them, with chirality) stay in one part. All molecules
without a ring have the empty scaffold: they are one group, as in the code of Hu et al. The kinds of split:

scaffold: to the letter as Hu et al. (scaffold_split in chem/splitters.py of snap-stanford/pretrain-gnns, which GraphCL
    and its successors use): groups sorted by (size, first index), both descending; each goes to train if it fits into
    80 %, else to validation if both then hold at most 90 %, else to test. Among groups of one size it is the order of
    the file that decides; which sizes go where, and so the sizes of the parts, do not depend on it.
scaffold-stable: the same, but groups of one size are sorted by their scaffold: the sets do not depend on the order of
    molecules.
random-scaffold: groups in random order (of the seed), each to validation while it fits into 10 %, else to test while it
    fits into 10 %, else to train (random_scaffold_split there; the groups are sorted by scaffold before the draw, so
    that the sets do not depend on the order of molecules).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import read_json, sha256, write_json
from kanrepro.core.parser import stage_parser
from kanrepro.molecules.graph import scaffold
from kanrepro.store.store import GraphStore

log = logging.getLogger(__name__)

SPLITS = ("scaffold", "scaffold-stable", "random-scaffold")
PARTS = ("train", "validation", "test")
SHARES = (0.8, 0.1)  # of train and validation

Indices = NDArray[np.int64]
Groups = dict[str, list[int]]  # scaffold -> ascending molecule indices


@dataclass(frozen=True)
class MoleculeSplit:
    """Ascending molecule indices of each part.

    Attributes:
        train, validation, test: disjoint; together all molecules.
        scaffolds: how many scaffolds each part has.
        one_class: for each part the names of the tasks that lack positives or negatives there.
        set_sha256: of the store that it was drawn for.
        notes: what a reader should know, a sentence each.
    """

    train: Indices
    validation: Indices
    test: Indices
    scaffolds: dict[str, int]
    one_class: dict[str, list[str]]
    set_sha256: str = ""
    notes: list[str] = field(default_factory=list)


def by_scaffold(scaffolds: Sequence[str]) -> Groups:
    """Scaffold -> ascending indices of its molecules, in the order of first appearance."""
    groups: Groups = {}
    for index, text in enumerate(scaffolds):
        groups.setdefault(text, []).append(index)
    return groups


def divide(groups: Groups, kind: str, seed: int = 0) -> tuple[Indices, Indices, Indices]:
    """Indices of train, validation and test, each ascending.

    Args:
        groups: as `by_scaffold` gives them.
        kind: one of SPLITS.
        seed: of `random-scaffold`.

    Raises:
        UserError: an unknown kind, or a seed out of range.
    """
    if kind not in SPLITS:
        raise UserError(f"--split is {kind!r}, but must be one of {', '.join(SPLITS)}.")
    if not 0 <= seed < 2**32:
        raise UserError(f"--seed is {seed}, but must lie between 0 and 2^32 - 1.")
    total = sum(map(len, groups.values()))
    if kind == "random-scaffold":
        parts = _first_fit_random(groups, total, seed)
    else:
        if kind == "scaffold":
            order = sorted(groups.values(), key=lambda group: (len(group), group[0]), reverse=True)
        else:
            order = [groups[text] for text in sorted(groups, key=lambda text: (-len(groups[text]), text))]
        parts = _largest_first(order, total)
    train, validation, test = (np.array(sorted(part), np.int64) for part in parts)
    return train, validation, test


def _largest_first(order: Sequence[list[int]], total: int) -> tuple[list[int], ...]:
    """Each group to the first part with room; the bounds and their order are those of Hu et al."""
    until_train, until_validation = SHARES[0] * total, (SHARES[0] + SHARES[1]) * total
    train, validation, test = [], [], []
    for group in order:
        if len(train) + len(group) <= until_train:
            train += group
        elif len(train) + len(validation) + len(group) <= until_validation:
            validation += group
        else:
            test += group
    return train, validation, test


def _first_fit_random(groups: Groups, total: int, seed: int) -> tuple[list[int], ...]:
    room = int(np.floor(SHARES[1] * total))  # of validation, and of test
    train, validation, test = [], [], []
    names = sorted(groups)
    for at in np.random.default_rng(seed).permutation(len(names)):
        group = groups[names[at]]
        if len(validation) + len(group) <= room:
            validation += group
        elif len(test) + len(group) <= room:
            test += group
        else:
            train += group
    return train, validation, test


def draw(store: GraphStore, kind: str, seed: int = 0) -> MoleculeSplit:
    """One split of a set.

    Raises:
        UserError: the store holds no SMILES or no labels, a part is empty or has no task with both classes, or as in
            `divide`.
    """
    smiles, tasks = store.meta.get("smiles") or [], store.meta.get("tasks") or []
    if len(smiles) != len(store) or not tasks:
        raise UserError(
            "the store holds no SMILES and labels: it is a set to pre-train on, or no molecules. Split a set with "
            "`tasks` in the catalogue of molecules."
        )
    shown = tqdm(smiles, desc="scaffolds", unit="molecules", disable=None)
    groups = by_scaffold([scaffold(text) for text in shown])
    train, validation, test = divide(groups, kind, seed)
    parts = {"train": train, "validation": validation, "test": test}
    y = store.y.numpy()
    one_class = {part: of_one_class(y[index], tasks) for part, index in parts.items()}
    for part, lacking in one_class.items():
        if len(lacking) == len(tasks):
            raise UserError(
                f"the {part} part of the split {kind!r} ({len(parts[part])} molecules) has no task with both positives "
                "and negatives, so nothing can be measured there. Add molecules, or take another split or seed."
            )
    firsts = [group[0] for group in groups.values()]
    counts = {part: int(np.isin(firsts, index).sum()) for part, index in parts.items()}
    notes = [f"{len(store)} molecules of {len(groups)} scaffolds, {len(groups.get('', []))} molecules without a ring"]
    notes += [
        f"{len(lacking)} of {len(tasks)} tasks have one class only in {part}"
        for part, lacking in one_class.items()
        if lacking
    ]
    return MoleculeSplit(train, validation, test, counts, one_class, notes=notes)


def of_one_class(y: NDArray[np.int8], tasks: Sequence[str]) -> list[str]:
    """The tasks without positives, or without negatives, among labels y (G, T)."""
    lacking = ~((y > 0).any(axis=0) & (y < 0).any(axis=0))
    return [tasks[at] for at in np.flatnonzero(lacking).tolist()]


def read_split(path: Path | str, molecules: int) -> MoleculeSplit:
    """The split of a set of so many molecules, checked: each in exactly one part.

    Raises:
        UserError: the file is missing, not a split file, or of another set.
    """
    content = read_json(path)
    try:
        train, validation, test = (np.asarray(content[name], dtype=np.int64) for name in PARTS)
        scaffolds, one_class = dict(content["scaffolds"]), dict(content["one_class"])
        notes = list(content["notes"])
        split = MoleculeSplit(train, validation, test, scaffolds, one_class, str(content["set"]), notes)
        used = np.sort(np.concatenate([train, validation, test]))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UserError(
            f"{path} is not a split file. Make it with: python -m kanrepro.molecules.splits --help"
        ) from None
    if not np.array_equal(used, np.arange(molecules)):
        raise UserError(f"{path} does not split {molecules} molecules: it belongs to another set. Make it again.")
    return split


def split(store: Path, kind: str, seed: int, output: Path) -> MoleculeSplit:
    """Draw a split of a store and write it."""
    molecules = GraphStore.load(store)
    name = molecules.meta.get("name", store.stem)
    try:
        made = draw(molecules, kind, seed)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    parts = {part: getattr(made, part).tolist() for part in PARTS}
    facts = {"schema": 1, "dataset": name, "set": sha256(store), "split": kind, "seed": seed}
    told = {"scaffolds": made.scaffolds, "one_class": made.one_class, "notes": made.notes}
    write_json(output, {**facts, **parts, **told})
    sizes = ", ".join(f"{part} {len(index)}" for part, index in parts.items())
    log.info("%s: %s; %s -> %s", name, sizes, "; ".join(made.notes), output)
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.molecules.splits."""
    parser = stage_parser(__doc__)
    parser.file("--store", "prepared set: resources/molecules/DATASET.safetensors")
    parser.add_argument("--split", choices=SPLITS, default="scaffold", help="kind of split (default: scaffold)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draw; only random-scaffold draws (default: 0)")
    parser.file("--output", "JSON to write: resources/molecules/DATASET.SPLIT-SEED.json")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    split(options.store, options.split, options.seed, options.output)


if __name__ == "__main__":
    cli(main)
