"""The rules for the epoch side by side: the last one, and what picking by validation or by test folds makes of it.

Of runs whose encoders of several epochs were evaluated (`optimiser.keep_every`; `kanrepro.tu.epochs`).
"""

import math
from collections.abc import Iterator, Sequence

from kanrepro.report import longform
from kanrepro.report.document import Document, Grid, Item, Text
from kanrepro.report.layout import label_of
from kanrepro.report.results import Cell, Results, Run
from kanrepro.report.statistics import Summary, paired
from kanrepro.report.wording import interval, short, signed
from kanrepro.tu.epochs import RULES, best_of

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
SHOWN = (2, 4, 8)  # looks, in the table; the CSV and the figure have all
BEST_LEAD = (
    "Gain in points of the best of k looks at the test folds over one look, with a 95 % interval over runs: a run's "
    "mean over all choices of k among its epochs. For encoders that train it also holds what epochs truly differ by; "
    "for `frozen` ones, whose weights stay, it is chance and the norms' statistics alone."
)
REFITS = ("refit_kept", "refit_change")  # in the CSV alone
EFFECT_HEADER = ("Set", "Method", "Reading", *EFFECTS.values())
NONE = "none"


def build(results: Results, preset: str) -> tuple[Document, str]:
    """The table as a document and as CSV text: for each cell the rules, the accuracy at each epoch, the effects."""
    cells = {key: cell for key, cell in results.cells.items() if all(looks(run) for run in cell.runs)}
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
    best = tuple(_best(*key, cell) for key, cell in cells.items() if len(cell.runs) > 1)
    if best:
        grids.append(
            Grid("Best of k looks", ("Set", "Method", "Reading", *map(str, SHOWN)), best, heads=3, lead=BEST_LEAD)
        )
    told = {key: effects(cell, tuple(EFFECTS)) for key, cell in results.cells.items()}
    of_negatives = tuple(_effect(*key, found) for key, found in told.items() if "hn_cosine" in found)
    if of_negatives:
        grids.append(Grid("Hard negatives at the last epoch", EFFECT_HEADER, of_negatives, heads=3, lead=EFFECT_LEAD))
    lines = [line for key, cell in results.cells.items() for line in _lines(*key, cell, key in cells)]
    return Document(TITLE, (said, *grids)), longform.to_csv(COLUMNS, lines)


def looks(run: Run) -> list[dict]:
    """What a run's record says of each epoch that was evaluated, ascending; empty where the last one was alone."""
    return run.record.details.get("epochs", [])


def best_by_seed(cell: Cell) -> list[dict[int, float]]:
    """For k = 1, 2, ... looks: seed to the accuracy in percent of the best of k, in the mean over choices of k."""
    found = {run.seed: best_of([100 * look["test"] for look in looks(run)]) for run in cell.runs}
    return [dict(zip(found, best, strict=True)) for best in zip(*found.values(), strict=False)]


def effects(cell: Cell, names: Sequence[str]) -> dict[str, dict[int, float]]:
    """Of the quantities of the last epoch that all runs have: name to seed to value."""
    found = {name: {run.seed: run.record.history.get(name) for run in cell.runs} for name in names}
    return {name: values for name, values in found.items() if None not in values.values()}


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
        short(dataset), label_of(method), reading, str(len(cell.runs)), str(len(looks(cell.runs[0]))),
        *(_summary(values) for values in found.values()), said,
    )  # fmt: skip
    return tuple(map(Item, texts))


def _best(dataset: str, method: str, reading: str, cell: Cell) -> tuple[Item, ...]:
    by_k = best_by_seed(cell)
    gains = [paired(by_k[0], by_k[k - 1]) if k <= len(by_k) else None for k in SHOWN]
    said = (f"{signed(gain.difference)} {interval(gain.low, gain.high)}" if gain else NONE for gain in gains)
    return tuple(map(Item, (short(dataset), label_of(method), reading, *said)))


def _effect(dataset: str, method: str, reading: str, told: dict[str, dict[int, float]]) -> tuple[Item, ...]:
    values = (f"{Summary.of(told[name].values()).mean:.4f}" if name in told else "not defined" for name in EFFECTS)
    return tuple(map(Item, (short(dataset), label_of(method), reading, *values)))


def _summary(values: dict[int, float]) -> str:
    made = Summary.of(values.values())
    return f"{made.mean:.2f}" + (f" ± {made.std:.2f}" if made.std is not None else "")


def _lines(dataset: str, method: str, reading: str, cell: Cell, looked: bool) -> Iterator[dict[str, str]]:
    head = (dataset, method, reading)
    if looked:
        found = _by_rule(cell)
        for rule, values in found.items():
            yield _line(*head, rule, NONE, values, found["last"] if rule != "last" else None)
        for place, look in enumerate(looks(cell.runs[0])):
            yield _line(
                *head, "epoch", str(look["epoch"]), {run.seed: 100 * looks(run)[place]["test"] for run in cell.runs}
            )
        by_k = best_by_seed(cell)
        for k, values in enumerate(by_k, start=1):
            yield _line(*head, "best_of", str(k), values, by_k[0] if k > 1 else None)
    for name, values in effects(cell, (*EFFECTS, *REFITS)).items():
        yield _line(*head, name, NONE, values)


def _line(
    dataset: str,
    method: str,
    reading: str,
    rule: str,
    number: str,
    values: dict[int, float],
    beside: dict[int, float] | None = None,
) -> dict[str, str]:
    made = Summary.of(values.values())
    std = str(made.std) if made.std is not None and math.isfinite(made.std) else NONE
    gain = paired(beside, values) if beside else None
    gained = (str(gain.difference), str(gain.low), str(gain.high)) if gain else (NONE,) * 3
    texts = (dataset, method, reading, rule, number, str(made.mean), std, str(made.n), *gained)
    return dict(zip(COLUMNS, texts, strict=True))
