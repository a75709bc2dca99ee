"""The numbers that image tables show: how each is read from a record, named, and written.

A share is read in percent. docs/image-tables.md defines each.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kanrepro.images.record import ImageRecord

Read = Callable[[ImageRecord], float | None]
Ends = tuple[float, float]

# in the order of the comparison's columns
METRICS = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "specificity": "Specificity",
    "f1": "F1",
    "auc": "AUC",
    "ece": "ECE",
}
CORRUPTIONS = ("noise", "blur", "contrast", "resolution")
ALL = "all corruptions"
STRENGTHS = (1, 2, 3, 4, 5)
HURTS = frozenset({"ece"})  # metrics of which less is better


def _no_ends(record: ImageRecord) -> Ends | None:
    return None


@dataclass(frozen=True)
class Quantity:
    """A number of a record. `of` gives None where it is not defined; `ends` the ends of its bootstrap interval.

    `name` and `condition` are its key in the CSV, `label` its heading, `less`: less is better.
    """

    name: str
    label: str
    of: Read
    condition: str = "all test images"
    unit: str = "percent"
    less: bool = False
    ends: Callable[[ImageRecord], Ends | None] = _no_ends


def metric(name: str) -> Quantity:
    """A metric on all test images, in percent, with the bootstrap interval of the record."""

    def ends(record: ImageRecord) -> Ends | None:
        found = record.metrics.get(name)
        if found is None or found.low is None or found.high is None:
            return None
        return 100 * found.low, 100 * found.high

    return Quantity(name, METRICS[name], lambda record: _percent(record.metrics, name), less=name in HURTS, ends=ends)


def without_leaks(name: str) -> Quantity:
    """A metric on the test images that do not leak; not defined where none leaks."""

    def read(record: ImageRecord) -> float | None:
        return None if record.without_leaks is None else _percent(record.without_leaks.metrics, name)

    return Quantity(name, METRICS[name], read, "without leaked", less=name in HURTS)


def leak_gain(name: str) -> Quantity:
    """What leaked test images add to a metric: all minus without them, in percentage points."""
    every, clean = metric(name), without_leaks(name)
    return Quantity(name, METRICS[name], _minus(every.of, clean.of), "all minus without leaked", "points")


def of_class(name: str, label: str) -> Quantity:
    """A metric of the class `label` against all others."""

    def read(record: ImageRecord) -> float | None:
        found = record.per_class.get(label)
        return None if found is None else _scaled(getattr(found, name))

    return Quantity(name, METRICS[name], read, f"class {label}")


def corrupted(name: str, corruption: str, strength: int | None = None) -> Quantity:
    """A metric under a corruption at one strength, or averaged over the five (None); `ALL`: over all measured ones.

    Not defined where a strength that it needs has no value.
    """
    strengths = (strength,) if strength else STRENGTHS

    def read(record: ImageRecord) -> float | None:
        kinds = list(record.robustness) if corruption == ALL else [corruption]
        values = [_at(record, kind, s, name) for kind in kinds for s in strengths]
        known = [value for value in values if value is not None]
        return math.fsum(known) / len(known) if known and len(known) == len(values) else None

    condition = f"{corruption}, {f'strength {strength}' if strength else 'mean'}"
    return Quantity(name, METRICS[name], read, condition, less=name in HURTS)


def harm(name: str, corruption: str) -> Quantity:
    """What a corruption, averaged over strengths, takes from a metric (of ECE: adds to it), in percentage points."""
    clean, worse = metric(name), corrupted(name, corruption)
    read = _minus(worse.of, clean.of) if name in HURTS else _minus(clean.of, worse.of)
    return Quantity(name, METRICS[name], read, f"harm by {corruption}", "points", less=True)


PARAMETERS = Quantity("parameters", "Parameters", lambda record: float(record.model_size.parameters), "model", "number")
MFLOPS = Quantity("mflops", "MFLOPs", lambda record: record.model_size.flops / 1e6, "model", "10^6 operations")
STEPS = Quantity(
    "steps",
    "Steps",
    lambda record: record.equilibrium.steps_mean if record.equilibrium else None,
    unit="evaluations of the map",
)
CONVERGED = Quantity(
    "converged",
    "Converged",
    lambda record: _scaled(record.equilibrium.converged) if record.equilibrium else None,
)

RATE = Quantity("rate", "Rate", lambda record: record.equilibrium.rate if record.equilibrium else None, unit="factor")
BOUND = Quantity(
    "bound", "Bound", lambda record: record.equilibrium.bound if record.equilibrium else None, "model", "factor"
)


def _minus(more: Read, less: Read) -> Read:
    def read(record: ImageRecord) -> float | None:
        first, second = more(record), less(record)
        return None if first is None or second is None else first - second

    return read


def _percent(metrics: Any, name: str) -> float | None:
    found = metrics.get(name)
    return None if found is None else _scaled(found.value)


def _scaled(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _at(record: ImageRecord, corruption: str, strength: int, name: str) -> float | None:
    """A metric in percent under one corruption at one strength, None where it was not measured."""
    found = next((row for row in record.robustness.get(corruption, ()) if row.strength == strength), None)
    return None if found is None else _scaled(getattr(found, name))
