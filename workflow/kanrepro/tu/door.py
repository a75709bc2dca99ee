"""What the roof is told of the experiments on TU sets: tables 2 to 4, figure 4."""

from kanrepro.core.family import Family, Kind, Table
from kanrepro.tu.settings import TuSettings

FAMILY = Family(
    name="tu",
    settings={"tu": TuSettings},
    catalogues={"catalog": "own catalogue files beside the built-in one (docs/own-data.md)"},
    stages={
        "fetch": "kanrepro.tu.fetch",
        "prepare": "kanrepro.tu.prepare",
        "describe": "kanrepro.tu.describe",
        "splits": "kanrepro.tu.splits",
        "pretrain": "kanrepro.pretraining.pretrain",
        "probe": "kanrepro.tu.probe",
        "table": "kanrepro.tu.report.table",
        "figure": "kanrepro.tu.report.figure",
    },
    tables={
        "table2": Table("kanrepro.tu.report.table", ("tu",)),
        "table3": Table("kanrepro.tu.report.table", ("tu",), method="khan_gcl"),
        "epoch_rules": Table("kanrepro.tu.report.table", ("tu",)),
        "table4": Table("kanrepro.tu.report.table", ("data", "data-molecules", "data-superpixels")),
    },
    figures=dict.fromkeys(("figure4", "shares", "looks", "hard-negatives", "history"), "kanrepro.tu.report.figure"),
    kinds={
        "tu": Kind(
            "kanrepro.core.record:Record",
            "kanrepro.tu.catalog",
            "graphs",
            {"kanrepro.pretraining.pretrain": "code.pretrain", "kanrepro.tu.probe": "code.probe"},
        )
    },
    method="khan_gcl or Khan-GCL, ...; not needed for table4",
    explained=dict.fromkeys(("table2", "table3", "table4", "figure4"), "kanrepro.tu.explain"),
    costs="kanrepro.tu.costs",
    page="kanrepro.tu.report.page",
)
