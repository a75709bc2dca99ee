"""Khan-GCL with hard negatives along discriminative components alone (section 5.2, appendix E.2)."""

from kanrepro.methods.khan_gcl import KhanGCL, perturbed_by


class WithoutIndependent(KhanGCL):
    """Perturb by rho."""

    label = "w/o i-dims"
    place = 5
    usual = ("tu", "molecule")
    printed = {}
    changes = perturbed_by("rho")
