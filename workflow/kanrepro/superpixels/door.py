"""What the roof is told of superpixel graphs of digits: table 7, figure 3."""

from kanrepro.core.family import Family, Kind, Table
from kanrepro.superpixels.settings import SuperpixelSettings

FAMILY = Family(
    name="superpixels",
    settings={"superpixels": SuperpixelSettings},
    catalogues={"superpixel_catalog": "own catalogue files of images for superpixel graphs (docs/superpixels.md)"},
    stages={
        "fetch": "kanrepro.superpixels.fetch",
        "prepare": "kanrepro.superpixels.prepare",
        "describe": "kanrepro.superpixels.describe",
        "splits": "kanrepro.superpixels.splits",
        "pretrain": "kanrepro.pretraining.pretrain",
        "finetune": "kanrepro.superpixels.finetune",
        "retrieve": "kanrepro.superpixels.retrieve",
        "table": "kanrepro.superpixels.report.table",
    },
    tables={"table7": Table("kanrepro.superpixels.report.table", ("superpixels",))},
    kinds={
        "superpixels": Kind(
            "kanrepro.core.record:Record",
            "kanrepro.superpixels.catalog",
            "digits",
            {"kanrepro.pretraining.pretrain": "code.pretrain", "kanrepro.superpixels.finetune": "code.probe"},
        )
    },
    explained={"table7": "kanrepro.superpixels.explain"},
    page="kanrepro.superpixels.report.page",
)
