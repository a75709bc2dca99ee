"""Readings: what settles a question that the papers leave open, and the settings of one pre-training by layers."""

from collections.abc import Sequence
from typing import Any

from kanrepro.core.parts import merged
from kanrepro.methods.folder import built_in, find
from kanrepro.methods.method import Changes

_ENCODER_LITERAL: Changes = {"normalise_input": False, "kan": {"range": [-1.0, 1.0]}}
_ENCODER_REPAIRED: Changes = {"normalise_input": True, "kan": {"range": [-3.0, 3.0]}}

# `literal` follows the printed text; `repaired` changes only what the literal one breaks.
_LITERAL: Changes = {"encoder": _ENCODER_LITERAL, "contrast": {"negatives": {"scale": "raw"}}}
_REPAIRED: Changes = {"encoder": _ENCODER_REPAIRED, "contrast": {"negatives": {"scale": "relative"}}}

# family -> readings that all methods have; molecules and superpixels have features of their own
COMMON: dict[str, dict[str, Changes]] = {
    "tu": {
        "literal": {**_LITERAL, "features": {"unlabelled": "constant"}},
        "repaired": {**_REPAIRED, "features": {"unlabelled": "degree"}},
    },
    "molecule": {"literal": _LITERAL, "repaired": _REPAIRED},
    "superpixel": {"literal": _LITERAL, "repaired": _REPAIRED},
}


def names(family: str) -> list[str]:
    """The readings of a family: common ones, then those that some method has alone (`own`: its own code's habits)."""
    own = [name for method in built_in().values() for name in method.readings.get(family, {})]
    return list(dict.fromkeys([*COMMON[family], *own]))


def changes_of(family: str, reading: str, method: str) -> Changes:
    """What a reading changes for a method; nothing for a user's new reading."""
    return {**COMMON[family], **find(method).readings.get(family, {})}.get(reading, {})


def readings_of(method: str, readings: Sequence[str], labelled: bool, family: str = "tu") -> list[str]:
    """Those of `readings` in which a method is run: for MLPs on labelled sets `repaired` is `literal`."""
    found = find(method)
    others = {*names(family)} - {*COMMON[family], *found.readings.get(family, {})}  # of other methods alone
    same = found.network == "mlp" and labelled and "literal" in readings
    return [name for name in readings if name not in others and not (same and name == "repaired")]


def settings_of(base: Changes, reading: Changes, method: str) -> dict[str, Any]:
    """The settings of one pre-training: the base, changed by a reading, then by the method.

    An MLP has no KAN to keep on its grid: `normalise_input` stays off for it in every reading.
    """
    found = find(method)
    own: Changes = {"objective": found.learned, "encoder": {"network": found.network}}
    made = merged(merged(merged(base, reading), own), found.changes)
    return merged(made, {"encoder": {"normalise_input": False}}) if found.network == "mlp" else made
