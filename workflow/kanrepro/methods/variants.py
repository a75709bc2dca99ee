"""Methods, readings and controls: what each changes in the settings of a pre-training."""

from collections.abc import Mapping
from typing import Any

from kanrepro.core.parts import merged

Changes = Mapping[str, Any]

_NO_NEGATIVES: Changes = {"contrast": {"negatives": {"perturbations": []}}}


def _kan(*perturbations: str) -> Changes:
    return {"encoder": {"network": "kan"}, "contrast": {"negatives": {"perturbations": list(perturbations)}}}


# The variants of the ablation (Khan-GCL section 5.2, appendix E.2), in the order of figure 4.
METHODS: dict[str, Changes] = {
    "graphcl": {"encoder": {"network": "mlp"}, **_NO_NEGATIVES},
    "wo_hard_neg": _kan(),
    "rand_perturb": _kan("random"),
    "wo_d_dims": _kan("delta"),
    "wo_i_dims": _kan("rho"),
    "khan_gcl": _kan("delta", "rho"),
}

# Other ways to pre-train on molecules. Attribute masking: protocol.md 3.D, chem/pretrain_masking.py of Hu et al.
BASELINES: dict[str, Changes] = {
    "attr_masking": {
        "objective": "attr_masking",
        "encoder": {"network": "mlp"},
        "optimiser": {"learning_rate": 1e-3},
        **_NO_NEGATIVES,
    },
}

# On superpixel graphs, beside the row "InfoMax" of table 7: what graphs and their nodes have in common (InfoGraph).
SUPERPIXEL_BASELINES: dict[str, Changes] = {
    "infograph": {"objective": "infograph", "encoder": {"network": "mlp"}, **_NO_NEGATIVES},
}

_UNTRAINED: Changes = {"optimiser": {"epochs": 0}}
_CALIBRATED: Changes = {**_UNTRAINED, "statistics": {"of": "views"}}

# What a number must beat, or sit at: encoders as initialised, with batch norms that saw the views (what training must
# beat) or nothing at all (mean 0, variance 1: no control of training), and the full method with permuted labels.
CONTROLS: dict[str, Changes] = {
    "calibrated_mlp": {"encoder": {"network": "mlp"}, **_CALIBRATED, **_NO_NEGATIVES},
    "calibrated_kan": {**_kan(), **_CALIBRATED},
    "untrained_mlp": {"encoder": {"network": "mlp"}, **_UNTRAINED, **_NO_NEGATIVES},
    "untrained_kan": {**_kan(), **_UNTRAINED},
    "shuffled_labels": _kan("delta", "rho"),
}

# `literal` follows the printed text, whose KAN layers are splines alone (equations 2 and 3); `literal_silu` adds the
# branch of the original KAN and nothing else; `repaired` changes what the literal one breaks; `own` is GraphCL's code.
READINGS: dict[str, Changes] = {
    "literal": {
        "encoder": {"normalise_input": False, "kan": {"range": [-1.0, 1.0], "base": False}},
        "features": {"unlabelled": "constant"},
        "contrast": {"negatives": {"scale": "raw"}},
    },
    "literal_silu": {
        "encoder": {"normalise_input": False, "kan": {"range": [-1.0, 1.0]}},
        "features": {"unlabelled": "constant"},
        "contrast": {"negatives": {"scale": "raw"}},
    },
    "repaired": {
        "encoder": {"normalise_input": True, "kan": {"range": [-3.0, 3.0]}},
        "features": {"unlabelled": "degree"},
        "contrast": {"negatives": {"scale": "relative"}},
    },
    "own": {
        "encoder": {"normalise_input": False},
        "features": {"unlabelled": "constant", "self_loops": True},
        "views": {"first_view": "original", "subgraph_hops": 1, "add_edges": False, "directed_edges": True},
        "contrast": {"loss": "one_way", "head": [96, 96]},
        "optimiser": {"epochs": 20, "learning_rate": 0.01, "shuffle": "once"},
    },
}


# On molecules; `own` is GraphCL's code in chem/: its rate, loss, star-shaped subgraphs and the epoch that it evaluates.
MOLECULE_READINGS: dict[str, Changes] = {
    "literal": {key: READINGS["literal"][key] for key in ("encoder", "contrast")},
    "literal_silu": {key: READINGS["literal_silu"][key] for key in ("encoder", "contrast")},
    "repaired": {key: READINGS["repaired"][key] for key in ("encoder", "contrast")},
    "own": {
        "encoder": {"normalise_input": False},
        "views": {"subgraph_hops": 1},
        "contrast": {"loss": "one_way"},
        "optimiser": {"epochs": 80, "learning_rate": 1e-3},
    },
}

# On superpixel graphs, which have features of their own. GraphCL's code for them is what the base settings say.
SUPERPIXEL_READINGS: dict[str, Changes] = {
    name: MOLECULE_READINGS[name] for name in ("literal", "literal_silu", "repaired")
}

FAMILY_READINGS: dict[str, dict[str, Changes]] = {
    "tu": READINGS,
    "molecule": MOLECULE_READINGS,
    "superpixel": SUPERPIXEL_READINGS,
}
ALL: dict[str, Changes] = {**METHODS, **BASELINES, **SUPERPIXEL_BASELINES, **CONTROLS}


def is_mlp(method: str) -> bool:
    """Whether a method or control has an MLP encoder."""
    return ALL[method]["encoder"]["network"] == "mlp"


def readings_of(method: str, readings: list[str], labelled: bool) -> list[str]:
    """The readings in which a method is run: `own` is GraphCL's.

    MLPs have no SiLU branch: for them `literal_silu` is `literal`, and on labelled sets `repaired` is as well; of what
    is alike the first is run.
    """
    if not is_mlp(method):
        return [r for r in readings if r != "own"]
    alike = [r for r in readings if r in ("literal", "literal_silu", *(["repaired"] if labelled else []))]
    return [r for r in readings if r not in alike[1:]]


def settings_of(base: Changes, reading: Changes, method: str) -> dict[str, Any]:
    """The settings of one pre-training: the base, changed by a reading, then by the method.

    An MLP has no KAN to keep on its grid: `normalise_input` stays off for it in every reading, but where a method is
    just that.
    """
    made = merged(base, reading)
    return merged(merged(made, {"encoder": {"normalise_input": False}}) if is_mlp(method) else made, ALL[method])
