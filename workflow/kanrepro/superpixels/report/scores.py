"""Table 7 from records and printed numbers: fine-tuning on few labels of superpixel graphs."""

from dataclasses import dataclass

from kanrepro.report.layout import DIFFERENCES, Difference, Layout, Row
from kanrepro.report.results import METHODS, MLP_METHODS, Cell
from kanrepro.report.scores import Builder

DIGIT_DIFFERENCES = (
    Difference("infograph", "calibrated_mlp", "pre-training by InfoGraph"),
    Difference("infograph", "untrained_mlp", "pre-training by InfoGraph, over no statistics"),
    Difference("graphcl", "untrained_mlp", "training the MLP encoder, over no statistics"),
    Difference("khan_gcl", "untrained_kan", "training the KAN encoder, over no statistics"),
    *DIFFERENCES,
)
ALWAYS = frozenset({"infograph", "graphcl", "khan_gcl", "untrained_mlp", "untrained_kan"})  # have rows, run or not
PRINTED_PRETRAINING = (60_000, 80)  # images, epochs (table 7; GraphCL)
PRINTED_FINETUNING = 1000  # epochs at most (GraphCL)


@dataclass(frozen=True)
class DigitLayout(Layout):
    """The rows of Table 7: variants of the ablation where they were run, and encoders that were never trained."""

    ran: frozenset[str] = frozenset()
    mlp: str = "literal"  # the one reading of MLP methods

    @property
    def measured(self) -> dict[str, tuple[Row, ...]]:
        return {
            "InfoMax": (Row("infograph", self.mlp, "InfoMax"),),
            "GraphCL": (Row("graphcl", self.mlp, "GraphCL"),),
            "Khan-GCL": tuple(Row("khan_gcl", reading, "Khan-GCL") for reading in self.readings),
        }

    @property
    def variants(self) -> list[Row]:
        return self._rows([method for method in METHODS if method in self.ran - ALWAYS])

    @property
    def controls(self) -> list[Row]:
        calibrated = [name for name in ("calibrated_mlp", "calibrated_kan") if name in self.ran]
        found = [*calibrated, "untrained_mlp", "untrained_kan"]
        return [r for name in found for r in ([Row(name, self.mlp)] if name in MLP_METHODS else self._rows([name]))]

    @property
    def differences(self) -> list[tuple[Difference, str]]:
        return [
            (claim, reading)
            for claim in DIGIT_DIFFERENCES
            if {claim.more, claim.less} <= ALWAYS | self.ran
            for reading in ([self.mlp] if {claim.more, claim.less} <= {*MLP_METHODS} else self.readings)
        ]


def unlike(cell: Cell) -> tuple[str, ...]:
    """Images and epochs of pre-training, epochs of fine-tuning, where they are not those of GraphCL's code."""
    found: dict[str, None] = {}
    for run in cell.runs:
        record = run.record
        images, epochs = record.details["pretrained_on"], record.history["epochs"]
        if epochs and (images, epochs) != PRINTED_PRETRAINING:
            found[f"{epochs} epochs over {images:,} images instead of {PRINTED_PRETRAINING[1]} over "
                  f"{PRINTED_PRETRAINING[0]:,}"] = None  # fmt: skip
        if (tuned := record.settings["finetune"]["epochs"]) != PRINTED_FINETUNING:
            found[f"at most {tuned} epochs of fine-tuning instead of {PRINTED_FINETUNING:,}"] = None
    return tuple(found)


@dataclass
class DigitBuilder(Builder):
    """Table 7 in the making."""

    heading = "Table 7: fine-tuning on 1 % of the labels of superpixel graphs, test accuracy in %"
    controls_lead = (
        "Encoders that were never pre-trained, fine-tuned on the same labels: what pre-training has to beat; and "
        "variants of the ablation where they were run."
    )
    differences_lead = (
        "Differences between measured rows in percentage points, with the 95 % interval of a t-test paired by seed "
        "(the runs of a seed share their labelled images; all share, but for untrained encoders, one pre-training) and "
        "the number of pairs; `*` where the interval leaves out zero."
    )

    def unlike(self, cell: Cell) -> tuple[str, ...]:
        return unlike(cell)

    @property
    def layout(self) -> DigitLayout:
        ran = frozenset(method for _, method, _ in self.results.cells)
        mlp = sorted(reading for _, method, reading in self.results.cells if method in MLP_METHODS)
        return DigitLayout(self.results.readings, ran, mlp[0] if mlp else "literal")
