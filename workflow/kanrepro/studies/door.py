"""What the roof is told of the studies across families: sensitivity (figure 5), figure 2b, what CKFI picks."""

from kanrepro.core.family import Family, Kind, Table
from kanrepro.studies.analysis_settings import AnalysisSettings
from kanrepro.studies.sensitivity_settings import SensitivitySettings

FAMILY = Family(
    name="studies",
    settings={"analysis": AnalysisSettings, "sensitivity": SensitivitySettings},
    stages={
        "splines": "kanrepro.studies.splines",
        "criticality": "kanrepro.studies.criticality",
        "claims": "kanrepro.studies.report.claims",
        "ranking": "kanrepro.studies.report.ranking",
        "twins": "kanrepro.studies.twins",
        "analysis-figure": "kanrepro.studies.report.analysis_figure",
        "sensitivity-figure": "kanrepro.studies.report.sensitivity_figure",
    },
    tables={
        "claims": Table("kanrepro.studies.report.claims", ("tu", "transfer", "superpixels", "images")),
        "ranking": Table("kanrepro.studies.report.ranking", ("tu",)),
    },
    figures={
        "figure5": "kanrepro.studies.report.sensitivity_figure",
        "figure2b": "kanrepro.studies.report.analysis_figure",
        "figure3": "kanrepro.studies.report.analysis_figure",
        "ckfi": "kanrepro.studies.report.analysis_figure",
    },
    kinds={
        "sensitivity/tu": Kind(
            "kanrepro.core.record:Record",
            "kanrepro.tu.catalog",
            "graphs for Figure 5",
            {"kanrepro.pretraining.pretrain": "code.pretrain", "kanrepro.tu.probe": "code.probe"},
        ),
        "sensitivity/transfer": Kind(
            "kanrepro.molecules.record:TransferRecord",
            "kanrepro.molecules.catalog",
            "molecules for Figure 5",
            {"kanrepro.pretraining.pretrain": "pretraining.code", "kanrepro.molecules.{code.stage}": "code.digest"},
            seen="molecules",
            score="best.test",
        ),
    },
    method="of figure5 a parameter: epsilon_delta, or epsilon_delta=0.3",
    explained={"figure5": "kanrepro.studies.explain"},
    costs="kanrepro.studies.costs",
    page="kanrepro.studies.report.page",
)
