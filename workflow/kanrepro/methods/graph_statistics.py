"""A control without an encoder: numbers of nodes and edges, and moments of the degrees of a graph."""

from kanrepro.methods.untrained_mlp import UntrainedMLP


class GraphStatistics(UntrainedMLP):
    """Nothing is learned; the SVM sees seven numbers."""

    label = "statistics of graphs"
    place = 26
    network = "statistics"
    families = ("tu",)
    usual = ()
    readings = {}
