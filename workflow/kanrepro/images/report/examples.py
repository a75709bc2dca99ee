"""Example images with what two models say of them: the same images for both, right and wrong, chosen by a rule.

The rule: of the test images of the smallest seed that both models have, sort into four kinds (both right, one alone
right, the other alone right, both wrong) and take from each kind those that the two models together are surest of:
largest sum of the probabilities of what they say; equal sums by their number in the set.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from safetensors import SafetensorError, safe_open

from kanrepro.core.errors import UserError
from kanrepro.core.files import sha256
from kanrepro.images.record import ImageRecord
from kanrepro.images.report.results import ImageResults
from kanrepro.images.report.style import stand_in_note
from kanrepro.images.variants import LABELS
from kanrepro.report.style import missing, nothing, wrapped

PAIR = ("cnn", "deq_kan")
EACH = 2  # images of each kind
KINDS = {
    (True, True): "both right",
    (False, True): "only {1} right",
    (True, False): "only {0} right",
    (False, False): "both wrong",
}
SHORT = {"cnn": "CNN", "deq_kan": "DEQ"}
CELL = (1.6, 2.05)  # inches of a picture with what stands under it
LONG = 14  # letters of a class name: with the rest of its line as wide as a picture
RIGHT, WRONG = "#0072b2", "#c8401f"
NOTE = (
    "Test images of one run, in four kinds; of each kind those that the two models together are surest of. First line: "
    "the true class; then what each model says, and its probability. Blue: right; red and ×: wrong."
)


@dataclass(frozen=True)
class Said:
    """What the two models say of one image: class ids and probabilities."""

    index: int
    truth: int
    labels: tuple[int, int]
    p: tuple[float, float]

    @property
    def kind(self) -> tuple[bool, bool]:
        """Whether each of them is right."""
        return self.labels[0] == self.truth, self.labels[1] == self.truth


def choose(first: ImageRecord, second: ImageRecord, each: int = EACH) -> dict[tuple[bool, bool], list[Said]]:
    """At most `each` test images of each kind that both records have, by the rule above."""
    sides = [{i: (y, row) for i, y, row in zip(r.test.index, r.test.y, r.test.p, strict=True)} for r in (first, second)]
    found: dict[tuple[bool, bool], list[Said]] = {kind: [] for kind in KINDS}
    for index in sorted(sides[0].keys() & sides[1].keys()):
        rows = [side[index][1] for side in sides]
        labels = [row.index(max(row)) for row in rows]
        said = Said(index, sides[0][index][0], (labels[0], labels[1]), (max(rows[0]), max(rows[1])))
        found[said.kind].append(said)
    return {kind: sorted(images, key=lambda s: (-sum(s.p), s.index))[:each] for kind, images in found.items()}


def stores(paths: Iterable[Path]) -> dict[str, Path]:
    """The prepared sets by name. Raises UserError where a file is no prepared set, or two hold the same set."""
    found: dict[str, Path] = {}
    for path in sorted(set(paths)):
        try:
            with safe_open(path, framework="numpy") as stored:
                name = json.loads((stored.metadata() or {})["kanrepro"])["name"]
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is not an image set ({error}). Delete it and prepare the set again.") from None
        if name in found:
            raise UserError(f"{found[name]} and {path} hold the same set; name one of them.")
        found[name] = path
    return found


def pixels(path: Path, record: ImageRecord, index: Sequence[int]) -> list[np.ndarray]:
    """Images (S, S) or (S, S, 3) of a prepared set, uint8; `index`: their numbers in it.

    Raises:
        UserError: the file is not the one that the record was made from, or is damaged.
    """
    if sha256(path) != record.data.sha256:
        raise UserError(f"{path} is not the set that {record.model} was tested on; prepare it again, or train again.")
    try:
        with safe_open(path, framework="numpy") as stored:
            images = stored.get_slice("pixels")
            found = [np.moveaxis(images[i : i + 1][0], 0, -1) for i in index]
    except (SafetensorError, IndexError, OSError) as error:
        raise UserError(f"{path} is not an image set ({error}). Delete it and prepare the set again.") from None
    return [image[..., 0] if image.shape[-1] == 1 else image for image in found]


def draw(results: ImageResults, datasets: Sequence[str], split: str, files: Mapping[str, Path]) -> Figure:
    """The figure: a data set a row, two images a kind; only sets with records of both models and with a store."""
    pairs = {dataset: pair for dataset in datasets if dataset in files and (pair := _pair(results, dataset, split))}
    if not pairs:
        names = " and ".join(LABELS[model] for model in PAIR)
        return nothing(f"Example images: {names} were not run on a set that is here.")
    across = EACH * len(KINDS)
    width, height = 0.55 + CELL[0] * across, 0.4 + CELL[1] * len(pairs) + 0.55
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(len(pairs), across, squeeze=False)
    for row, (dataset, records) in enumerate(pairs.items()):
        _row(axes[row], records, files[dataset])
        axes[row, 0].set_ylabel(f"{results.title(dataset)}\nseed {records[0].seed}", fontsize=9)
    for place, title in enumerate(KINDS.values()):
        axes[0, place * EACH].set_title(title.format(*(LABELS[model] for model in PAIR)), fontsize=9, loc="left")
    text = f"{NOTE} {stand_in_note(pairs, results.demo)}"
    figure.text(0.01, 0.01, wrapped(figure, text), fontsize=7.5, color="#444", va="bottom")
    gap = CELL[1] - CELL[0] + 0.15  # inches between two pictures, for the three lines under the upper one
    figure.subplots_adjust(
        left=0.55 / width,
        right=1 - 0.05 / width,
        top=1 - 0.3 / height,
        bottom=(0.55 + gap) / height,
        wspace=0.15 / (CELL[0] - 0.15),
        hspace=gap / (CELL[1] - gap),
    )
    return figure


def _row(axes: Sequence[Axes], records: tuple[ImageRecord, ImageRecord], path: Path) -> None:
    """The chosen images of a data set, two a kind."""
    chosen = choose(*records)
    images = pixels(path, records[0], [said.index for kind in KINDS for said in chosen[kind]])
    for place, kind in enumerate(KINDS):
        for number, axis in enumerate(axes[place * EACH : (place + 1) * EACH]):
            axis.set_box_aspect(1)
            axis.spines[:].set_visible(False)
            if number < len(chosen[kind]):
                _picture(axis, images.pop(0), chosen[kind][number], records[0].classes)
            else:
                missing(axis, "no other" if chosen[kind] else "no such image" if number == 0 else "")


def _pair(results: ImageResults, dataset: str, split: str) -> tuple[ImageRecord, ImageRecord] | None:
    """The records of the two models at the smallest seed that both have."""
    cells = [results.cell(dataset, split, model) for model in PAIR]
    by_seed = [{record.seed: record for record in cell.records} if cell else {} for cell in cells]
    shared = sorted(by_seed[0].keys() & by_seed[1].keys())
    return (by_seed[0][shared[0]], by_seed[1][shared[0]]) if shared else None


def _picture(axis: Axes, image: np.ndarray, said: Said, classes: Sequence[str]) -> None:
    """An image, its true class, and what each model says of it."""
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    lines = [(_brief(classes[said.truth]), "black")]
    for model, label, p, right in zip(PAIR, said.labels, said.p, said.kind, strict=True):
        text = f"{SHORT[model]}: {_brief(classes[label])} {p:.2f}"
        lines.append((text, RIGHT) if right else (f"{text} ×", WRONG))
    for number, (text, colour) in enumerate(lines):
        where = {"xy": (0.5, 0), "xycoords": "axes fraction", "xytext": (0, -3 - 10 * number)}
        axis.annotate(text, **where, textcoords="offset points", ha="center", va="top", fontsize=7, color=colour)


def _brief(name: str) -> str:
    """A class name that fits under a picture."""
    return name if len(name) <= LONG else f"{name[: LONG - 1]}…"
