"""Khan-GCL with hard negatives along all components alike, in place of critical ones (section 5.2, appendix E.2)."""

from kanrepro.methods.khan_gcl import KhanGCL, perturbed_by


class RandomPerturbation(KhanGCL):
    """Perturb at random."""

    label = "w/ rand-perturb"
    place = 3
    usual = ("tu", "molecule")
    printed = {}
    changes = perturbed_by("random")
