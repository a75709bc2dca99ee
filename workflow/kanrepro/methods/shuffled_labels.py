"""A control of the evaluation: the encoder of Khan-GCL, evaluated on permuted labels."""

from kanrepro.methods.khan_gcl import KhanGCL


class ShuffledLabels(KhanGCL):
    """Khan-GCL's training; the probe shuffles."""

    label = "shuffled labels"
    kind = "control"
    place = 24
    families = ("tu",)
    usual = ("tu",)
    printed = {}
