"""Which rows and comparisons a table of scores shows."""

from collections.abc import Iterable
from dataclasses import dataclass

from kanrepro.report.results import CONTROLS, LABELS, METHODS

# rows of transfer learning, or of superpixel graphs, alone
TRANSFER_LABELS = {"attr_masking": "AttrMasking", "fingerprint": "ECFP fingerprint"}
DIGIT_LABELS = {"infograph": "InfoGraph"}


@dataclass(frozen=True)
class Row:
    """A measured row: method and reading, and the printed method that it stands beside (None: measured only).

    `rule` says which epoch counts where a record has several scores.
    """

    method: str
    reading: str
    printed: str | None = None
    rule: str = ""

    @property
    def label(self) -> str:
        return label_of(self.method)

    @property
    def shown(self) -> str:
        """The reading, and the rule where there is one."""
        parts = (self.reading if self.reading != "none" else "", self.rule)
        return ", ".join(filter(None, parts)) or "no network"


@dataclass(frozen=True)
class Difference:
    """A claim as a difference of two measured rows of the same reading: `more` minus `less`."""

    more: str
    less: str
    isolates: str
    own: bool = False  # whether it can be asked of GraphCL's own habits too

    @property
    def label(self) -> str:
        return f"{label_of(self.more)} − {label_of(self.less)}"


def label_of(method: str) -> str:
    """A method's name in tables."""
    return {**LABELS, **TRANSFER_LABELS, **DIGIT_LABELS}[method]


DIFFERENCES = (
    Difference("graphcl", "calibrated_mlp", "training the MLP encoder", own=True),
    Difference("khan_gcl", "calibrated_kan", "training the KAN encoder"),
    Difference("calibrated_kan", "untrained_kan", "batch norms that saw the views, weights as they were"),
    Difference("calibrated_kan", "calibrated_mlp", "KANs in place of MLPs, without training"),
    Difference("wo_hard_neg", "graphcl", "KANs in place of MLPs"),
    Difference("rand_perturb", "wo_hard_neg", "random hard negatives"),
    Difference("wo_d_dims", "wo_hard_neg", "hard negatives along independent dimensions"),
    Difference("wo_i_dims", "wo_hard_neg", "hard negatives along discriminative dimensions"),
    Difference("khan_gcl", "wo_hard_neg", "hard negatives along both (CKFI)"),
    Difference("khan_gcl", "rand_perturb", "CKFI in place of random dimensions"),
    Difference("khan_gcl", "graphcl", "the whole of Khan-GCL"),
)


@dataclass(frozen=True)
class Layout:
    """The rows for the readings of Khan-GCL: `literal`, `repaired`, and those that a user defined."""

    readings: tuple[str, ...]

    @property
    def measured(self) -> dict[str, tuple[Row, ...]]:
        """Printed method -> the measured rows beside it."""
        return {
            # quoted from GraphCL, so its own habits stand beside it
            "GraphCL": (Row("graphcl", "own", "GraphCL"),),
            "Khan-GCL": tuple(Row("khan_gcl", reading, "Khan-GCL") for reading in self.readings),
        }

    @property
    def variants(self) -> list[Row]:
        """The other methods of the ablation, at Khan-GCL's settings."""
        return self._rows([method for method in METHODS if method != "khan_gcl"])

    @property
    def controls(self) -> list[Row]:
        return [Row("calibrated_mlp", "own"), Row("untrained_mlp", "own"), *self._rows(CONTROLS)]

    @property
    def differences(self) -> list[tuple[Difference, str]]:
        """The claims, each with the readings that it is asked of."""
        return [(d, r) for d in DIFFERENCES for r in (*(["own"] if d.own else []), *self.readings)]

    def _rows(self, methods: Iterable[str]) -> list[Row]:
        return [Row(method, reading) for method in methods for reading in self.readings]
