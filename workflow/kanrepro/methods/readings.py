"""Readings: what settles a question that the papers leave open, and the settings of one pre-training by layers."""

from collections.abc import Sequence
from typing import Any

from kanrepro.core.parts import merged
from kanrepro.methods.folder import built_in, find
from kanrepro.methods.method import Changes
from kanrepro.methods.released import READINGS

# `literal` follows the printed text, whose KAN layers are splines alone (equations 2 and 3); `literal_silu` adds the
# branch of the original KAN and nothing else; `repaired` changes what the literal one breaks.
_RAW: Changes = {"contrast": {"negatives": {"scale": "raw"}}}
_EVERYWHERE: dict[str, Changes] = {
    "literal": {"encoder": {"normalise_input": False, "kan": {"range": [-1.0, 1.0], "base": False}}, **_RAW},
    "literal_silu": {"encoder": {"normalise_input": False, "kan": {"range": [-1.0, 1.0]}}, **_RAW},
    "repaired": {
        "encoder": {"normalise_input": True, "kan": {"range": [-3.0, 3.0]}},
        "contrast": {"negatives": {"scale": "relative"}},
    },
}

# family -> readings that all methods have; molecules and superpixels have features of their own
COMMON: dict[str, dict[str, Changes]] = {
    "tu": {
        name: {**changes, "features": {"unlabelled": "degree" if name == "repaired" else "constant"}}
        for name, changes in _EVERYWHERE.items()
    },
    "molecule": _EVERYWHERE,
    "superpixel": _EVERYWHERE,
}


def names(family: str) -> list[str]:
    """The readings of a family: common ones, then those that some method has alone (`own`: its own code's habits)."""
    own = [name for method in built_in().values() for name in method.readings.get(family, {})]
    return list(dict.fromkeys([*COMMON[family], *own]))


def usual(family: str) -> list[str]:
    """Those in which methods are run unless the settings name more: the code of Khan-GCL's authors is asked for."""
    return [name for name in names(family) if name not in READINGS]


def changes_of(family: str, reading: str, method: str) -> Changes:
    """What a reading changes for a method; nothing for a user's new reading."""
    return {**COMMON[family], **find(method).readings.get(family, {})}.get(reading, {})


def readings_of(method: str, readings: Sequence[str], labelled: bool, family: str = "tu") -> list[str]:
    """Those of `readings` in which a method is run: common ones, its own, and a user's.

    MLPs have no SiLU branch: for them `literal_silu` is `literal`, and on labelled sets `repaired` is as well; of what
    is alike the first is run.
    """
    found = find(method)
    others = {*names(family)} - {*COMMON[family], *found.readings.get(family, {})}  # of other methods alone
    run = [name for name in readings if name not in others]
    if found.network == "kan":
        return run
    alike = [name for name in run if name in ("literal", "literal_silu", *(["repaired"] if labelled else []))]
    return [name for name in run if name not in alike[1:]]


def settings_of(base: Changes, reading: Changes, method: str) -> dict[str, Any]:
    """The settings of one pre-training: the base, changed by a reading, then by the method.

    An MLP has no KAN to keep on its grid: `normalise_input` stays off for it in every reading, but where a method is
    just that. A reading may choose another method's objective.
    """
    found = find(method)
    network = {} if found.network == "kan" else {"normalise_input": False}
    own: Changes = {
        "objective": reading.get("objective", found.learned),
        "encoder": {"network": found.network, **network},
    }
    return merged(merged(merged(base, reading), own), found.changes)
