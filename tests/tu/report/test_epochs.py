"""The rules for the epoch side by side, from the records of two runs."""

import csv
import io
from types import SimpleNamespace
from typing import Any

import pytest

from kanrepro.report.results import Cell, Results, Run
from kanrepro.tu.report import epochs


def run(seed: int, last: float, validation: float, test: float, looks: tuple[float, ...]) -> Run[Any]:
    values = {"accuracy_best_validation": validation, "accuracy_best_test": test}
    record = SimpleNamespace(
        metrics={name: SimpleNamespace(value=value) for name, value in values.items()},
        history={"hn_step": 0.02, "hn_cosine": 0.5 + seed / 2, "hn_alignment": None},
        details={"epochs": [{"epoch": 5 * (i + 1), "test": look} for i, look in enumerate(looks)]},
    )
    return Run(seed, 100 * last, None, record)  # type: ignore[arg-type]


def test_rules_gains_and_epochs() -> None:
    kept = Cell((run(0, 0.7, 0.8, 0.9, (0.9, 0.8, 0.7)), run(1, 0.6, 0.6, 0.8, (0.5, 0.8, 0.6))))
    plain: Cell[Any] = Cell((Run(0, 50.0, None, SimpleNamespace(details={}, history={})),))  # type: ignore[arg-type]
    results = Results({("MUTAG", "khan_gcl", "released"): kept, ("MUTAG", "graphcl", "own"): plain}, frozenset())
    document, text = epochs.build(results, "small")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert {line["method"] for line in lines} == {"khan_gcl"}  # one epoch is no choice
    found = {line["rule"]: line for line in lines if line["rule"] not in ("epoch", "best_of")}
    assert [float(found[rule]["mean"]) for rule in ("hn_step", "hn_cosine")] == [0.02, 0.75]
    assert "hn_alignment" not in found
    assert [float(found[rule]["mean"]) for rule in ("last", "best_validation", "best_test")] == pytest.approx(
        [65, 70, 85]
    )
    assert float(found["best_test"]["gain"]) == pytest.approx(20)  # 20 and 20
    assert float(found["best_validation"]["gain"]) == pytest.approx(5)  # 10 and 0
    each = [(line["epoch"], round(float(line["mean"]), 6)) for line in lines if line["rule"] == "epoch"]
    assert each == [("5", 70.0), ("10", 80.0), ("15", 65.0)]
    best = [float(line["mean"]) for line in lines if line["rule"] == "best_of"]
    # of 90, 80, 70: mean 80, best of two 90, 90, 80; of 50, 80, 60: 63.3 and 80, 60, 80
    assert best == pytest.approx([(80 + 190 / 3) / 2, (260 / 3 + 220 / 3) / 2, 85])
    assert "Khan-GCL" in str(document)


def test_without_kept_epochs_the_table_says_so() -> None:
    document, text = epochs.build(Results({}, frozenset()), "demo")
    assert "No run kept encoders" in str(document) and text.count("\n") == 1
