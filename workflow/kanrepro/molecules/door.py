"""What the roof is told of transfer learning on molecules: tables 1 and 6."""

from kanrepro.core.family import Family, Kind, Table
from kanrepro.molecules.settings import MoleculeSettings

CATALOG = "kanrepro.molecules.catalog"
MADE_BY = "kanrepro.molecules.report.table"

FAMILY = Family(
    name="molecules",
    settings={"molecules": MoleculeSettings},
    catalogues={"molecule_catalog": "own catalogue files of molecules beside the built-in one (docs/molecules.md)"},
    stages={
        "fetch": "kanrepro.molecules.fetch",
        "prepare": "kanrepro.molecules.prepare",
        "shards": "kanrepro.molecules.shards",
        "join": "kanrepro.molecules.join",
        "splits": "kanrepro.molecules.splits",
        "describe": "kanrepro.molecules.describe",
        "pretrain": "kanrepro.pretraining.pretrain",
        "finetune": "kanrepro.molecules.finetune",
        "fingerprint": "kanrepro.molecules.fingerprint",
        "measure": "kanrepro.molecules.measure",
        "table": MADE_BY,
        "figure": "kanrepro.molecules.report.figure",
    },
    tables={"table1": Table(MADE_BY, ("transfer",)), "table6": Table(MADE_BY, ("measure",))},
    figures={"history-molecules": "kanrepro.molecules.report.figure"},
    kinds={
        "transfer": Kind(
            "kanrepro.molecules.record:TransferRecord",
            CATALOG,
            "molecules",
            {"kanrepro.pretraining.pretrain": "pretraining.code", "kanrepro.molecules.{code.stage}": "code.digest"},
            seen="molecules",
            score="best.test",
        ),
        "measure": Kind(
            "kanrepro.molecules.record:MeasureRecord",
            CATALOG,
            "clocked steps",
            {"kanrepro.molecules.{code.stage}": "code.digest"},
            each="width",
        ),
    },
    explained={"table1": "kanrepro.molecules.explain"},
    page="kanrepro.molecules.report.page",
)
