"""Khan-GCL with hard negatives along independent components alone (section 5.2, appendix E.2)."""

from kanrepro.methods.khan_gcl import KhanGCL, perturbed_by


class WithoutDiscriminative(KhanGCL):
    """Perturb by delta."""

    label = "w/o d-dims"
    place = 4
    usual = ("tu", "molecule")
    printed = {}
    changes = perturbed_by("delta")
