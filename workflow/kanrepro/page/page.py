"""One self-contained HTML report: tables, figures, how to read them, provenance and cost.

Reads: records, descriptions of data sets, workflow/published, and figures that were drawn already (PNG or SVG). Writes
one HTML file that refers to nothing outside itself but the records it links to. The same input gives the same bytes.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import atomic
from kanrepro.core.parser import stage_parser
from kanrepro.images.report import page as image_page
from kanrepro.images.report import summary as image_summary
from kanrepro.images.report import wording as image_wording
from kanrepro.images.report.inputs import ImageInputs
from kanrepro.molecules.report import page as transfer_page
from kanrepro.molecules.report.results import BEST
from kanrepro.molecules.report.table import TransferInputs
from kanrepro.report import render, statistics, summary, table
from kanrepro.report.arguments import add_files
from kanrepro.report.inputs import Inputs, add_inputs
from kanrepro.report.wording import STAND_IN, points
from kanrepro.superpixels.report import scores as digit_scores

KINDS = {".png": "image/png", ".svg": "image/svg+xml"}
CAPTIONS = {
    "figure4": (
        "Figure 4: ablation",
        "Accuracy of the six variants, one panel a reading; error bars are one standard deviation over runs, black "
        "lines the same encoder untrained, its batch norms calibrated by passes over the views.",
    ),
    "figure5": (
        "Figure 5: sensitivity",
        "Khan-GCL with other sizes of its perturbations, one varied at a time around the default (dotted line); error "
        "bars are one standard deviation over runs.",
    ),
    "history": (
        "Training curves",
        "Loss and CKFI diagnostics over the epochs of pre-training: the mean over seeds, their range shaded; colour "
        "names the method, dashes the reading.",
    ),
    "figure2b": (
        "Figure 2b: splines and their bounds",
        "Trained splines with their coefficients, and the variance of all splines against that of their coefficients, "
        "with Proposition 1 as printed and as corrected.",
    ),
    "figure3": (
        "Figure 3: neighbours of hard negatives",
        "Nearest neighbours of hard negatives in the whole set, and how often they are of another class, for CKFI, a "
        "random perturbation of the same angle, and none.",
    ),
    "ckfi": (
        "What CKFI picks",
        "The scores of each component beside its variance on data, and beside the accuracy lost without it; the "
        "accuracy left when components are removed by their scores, against random orders.",
    ),
    "history-molecules": (
        "Training curves on molecules",
        "The same for pre-training on molecules, and the share of masked atoms that attribute masking tells. Its loss "
        "is a cross-entropy over atoms, that of the others a contrast of views.",
    ),
}


CAPTIONS |= image_page.CAPTIONS


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it: `source` is a data URI."""

    name: str
    title: str
    caption: str
    source: str

    @classmethod
    def read(cls, path: Path) -> "Picture":
        """Read a PNG or SVG. Raises UserError where it is neither, or cannot be read."""
        if path.suffix not in KINDS:
            raise UserError(f"{path}: a figure must be a .png or .svg file.")
        try:
            data = base64.b64encode(path.read_bytes()).decode("ascii")
        except OSError as error:
            raise UserError(f"cannot read the figure {path}: {error.strerror}; draw it first.") from None
        title, caption = CAPTIONS.get(path.stem, (path.stem, path.stem))
        return cls(path.stem, title, caption, f"data:{KINDS[path.suffix]};base64,{data}")


@dataclass(frozen=True)
class Section:
    """A table as the page holds it."""

    name: str
    title: str
    body: str

    @property
    def short(self) -> str:
        return self.title.partition(":")[0]


@dataclass(frozen=True)
class ImagePart:
    """What the page says of the image experiments."""

    stand_in: bool
    records: int
    seconds: float
    figures: list[Picture]
    tables: list[Section]


@dataclass(frozen=True)
class TransferPart:
    """What the page says of transfer learning."""

    records: int
    seconds: float
    tables: list[Section]


def build(
    inputs: Inputs,
    figures: Sequence[Path],
    base: Path,
    margin: float = statistics.MARGIN,
    images: ImageInputs | None = None,
    transfer: TransferInputs | None = None,
) -> str:
    """The page as HTML text. `base`: the folder that links to records start from.

    With `images` that have records it has a part on DEQ-KAN, which takes the figures named after the image experiments;
    with `transfer` that has records, a part on transfer learning.

    Raises:
        UserError: a corrupt record or description, or a figure that cannot be read.
    """
    pictures = [Picture.read(path) for path in figures]
    part = _image_part(images, pictures, base) if images and images.results.cells else None
    molecules = _transfer_part(transfer, base, margin) if transfer and transfer_page.has_records(transfer) else None
    sections = []
    digits = digit_scores.builder(inputs, base, margin).results.cells
    for name in (*table.TABLES, *(["table7"] if digits else [])):
        document, _ = table.build(name, inputs, base, margin)
        sections.append(Section(name, document.title, render.html_body(document, 3, f"{name}-")))
    scores = table.builder("table2", inputs, base, margin)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(Path(__file__).with_name("page.html.j2").read_text(encoding="utf-8"))
    return template.render(
        preset=inputs.preset,
        style=render.STYLE,
        summary=summary.summarise(scores.results),
        duration=summary.duration,
        counts=scores.counts(),
        margin=points(margin),
        stand_in=scores.stand_in,
        stand_in_text=STAND_IN,
        tables=sections,
        figures=[picture for picture in pictures if not (part and picture in part.figures)],
        images=part,
        transfer=molecules,
        image_stand_in=image_wording.STAND_IN,
    )


def _image_part(inputs: ImageInputs, pictures: Sequence[Picture], base: Path) -> ImagePart:
    documents = image_page.documents(inputs, base)
    return ImagePart(
        inputs.maker(base).stand_in,
        len(inputs.results.records),
        image_summary.seconds(inputs.results),
        [picture for picture in pictures if picture.name in image_page.CAPTIONS],
        [
            Section(name, document.title, render.html_body(document, 4, f"{name}-"))
            for name, document in documents.items()
        ],
    )


def _transfer_part(inputs: TransferInputs, base: Path, margin: float) -> TransferPart:
    found = inputs.by_rule[BEST]
    return TransferPart(
        len(transfer_page.records_of(found)) + len(inputs.clocked),
        transfer_page.seconds(found) + sum(record.cost.seconds for record in inputs.clocked.values()),
        [
            Section(name, document.title, render.html_body(document, 4, f"{name}-"))
            for name, document in transfer_page.documents(inputs, base, margin).items()
        ],
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Make the page: see `python -m kanrepro.page.page --help`."""
    parser = stage_parser("Make one self-contained HTML report from existing records and figures; nothing is trained.")
    add_inputs(parser)
    add_files(parser, "--figures", "PNG or SVG, in this order")
    parser.add_argument("--output", type=Path, required=True, help="the HTML file to write")
    parser.add_argument(
        "--margin",
        type=float,
        default=statistics.MARGIN,
        help="percentage points within which two means count as equivalent (default %(default)s)",
    )
    image_page.add_options(parser)
    transfer_page.add_options(parser)
    arguments = parser.parse_args(argv)
    images = image_page.inputs_of(arguments)
    transfer = transfer_page.inputs_of(arguments)
    base = arguments.output.parent
    text = build(Inputs.of(arguments), arguments.figures, base, arguments.margin, images, transfer)
    with atomic(arguments.output) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    print(arguments.output)


if __name__ == "__main__":
    cli(main)
