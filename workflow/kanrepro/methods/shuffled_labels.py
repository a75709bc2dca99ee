"""A control of the evaluation: the encoder of Khan-GCL, evaluated on permuted labels."""

from kanrepro.methods.khan_gcl import KhanGCL


class ShuffledLabels(KhanGCL):
    """No training of its own; the probe permutes labels."""

    label = "shuffled labels"
    kind = "control"
    place = 24
    families = ("tu",)
    usual = ("tu",)
    printed = {}
    encoder_of = "khan_gcl"
