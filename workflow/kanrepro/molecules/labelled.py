"""A set of molecules with its split, as fine-tuning and its control need it: opened and checked once."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kanrepro.core.errors import UserError
from kanrepro.core.files import content_digest, read_json, sha256
from kanrepro.core.record import Artefact
from kanrepro.molecules import auc
from kanrepro.molecules.record import MoleculeData, TaskScores
from kanrepro.molecules.splits import PARTS, MoleculeSplit, read_split
from kanrepro.store.store import GraphStore


@dataclass(frozen=True)
class LabelledSet:
    """G molecules with T tasks, and which of them train, validate and test.

    Attributes:
        y: (G, T) int8 labels: 1, -1, 0 missing.
        excluded: part -> the tasks that lack positives or negatives there; ROC-AUC is not defined for them.
        data, split_file: what a record says of the two files.
    """

    store: GraphStore
    y: NDArray[np.int8]
    split: MoleculeSplit
    kind: str
    data: MoleculeData
    split_file: Artefact
    excluded: dict[str, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.store.meta.get("name", Path(self.data.path).stem))

    @property
    def demo(self) -> bool:
        return bool(self.store.meta.get("demo", False))

    @property
    def tasks(self) -> list[str]:
        return [str(name) for name in self.store.meta["tasks"]]

    @property
    def smiles(self) -> list[str]:
        return list(self.store.meta["smiles"])

    def scores(
        self, validation: NDArray[np.floating], test: NDArray[np.floating], epoch: int | None = None
    ) -> TaskScores:
        """ROC-AUC of scores (molecules of the part, T)."""
        found = {
            part: auc.task_aucs(self.y[getattr(self.split, part)], given)
            for part, given in (("validation", validation), ("test", test))
        }
        means = {part: auc.mean_auc(aucs) for part, aucs in found.items()}
        assert means["validation"] is not None and means["test"] is not None  # `open_labelled` has seen to it
        return TaskScores(
            epoch=epoch,
            validation=means["validation"],
            test=means["test"],
            validation_tasks=found["validation"],
            test_tasks=found["test"],
        )


def open_labelled(store_path: Path, split_path: Path) -> LabelledSet:
    """A prepared set and a split of it.

    Raises:
        UserError: a file is missing, damaged or of another set; the set has no labels; a label is none of 1, -1 and 0
            (naming molecule and task); a part has no task with both classes.
    """
    store, digest = GraphStore.load(store_path), sha256(store_path)
    tasks = store.meta.get("tasks") or []
    if not tasks or len(store.meta.get("smiles") or []) != len(store):
        raise UserError(f"{store_path} holds no molecules with labels: it is a set to pre-train on. Name another one.")
    split = read_split(split_path, len(store))
    if split.set_sha256 != digest:
        raise UserError(f"{split_path} was drawn for another version of {store_path}. Make it again.")
    y = store.y.numpy()
    if len(odd := np.argwhere((y < -1) | (y > 1))):
        molecule, task = odd[0]
        raise UserError(
            f"{store_path}: molecule {molecule}, task {tasks[task]!r}: the label {y[molecule, task]} is none of 1, -1 "
            "and 0 (missing). Prepare the set again."
        )
    excluded = {part: one_class(y[getattr(split, part)], tasks) for part in PARTS}
    for part in ("validation", "test"):
        if len(excluded[part]) == len(tasks):
            raise UserError(
                f"{split_path}: no task has both classes in the {part} part, so nothing can be measured there. "
                "Take another split or seed."
            )
    if not (y[split.train] != 0).any():
        raise UserError(f"{split_path}: no molecule of the train part has a label. Take another split or seed.")
    data = MoleculeData(
        path=str(store_path),
        sha256=digest,
        content=content_digest(store_path),
        source_sha256=store.meta.get("source_sha256"),
        molecules=len(store),
    )
    kind = str(read_json(split_path)["split"])
    return LabelledSet(store, y, split, kind, data, Artefact.of(split_path), excluded)


def by_seed(store: Path, split: str, seeds: Sequence[int]) -> Iterator[tuple[int, LabelledSet]]:
    """Each seed with its set, opened once where all have the same split; `split` may hold {seed}.

    Says on stderr which tasks do not count. Raises UserError as `open_labelled`.
    """
    labelled: LabelledSet | None = None
    for seed in seeds:
        path = split.replace("{seed}", str(seed))
        if labelled is None or labelled.split_file.path != path:
            labelled = open_labelled(store, Path(path))
            for line in excluded_in_words(labelled):
                print(line, file=sys.stderr)
        yield seed, labelled


def one_class(y: NDArray[np.int8], tasks: list[str]) -> list[str]:
    """The tasks without positives, or without negatives, among labels y (G, T)."""
    both = (y > 0).any(axis=0) & (y < 0).any(axis=0)
    return [str(tasks[task]) for task in np.flatnonzero(~both)]


def excluded_in_words(labelled: LabelledSet) -> list[str]:
    """What a reader of the scores must know: one sentence for each part that leaves tasks out."""
    return [
        f"{labelled.name}: {len(tasks)} of {len(labelled.tasks)} tasks have one class or no label in {part} and do not "
        f"count there: {', '.join(tasks[:5])}{', ...' if len(tasks) > 5 else ''}"
        for part, tasks in labelled.excluded.items()
        if tasks and part != "train"
    ]
