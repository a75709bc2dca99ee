"""What the roof is told of DEQ-KAN on medical images."""

from kanrepro.core.family import Family, Kind, Table
from kanrepro.images.settings import ImageSettings
from kanrepro.images.variants import SPLITS

TABLES = ("images", "images-ablation", "images-leaks", "images-robustness")
FIGURES = ("confusion", "roc", "residuals", "memory", "curves", "robustness", "examples")

FAMILY = Family(
    name="images",
    settings={"images": ImageSettings},
    catalogues={"image_catalog": "own catalogue files of images beside the built-in one (docs/images.md)"},
    stages={
        "fetch": "kanrepro.images.fetch",
        "prepare": "kanrepro.images.prepare",
        "splits": "kanrepro.images.splits",
        "describe": "kanrepro.images.describe",
        "classify": "kanrepro.images.classify",
        "assess": "kanrepro.images.assess",
        "trace": "kanrepro.images.trace",
        "memory": "kanrepro.images.memory",
        "table": "kanrepro.images.report.table",
        "figure": "kanrepro.images.report.figure",
    },
    tables=dict.fromkeys(TABLES, Table("kanrepro.images.report.table", ("images",))),
    figures={f"images-{name}": "kanrepro.images.report.figure" for name in FIGURES},
    kinds={
        "images": Kind(
            "kanrepro.images.record:ImageRecord",
            "kanrepro.images.catalog",
            "images",
            {"kanrepro.images.classify": "code.classify", "kanrepro.images.assess": "code.assess"},
        )
    },
    method="of images deq_kan, ...",
    explained=dict.fromkeys(TABLES, "kanrepro.images.explain"),
    asked={"split": f"of images: {', '.join(SPLITS)} (default: all that have records)"},
    costs="kanrepro.images.costs",
    page="kanrepro.images.report.page",
)
