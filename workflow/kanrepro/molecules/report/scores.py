"""Table 1 from records of transfer learning and the printed numbers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from kanrepro.methods.folder import built_in, of
from kanrepro.molecules.record import TransferRecord
from kanrepro.molecules.report.results import BEST, LAST, TransferResults
from kanrepro.report.document import Block, Document, Grid, Item, Text
from kanrepro.report.layout import FINGERPRINT, Difference, Layout, Row
from kanrepro.report.published import MOLECULES, TRANSFER_RUNS
from kanrepro.report.results import METHODS, Cell
from kanrepro.report.scores import COLUMNS, Builder

TABLE = "table1"
BESIDE = {method.printed[TABLE]: name for name, method in built_in().items() if TABLE in method.printed}
DIFFERENCES = (
    Difference("graphcl", "calibrated_mlp", "pre-training the MLP encoder by GraphCL, over calibrated norms"),
    Difference("attr_masking", "calibrated_mlp", "pre-training the MLP encoder by masked atoms, over calibrated norms"),
    Difference("wo_hard_neg", "calibrated_kan", "pre-training the KAN encoder by contrast, over calibrated norms"),
    Difference("khan_gcl", "calibrated_kan", "pre-training the KAN encoder by Khan-GCL, over calibrated norms"),
    Difference("graphcl", "untrained_mlp", "pre-training the MLP encoder by GraphCL"),
    Difference("attr_masking", "untrained_mlp", "pre-training the MLP encoder by masked atoms"),
    Difference("wo_hard_neg", "untrained_kan", "pre-training the KAN encoder by contrast"),
    Difference("khan_gcl", "untrained_kan", "pre-training the KAN encoder by Khan-GCL"),
    Difference("untrained_kan", "untrained_mlp", "KANs in place of MLPs, without pre-training"),
    Difference("wo_hard_neg", "graphcl", "KANs in place of MLPs"),
    Difference("khan_gcl", "wo_hard_neg", "hard negatives along both (CKFI)"),
    Difference("khan_gcl", "graphcl", "the whole of Khan-GCL"),
    Difference("khan_gcl", "fingerprint", "the whole of it, over counting substructures"),
)
RULES = (
    "A fine-tuned encoder has two scores: `best epoch` is the test score at the epoch of the best validation score, "
    "the rule of the paper; `last epoch` is the test score after the last epoch, which GraphCL's code reports."
)
PRINTED_SIZE = (5, 300)  # layers, width (table 5)
PRINTED_PRETRAINING = (2_000_000, 100)  # molecules, epochs (section 5.1, F.2)


@dataclass(frozen=True)
class TransferLayout(Layout):
    """The rows of what was run, each once for each rule that it has."""

    results: Mapping[str, TransferResults] = field(default_factory=dict)

    family = "molecule"
    table = TABLE

    @property
    def measured(self) -> dict[str, tuple[Row, ...]]:
        """Printed method -> the measured rows beside it."""
        return {printed: tuple(self._runs([method], printed)) for printed, method in BESIDE.items()}

    @property
    def variants(self) -> list[Row]:
        other = [name for name in METHODS if self.table not in built_in()[name].printed]
        return self._runs([*other, *self.further])

    @property
    def controls(self) -> list[Row]:
        return self._runs([*of("control", family=self.family), *FINGERPRINT])

    @property
    def differences(self) -> list[tuple[Difference, str]]:
        """The claims that both rows exist for, each in the readings of the KAN encoders."""
        asked = [claim for claim in (*DIFFERENCES, *self.gains) if {claim.more, claim.less} <= self.ran.keys()]
        return [(claim, reading) for claim in asked for reading in self.readings]

    def _runs(self, methods: Iterable[str], printed: str | None = None) -> list[Row]:
        return [
            Row(method, reading, printed, "" if method == "fingerprint" else rule, self._own(method))
            for method in methods
            for reading in self.results[BEST].readings_of(method)
            for rule in ((BEST,) if method == "fingerprint" else (BEST, LAST))
        ]


def unlike(cell: Cell) -> tuple[str, ...]:
    """Size of the encoder, molecules and epochs of pre-training, where they are not those of the paper."""
    found: dict[str, None] = {}
    for run in cell.runs:
        trained = run.record.pretraining
        if trained is None:
            continue
        size, printed = _size(run.record), f"{PRINTED_SIZE[0]} x {PRINTED_SIZE[1]}"
        if size != printed:
            found[f"{size} instead of {printed}"] = None
        if trained.epochs and (trained.molecules, trained.epochs) != PRINTED_PRETRAINING:
            found[f"{trained.epochs} epochs over {trained.molecules:,} molecules instead of "
                  f"{PRINTED_PRETRAINING[1]} over {PRINTED_PRETRAINING[0]:,}"] = None  # fmt: skip
    return tuple(found)


@dataclass
class TransferBuilder(Builder):
    """Table 1 in the making; `results` are those by the paper's rule, `by_rule` all."""

    by_rule: Mapping[str, TransferResults] = field(default_factory=dict)
    heading = "Table 1: transfer learning, ROC-AUC in %"
    averaged = {"AVG": MOLECULES}
    columns = (*COLUMNS[:5], "rule", *COLUMNS[5:])
    controls_lead = (
        "Variants of the ablation, and controls: encoders that were never pre-trained, fine-tuned from their initial "
        "weights, and ECFP fingerprints with a classifier of scikit-learn, which has no epochs and no network."
    )
    differences_lead = (
        "Differences between measured rows at the best epoch in percentage points, with the 95 % interval of a t-test "
        "paired by seed (the runs of a seed share the order of molecules; all share the split and, but for untrained "
        "encoders, one pre-training) and the number of pairs; `*` where the interval leaves out zero."
    )

    def document(self, preset: str) -> Document:
        """The whole table."""
        blocks: list[Block] = [self._introduction(preset, TRANSFER_RUNS), Text(RULES)]
        blocks += [self._setting(), self._overview(), self._measured_only()]
        if not self.stand_in:
            blocks.extend(self._comparisons())
        if self.layout.differences:
            blocks.append(self._differences())
        blocks.append(self._records())
        return Document(self.title, tuple(blocks), self.footnotes.listed)

    @property
    def layout(self) -> TransferLayout:
        return TransferLayout(self.results.readings, self.results.ran, results=self.by_rule)

    def cell(self, row: Row, dataset: str) -> Cell | None:
        found = self.by_rule[row.rule or BEST]
        return found.cells.get((dataset, row.method, row.reading))

    def unlike(self, cell: Cell) -> tuple[str, ...]:
        return unlike(cell)

    def _setting(self) -> Grid:
        """How far what was run is from what is printed."""
        records = [run.record for cell in self.results.cells.values() for run in cell.runs]
        tuned = [record for record in records if record.encoder != "ecfp"]
        trained = [r for r in tuned if r.pretraining and r.pretraining.epochs]
        facts: list[tuple[str, str, list[TransferRecord], Callable[[TransferRecord], object]]] = [
            ("encoder, layers x width", "5 x 300", tuned, _size),
            ("pre-training set", "Zinc-2M", trained, lambda r: _pretrained(r, "dataset")),
            ("molecules pre-trained on", "2000000", trained, lambda r: _pretrained(r, "molecules")),
            ("epochs of pre-training", "100", trained, lambda r: _pretrained(r, "epochs")),
            ("learning rate of pre-training", "0.0001", trained, lambda r: _optimiser(r, "learning_rate")),
            ("batch of pre-training", "unstated; GraphCL 256", trained, lambda r: _optimiser(r, "batch_size")),
            ("epochs of fine-tuning", "unstated; GraphCL 100", tuned, lambda r: r.settings["finetune"]["epochs"]),
            ("split", "scaffold", records, lambda r: r.split),
        ]
        rows = [
            (Item(name), *([] if self.stand_in else [Item(printed)]), Item(_distinct(map(fact, given))))
            for name, printed, given, fact in facts
        ]
        runs = sorted({len(cell.runs) for cell in self.results.cells.values()})
        runs_text = " / ".join(map(str, runs)) or "not run"
        rows.append((Item("runs"), *([] if self.stand_in else [Item(str(TRANSFER_RUNS))]), Item(runs_text)))
        header = ("Setting", *([] if self.stand_in else ["Printed"]), "Measured")
        lead = "Several values: they differ between rows." + (
            "" if self.stand_in else " Where size or pre-training differ, there is no verdict."
        )
        return Grid("How far the setting is from the printed one" if not self.stand_in else "Setting", header,
                    tuple(rows), heads=1, lead=lead)  # fmt: skip


def _size(record: TransferRecord) -> str:
    assert record.pretraining is not None
    encoder = record.pretraining.settings["encoder"]
    return f"{encoder['layers']} x {encoder['hidden']}"


def _pretrained(record: TransferRecord, name: str) -> object:
    assert record.pretraining is not None
    return getattr(record.pretraining, name)


def _optimiser(record: TransferRecord, name: str) -> object:
    assert record.pretraining is not None
    return record.pretraining.settings["optimiser"][name]


def _distinct(values: Iterable[object]) -> str:
    """The distinct values as text, in the order of first appearance."""
    return " / ".join(dict.fromkeys(map(str, values))) or "not run"
