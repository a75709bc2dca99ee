"""A control: the untrained MLP encoder whose batch norms saw the views, so that it differs in its weights alone."""

from kanrepro.core.parts import merged
from kanrepro.methods.untrained_mlp import UntrainedMLP


class CalibratedMLP(UntrainedMLP):
    """No epoch, but running statistics."""

    label = "untrained MLP, norms calibrated"
    place = 20
    changes = merged(UntrainedMLP.changes, {"statistics": {"of": "views"}})
