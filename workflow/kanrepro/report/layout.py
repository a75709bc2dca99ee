"""Which rows and comparisons Tables 2 and 3 show."""

from dataclasses import dataclass

from kanrepro.report.results import LABELS


@dataclass(frozen=True)
class Row:
    """A measured row: method and reading, and the printed method that it stands beside (None: measured only)."""

    method: str
    reading: str
    printed: str | None = None

    @property
    def label(self) -> str:
        return LABELS[self.method]


# GraphCL's numbers are quoted from GraphCL, so its own habits stand beside them
MEASURED = {
    "GraphCL": (Row("graphcl", "own", "GraphCL"),),
    "Khan-GCL": (Row("khan_gcl", "literal", "Khan-GCL"), Row("khan_gcl", "repaired", "Khan-GCL")),
}

_BOTH = ("literal", "repaired")

VARIANTS = tuple(
    Row(method, reading)
    for method in ("graphcl", "wo_hard_neg", "rand_perturb", "wo_d_dims", "wo_i_dims")
    for reading in _BOTH
)
CONTROLS = (
    Row("untrained_mlp", "own"),
    *(Row(method, reading) for method in ("untrained_mlp", "untrained_kan", "shuffled_labels") for reading in _BOTH),
)


@dataclass(frozen=True)
class Difference:
    """A claim as a difference of two measured rows of the same reading: `more` minus `less`."""

    more: str
    less: str
    isolates: str
    readings: tuple[str, ...] = _BOTH

    @property
    def label(self) -> str:
        return f"{LABELS[self.more]} − {LABELS[self.less]}"


DIFFERENCES = (
    Difference("graphcl", "untrained_mlp", "training the MLP encoder", ("own", *_BOTH)),
    Difference("khan_gcl", "untrained_kan", "training the KAN encoder"),
    Difference("wo_hard_neg", "graphcl", "KANs in place of MLPs"),
    Difference("rand_perturb", "wo_hard_neg", "random hard negatives"),
    Difference("wo_d_dims", "wo_hard_neg", "hard negatives along independent dimensions"),
    Difference("wo_i_dims", "wo_hard_neg", "hard negatives along discriminative dimensions"),
    Difference("khan_gcl", "wo_hard_neg", "hard negatives along both (CKFI)"),
    Difference("khan_gcl", "rand_perturb", "CKFI in place of random dimensions"),
    Difference("khan_gcl", "graphcl", "the whole of Khan-GCL"),
)

TITLES = {
    "table2": "Table 2: unsupervised learning, SVM accuracy in %",
    "table3": "Table 3: Khan-GCL against methods with hard negatives, SVM accuracy in %",
}
