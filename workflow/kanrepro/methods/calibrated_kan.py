"""A control of training: the untrained KAN encoder with batch norms that saw the views, so that its weights alone differ."""

from kanrepro.core.parts import merged
from kanrepro.methods.untrained_kan import UntrainedKAN


class CalibratedKAN(UntrainedKAN):
    """No epoch, but running statistics."""

    label = "calibrated KAN encoder"
    place = 21
    usual = ("tu",)
    changes = merged(UntrainedKAN.changes, {"statistics": {"of": "views"}})
