"""Which rows and comparisons a table of scores shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from kanrepro.methods.folder import built_in
from kanrepro.methods.method import Method
from kanrepro.report.results import CONTROLS, METHODS, Ran

FINGERPRINT = {"fingerprint": "ECFP fingerprint"}  # a control of transfer learning that is no network


@dataclass(frozen=True)
class Row:
    """A measured row: method and reading, and the printed method that it stands beside (None: measured only).

    `rule` says which epoch counts where a record has several scores, `own` what a user's own method is called.
    """

    method: str
    reading: str
    printed: str | None = None
    rule: str = ""
    own: str = ""

    @property
    def label(self) -> str:
        return self.own or label_of(self.method)

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
    more_label: str = ""  # of a user's own method

    @property
    def label(self) -> str:
        return f"{self.more_label or label_of(self.more)} − {label_of(self.less)}"


def label_of(method: str) -> str:
    """A method's name in tables."""
    return FINGERPRINT[method] if method in FINGERPRINT else built_in()[method].label


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
    """The rows for the readings of Khan-GCL: `literal`, `repaired`, and those that a user defined.

    Attributes:
        ran: methods that have records. Those that are run anyway have rows in any case, others only then.
    """

    readings: tuple[str, ...]
    ran: Mapping[str, Ran] = field(default_factory=dict)

    family: ClassVar[str] = "tu"
    table: ClassVar[str] = "table2"

    @property
    def measured(self) -> dict[str, tuple[Row, ...]]:
        """Printed method -> the measured rows beside it."""
        return {
            method.printed[self.table]: tuple(
                Row(method.name, reading, method.printed[self.table]) for reading in self.readings_of(method)
            )
            for method in built_in().values()
            if self.table in method.printed and (self.family in method.usual or method.name in self.ran)
        }

    @property
    def variants(self) -> list[Row]:
        """The other methods of the ablation at Khan-GCL's settings, and what was run of those that are not printed."""
        return self._rows([*(method for method in METHODS if method != "khan_gcl"), *self.further])

    @property
    def further(self) -> list[str]:
        """Methods that were run, neither of the ablation nor with all their rows beside printed ones: others of this
        package at Khan-GCL's settings, and a user's own.
        """
        return [name for name in self.ran if name not in FINGERPRINT and not self._stands_elsewhere(name)]

    def _stands_elsewhere(self, name: str) -> bool:
        """Whether all rows of a method that was run stand in another block: variants, controls, printed methods."""
        method = built_in().get(name)
        if method is None:
            return False
        own = "own" in method.readings.get(self.family, {}) and self.ran[name].readings & {*self.readings}
        return method.kind != "method" or (self.table in method.printed and not own)

    @property
    def controls(self) -> list[Row]:
        return [Row("calibrated_mlp", "own"), Row("untrained_mlp", "own"), *self._rows(filter(self._has_row, CONTROLS))]

    def _has_row(self, control: str) -> bool:
        return self.family in built_in()[control].usual or control in self.ran

    @property
    def differences(self) -> list[tuple[Difference, str]]:
        """The claims, each with the readings that it is asked of."""
        return [
            (claim, reading)
            for claim in (*DIFFERENCES, *self.gains)
            for reading in (*(["own"] if claim.own else []), *self._run_in(claim.more))
        ]

    @property
    def gains(self) -> list[Difference]:
        """What further methods gain over encoders that were not trained."""
        return [
            Difference(name, f"calibrated_{ran.encoder}", "pre-training by it", more_label=ran.label)
            for name, ran in ((name, self.ran[name]) for name in self.further)
        ]

    def readings_of(self, method: Method) -> tuple[str, ...]:
        """The readings that stand beside a printed row: the habits of the method's own code, or all."""
        return ("own",) if "own" in method.readings.get(self.family, {}) else self.readings

    def _rows(self, methods: Iterable[str]) -> list[Row]:
        return [Row(method, reading, own=self._own(method)) for method in methods for reading in self._run_in(method)]

    def _run_in(self, method: str) -> list[str]:
        """Readings in which a method has rows: all, or those that it was run in where it is not run anyway."""
        asked = method in self.further or (method in CONTROLS and self.family not in built_in()[method].usual)
        ran = self.ran[method].readings if asked else frozenset()
        return [reading for reading in self.readings if not ran or reading in ran]

    def _own(self, method: str) -> str:
        """What a user's own method is called; nothing for one of this package."""
        known = method in built_in() or method in FINGERPRINT
        return "" if known or method not in self.ran else self.ran[method].label
