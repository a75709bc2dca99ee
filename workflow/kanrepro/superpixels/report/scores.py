"""Table 7 from records and printed numbers: fine-tuning on few labels of superpixel graphs."""

from collections.abc import Iterable
from dataclasses import dataclass

from kanrepro.methods.folder import usual
from kanrepro.methods.method import Method
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
ALWAYS = frozenset({*usual("superpixel", "variant", "method"), "untrained_mlp", "untrained_kan"})  # have rows anyway
PRINTED_PRETRAINING = (60_000, 80)  # images, epochs (table 7; GraphCL)
PRINTED_FINETUNING = 1000  # epochs at most (GraphCL)


@dataclass(frozen=True)
class DigitLayout(Layout):
    """The rows of Table 7: variants of the ablation where they were run, and encoders that were never trained."""

    mlp: str = "literal"  # the one reading of MLP methods

    family = "superpixel"
    table = "table7"

    def readings_of(self, method: Method) -> tuple[str, ...]:
        return (self.mlp,) if method.network == "mlp" else self.readings

    @property
    def variants(self) -> list[Row]:
        ablation = [method for method in METHODS if method in self.ran and method not in ALWAYS]
        return self._rows([*ablation, *self.further])

    @property
    def controls(self) -> list[Row]:
        calibrated = [name for name in ("calibrated_mlp", "calibrated_kan") if name in self.ran]
        return self._rows([*calibrated, "untrained_mlp", "untrained_kan"])

    @property
    def differences(self) -> list[tuple[Difference, str]]:
        return [
            (claim, reading)
            for claim in (*DIGIT_DIFFERENCES, *self.gains)
            if {claim.more, claim.less} <= ALWAYS | self.ran.keys()
            for reading in ([self.mlp] if self._is_mlp(claim.more) and self._is_mlp(claim.less) else self.readings)
        ]

    def _rows(self, methods: Iterable[str]) -> list[Row]:
        return [
            Row(method, reading, own=self._own(method))
            for method in methods
            for reading in ([self.mlp] if self._is_mlp(method) else self.readings)
        ]

    def _is_mlp(self, method: str) -> bool:
        return method in MLP_METHODS or (method in self.ran and self.ran[method].encoder == "mlp")


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
        mlp = sorted(reading for _, method, reading in self.results.cells if method in MLP_METHODS)
        return DigitLayout(self.results.readings, self.results.ran, mlp=mlp[0] if mlp else "literal")
