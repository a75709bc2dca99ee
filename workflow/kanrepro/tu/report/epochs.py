"""The rules for the epoch side by side: the last one, and what picking by validation or by test folds makes of it.

Of runs whose encoders of several epochs were evaluated (`optimiser.keep_every`; `kanrepro.tu.epochs`).
"""

import math
from collections.abc import Iterator

from kanrepro.report import longform
from kanrepro.report.document import Document, Grid, Item, Text
from kanrepro.report.layout import label_of
from kanrepro.report.results import Cell, Results
from kanrepro.report.statistics import Summary, paired
from kanrepro.report.wording import interval, short, signed
from kanrepro.tu.epochs import RULES

TITLE = "Which epoch counts: SVM accuracy in % by three rules"
LEAD = (
    "Mean and standard deviation (n - 1) over runs. The last epoch is the result that other tables show. Others are "
    "selected: `best on validation folds` picks, for each run, the epoch with the highest mean accuracy on the fold "
    "that follows each test fold, which its machines did not see; `best on test folds` the epoch with the highest "
    "accuracy on the test folds themselves, which is no estimate of anything: its gain over the last epoch is what "
    "looking adds. Gains with a 95 % interval paired by seed."
)
COLUMNS = (
    "dataset", "method", "reading", "rule", "epoch", "mean", "std", "runs", "gain", "ci95_low", "ci95_high",
)  # fmt: skip
EFFECT_LEAD = (
    "Means over runs, one batch each. Alignment: cosine of the gradient of L_HN on the encoder with that of the same "
    "term without perturbation; near 1, the scores that decide the perturbation cannot matter. Strength: its norm "
    "beside that of what is learned otherwise. Step: |p| beside |z|. Cosine: of z and z_hard."
)
EFFECTS = {"hn_alignment": "Alignment", "hn_strength": "Strength", "hn_step": "Step", "hn_cosine": "Cosine"}
REFITS = ("refit_kept", "refit_change")  # in the CSV alone
EFFECT_HEADER = ("Set", "Method", "Reading", *EFFECTS.values())
NONE = "none"


def build(results: Results, preset: str) -> tuple[Document, str]:
    """The table as a document and as CSV text: for each cell the rules, the accuracy at each epoch, the effects."""
    cells = {key: cell for key, cell in results.cells.items() if all(_looks(run.record) for run in cell.runs)}
    rows = tuple(_row(*key, cell) for key, cell in cells.items())
    header = (
        "Set",
        "Method",
        "Reading",
        "Runs",
        "Epochs seen",
        "Last",
        *(rule.capitalize() for rule in RULES.values()),
    )
    header = (*header, "Gain by test folds")
    said = Text(f"Preset `{preset}`. {LEAD}" if rows else f"Preset `{preset}`. No run kept encoders of earlier epochs.")
    grids = [Grid("Rules", header, rows, heads=3)] if rows else []
    effects = tuple(_effect(*key, cell) for key, cell in cells.items() if "hn_cosine" in _told(cell))
    if effects:
        grids.append(Grid("Hard negatives at the last epoch", EFFECT_HEADER, effects, heads=3, lead=EFFECT_LEAD))
    lines = [line for key, cell in cells.items() for line in _lines(*key, cell)]
    return Document(TITLE, (said, *grids)), longform.to_csv(COLUMNS, lines)


def _looks(record: object) -> list[dict]:
    return getattr(record, "details", {}).get("epochs", [])


def _by_rule(cell: Cell) -> dict[str, dict[int, float]]:
    """Rule -> seed -> accuracy in percent."""
    found = {"last": cell.by_seed}
    for rule in RULES:
        found[rule] = {run.seed: 100 * run.record.metrics[f"accuracy_{rule}"].value for run in cell.runs}
    return found


def _row(dataset: str, method: str, reading: str, cell: Cell) -> tuple[Item, ...]:
    found = _by_rule(cell)
    gain = paired(found["last"], found["best_test"])
    said = f"{signed(gain.difference)} {interval(gain.low, gain.high)}" if gain else NONE
    texts = (
        short(dataset), label_of(method), reading, str(len(cell.runs)), str(len(_looks(cell.runs[0].record))),
        *(_summary(values) for values in found.values()), said,
    )  # fmt: skip
    return tuple(map(Item, texts))


def _told(cell: Cell) -> dict[str, dict[int, float]]:
    """Of hard negatives and refits in the last epoch: quantity -> seed -> value, where all runs have it."""
    names = (*EFFECTS, *REFITS)
    found = {name: {run.seed: run.record.history.get(name) for run in cell.runs} for name in names}
    return {name: values for name, values in found.items() if None not in values.values()}


def _effect(dataset: str, method: str, reading: str, cell: Cell) -> tuple[Item, ...]:
    told = _told(cell)
    values = (f"{Summary.of(told[name].values()).mean:.4f}" if name in told else "not defined" for name in EFFECTS)
    return tuple(map(Item, (short(dataset), label_of(method), reading, *values)))


def _summary(values: dict[int, float]) -> str:
    made = Summary.of(values.values())
    return f"{made.mean:.2f}" + (f" ± {made.std:.2f}" if made.std is not None else "")


def _lines(dataset: str, method: str, reading: str, cell: Cell) -> Iterator[dict[str, str]]:
    found = _by_rule(cell)
    head = (dataset, method, reading)
    for rule, values in found.items():
        gain = paired(found["last"], values) if rule != "last" else None
        numbers = (str(gain.difference), str(gain.low), str(gain.high)) if gain else (NONE,) * 3
        yield _line(*head, rule, NONE, values, numbers)
    for place, look in enumerate(_looks(cell.runs[0].record)):
        at = {run.seed: 100 * _looks(run.record)[place]["test"] for run in cell.runs}
        yield _line(*head, "epoch", str(look["epoch"]), at, (NONE,) * 3)
    for name, values in _told(cell).items():
        yield _line(*head, name, NONE, values, (NONE,) * 3)


def _line(
    dataset: str, method: str, reading: str, rule: str, epoch: str, values: dict[int, float], gain: tuple[str, ...]
) -> dict[str, str]:
    made = Summary.of(values.values())
    std = str(made.std) if made.std is not None and math.isfinite(made.std) else NONE
    texts = (dataset, method, reading, rule, epoch, str(made.mean), std, str(made.n), *gain)
    return dict(zip(COLUMNS, texts, strict=True))
