"""The part of the page on the image experiments: which tables, which figures, and the options that name them."""

import argparse
from pathlib import Path

from kanrepro.images.report import summary as image_summary
from kanrepro.images.report import table as image_table
from kanrepro.images.report.inputs import ImageInputs, check_names
from kanrepro.images.report.results import image_paths
from kanrepro.images.variants import IMAGE_MODELS
from kanrepro.report.arguments import add_files
from kanrepro.report.document import Document

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


def documents(inputs: ImageInputs, base: Path) -> dict[str, Document]:
    """The tables, and provenance and cost, by name. `base`: the folder that links to records start from."""
    tables = {name: document(inputs.maker(base)) for name, (document, _) in image_table.TABLES.items()}
    return tables | {"images-provenance": image_summary.document(inputs.results)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the page's options on image records."""
    add_files(parser, "--image-records", RECORDS)
    parser.add_argument("--image-split", default="grouped", help="split of the comparison (default %(default)s)")
    parser.add_argument(
        "--image-models", nargs="+", default=list(IMAGE_MODELS), metavar="NAME", help="rows of the comparison"
    )


def inputs_of(arguments: argparse.Namespace) -> ImageInputs:
    """The image inputs that the page's options name. Raises UserError for an unknown split or model."""
    check_names(arguments.image_models, arguments.image_split)
    found = image_paths(arguments.records_from) if arguments.records_from else []
    records = tuple([*arguments.image_records, *found])
    return ImageInputs(arguments.preset, records, models=tuple(arguments.image_models), split=arguments.image_split)
