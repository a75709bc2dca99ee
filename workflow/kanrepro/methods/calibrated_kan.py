"""A control: the untrained KAN encoder whose batch norms saw the views, so that it differs in its weights alone."""

from kanrepro.core.parts import merged
from kanrepro.methods.untrained_kan import UntrainedKAN


class CalibratedKAN(UntrainedKAN):
    """No epoch, but running statistics."""

    label = "untrained KAN, norms calibrated"
    place = 21
    changes = merged(UntrainedKAN.changes, {"statistics": {"of": "views"}})
