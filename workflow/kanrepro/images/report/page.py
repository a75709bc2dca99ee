"""The part of the page on the image experiments: its tables, captions of figures, and the options that name records."""

from argparse import Namespace
from pathlib import Path

from kanrepro.core.parser import Parser
from kanrepro.images.report import summary, table
from kanrepro.images.report.inputs import ImageInputs, check_names
from kanrepro.images.report.results import image_paths
from kanrepro.images.report.wording import STAND_IN
from kanrepro.images.variants import IMAGE_MODELS
from kanrepro.report.part import Part

# figure -> title and caption
CAPTIONS = {
    "images-confusion": (
        "Confusion matrices",
        "Shares of each true class in percent, mean over seeds, with the mean number of images.",
    ),
    "images-roc": (
        "ROC curves",
        "One class against the others, averaged over classes; mean over seeds, their range shaded; below, the upper "
        "left corner.",
    ),
    "images-residuals": (
        "Residual against iteration",
        "The forms of the map as initialised and trained: median over test images, shaded from the 10th to the 90th "
        "percentile, on a logarithmic axis; dots are the certified bound.",
    ),
    "images-memory": (
        "Memory against iterations",
        "Peak memory and time of one training step: implicit gradient and unrolled iteration.",
    ),
    "images-curves": (
        "Training curves of image classifiers",
        "Losses and validation accuracy over epochs: the mean over seeds, their range shaded.",
    ),
    "images-robustness": (
        "Accuracy against corruption",
        "Accuracy at five strengths of each corruption; strength 0 is clean; mean over seeds, their range shaded.",
    ),
    "images-examples": (
        "Example images",
        "Test images with their true class and what a CNN and DEQ-KAN say of them, chosen by rule: of each kind those "
        "that both together are surest of.",
    ),
}

RECORDS = "image records, beside those in FOLDER/images/*/*/*.json where --records-from FOLDER is given"
READING = (
    "<b>Image classifiers.</b> The README of DEQ-KAN gives no results, so nothing is printed beside these "
    "numbers. A seed decides split, initial weights and order of the images; ± is one standard deviation "
    "over seeds. Of two classes the second is the positive one. ECE, the calibration error, is better "
    "where it is less.",
    "<b>Forms of DEQ-KAN.</b> <code>shipped</code> computes what its code does, which never converges; "
    "<code>repaired</code> is what its README describes, solved to a tolerance; <code>certified</code> is "
    "scaled so that the equilibrium exists and is unique.",
    "<b>Splits.</b> <code>grouped</code>: nothing of one patient, tile or picture on both sides; "
    "<code>random</code>: as in DEQ-KAN's code; <code>source</code>: the set's own test folder; "
    "<code>imbalanced</code>: a tenth of all but the largest class to train on. A test image <i>leaks</i> "
    "where something of its patient or tile was trained on.",
    "<b>Differences between models</b> have the 95 % interval of a t-test paired by seed; <code>*</code> "
    "where it leaves out zero. About one in twenty does so by chance where there is no difference.",
)


def add_options(parser: Parser) -> None:
    """Add the page's options on image records."""
    parser.files("--image-records", RECORDS)
    parser.add_argument("--image-split", default="grouped", help="split of the comparison (default %(default)s)")
    parser.add_argument(
        "--image-models", nargs="+", default=list(IMAGE_MODELS), metavar="NAME", help="rows of the comparison"
    )


def of(given: Namespace, base: Path) -> Part | None:
    """The part that the page's options name; None without records.

    Raises:
        UserError: an unknown split or model, or a corrupt record.
    """
    check_names(given.image_models, given.image_split)
    found = image_paths(given.records_from) if given.records_from else []
    records = tuple([*given.image_records, *found])
    return part(ImageInputs(given.preset, records, models=tuple(given.image_models), split=given.image_split), base)


def part(inputs: ImageInputs, base: Path) -> Part | None:
    """The part; `base`: the folder that links to records start from. Raises UserError for a corrupt record."""
    records = inputs.results.records
    if not records:
        return None
    return Part(
        "deq-kan",
        "DEQ-KAN: equilibrium models for medical images",
        subject="DEQ-KAN on medical images",
        said=f"{len(records)} records of DEQ-KAN and what it is compared with",
        records=len(records),
        counted="records of image classifiers",
        seconds=summary.seconds(inputs.results),
        tables={name: document(inputs.maker(base)) for name, (document, _) in table.TABLES.items()},
        provenance=summary.document(inputs.results),
        warning=STAND_IN if inputs.maker(base).stand_in else "",
        reading=READING,
    )
