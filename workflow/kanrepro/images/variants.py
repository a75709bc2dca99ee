"""The classifiers of the DEQ-KAN experiments, and the splits they are trained on: what each changes in the settings."""

from collections.abc import Mapping
from typing import Any

Changes = Mapping[str, Any]


def _head(kind: str, core: str = "kan", form: str = "repaired", **more: Any) -> Changes:
    return {"model": {"head": {"kind": kind, "core": core, "form": form, **more}}}


# What the code of DEQ-KAN has between u and the classifier.
_SHIPPED: Changes = {
    "kind": "unrolled",
    "core": "kan",
    "form": "shipped",
    "steps": 25,
    "basis": {"kind": "gaussian", "coefficient_scale": 0.01},
    "solver": {"damping": 0.1},
}

# In the order of the comparison table. The first two have no head between features and classifier; then neither
# iteration nor splines, splines alone, iteration alone, both unrolled, and the equilibrium in its three forms, the
# shipped one at its own rate and at that of all others.
IMAGE_MODELS: dict[str, Changes] = {
    "cnn": _head("none"),
    "vit": {"model": {"backbone": {"kind": "vit"}, "head": {"kind": "none"}}},
    "cnn_mlp": _head("feedforward", core="mlp"),
    "cnn_kan": _head("feedforward"),
    "deq_mlp": _head("equilibrium", core="mlp"),
    "unrolled_kan": _head("unrolled"),
    "deq_kan_shipped": {"model": {"head": _SHIPPED}, "training": {"schedule": "shipped"}},
    "deq_kan_shipped_rate": {"model": {"head": _SHIPPED}},  # what it loses then is the map's, not the rate's
    "deq_kan": _head("equilibrium"),
    "deq_kan_certified": _head("equilibrium", form="certified"),
}

LABELS: dict[str, str] = {
    "cnn": "CNN",
    "vit": "Vision Transformer",
    "cnn_mlp": "CNN + MLP",
    "cnn_kan": "CNN + KAN",
    "deq_mlp": "CNN + DEQ-MLP",
    "unrolled_kan": "CNN + unrolled KAN",
    "deq_kan_shipped": "DEQ-KAN, shipped",
    "deq_kan_shipped_rate": "DEQ-KAN, shipped, at the others' rate",
    "deq_kan": "DEQ-KAN, repaired",
    "deq_kan_certified": "DEQ-KAN, certified",
}

# grouped: nothing of one patient, tile or picture on both sides; random: images drawn one by one, as in DEQ-KAN's code;
# source: the set's own test folder; imbalanced: grouped, with a tenth of all but the largest class to train on.
SPLITS = ("grouped", "random", "source", "imbalanced")


def changes_of(model: str) -> Changes:
    """What a model changes in the settings of a classifier."""
    return IMAGE_MODELS[model]
