"""A control without an encoder: how often each node label occurs in a graph, or each degree where they are features."""

from kanrepro.methods.untrained_mlp import UntrainedMLP


class LabelHistogram(UntrainedMLP):
    """Nothing is learned; the SVM sees counts."""

    label = "histogram of node features"
    place = 25
    network = "histogram"
    families = ("tu",)
    usual = ()
    readings = {}
