"""A control of training: the untrained MLP encoder with batch norms that saw the views, so that its weights alone differ."""

from kanrepro.core.parts import merged
from kanrepro.methods.untrained_mlp import UntrainedMLP


class CalibratedMLP(UntrainedMLP):
    """No epoch, but running statistics."""

    label = "calibrated MLP encoder"
    place = 20
    usual = ("tu",)
    changes = merged(UntrainedMLP.changes, {"statistics": {"of": "views"}})
