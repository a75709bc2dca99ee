"""A control: GraphCL's encoder as it is initialised, whose batch norms saw nothing (mean 0, variance 1)."""

from kanrepro.core.parts import merged
from kanrepro.methods.graphcl import GraphCL


class UntrainedMLP(GraphCL):
    """No epoch of GraphCL."""

    label = "untrained MLP, no statistics"
    kind = "control"
    place = 22
    usual = ("tu", "molecule", "superpixel")
    printed = {}
    readings = {"tu": GraphCL.readings["tu"]}
    changes = merged(GraphCL.changes, {"optimiser": {"epochs": 0}})
