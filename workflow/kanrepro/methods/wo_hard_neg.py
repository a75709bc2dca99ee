"""Khan-GCL without hard negatives: what KANs alone do (section 5.2, appendix E.2)."""

from kanrepro.methods.khan_gcl import KhanGCL, perturbed_by


class WithoutHardNegatives(KhanGCL):
    """Encode by KANs and contrast."""

    label = "w/o hard neg."
    place = 2
    usual = ("tu", "molecule")
    printed = {"table1": "w/o hard neg."}
    changes = perturbed_by()
