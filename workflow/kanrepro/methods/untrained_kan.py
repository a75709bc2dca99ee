"""A control: Khan-GCL's encoder as it is initialised, whose batch norms saw nothing (mean 0, variance 1)."""

from kanrepro.core.parts import merged
from kanrepro.methods.wo_hard_neg import WithoutHardNegatives


class UntrainedKAN(WithoutHardNegatives):
    """No epoch of contrast."""

    label = "untrained KAN, no statistics"
    kind = "control"
    place = 23
    usual = ("tu", "molecule", "superpixel")
    printed = {}
    changes = merged(WithoutHardNegatives.changes, {"optimiser": {"epochs": 0}})
