"""The claims of both papers, each as one number over all sets: estimate, interval, test, verdict.

A claim is a difference of two measured rows, paired by set and seed. Over the sets it is estimated by the mixed model
d(set, seed) = mu + b(set) + e(set, seed): with as many seeds a set its restricted maximum likelihood is the mean of the
set means, whose error comes from their spread (t with S - 1 degrees of freedom; of a single set, a paired t-test over
seeds). So an interval speaks of sets like these, not of these sets alone. P values are corrected by Holm within the
claims of one part of the papers. Nothing here is chosen: every claim is asked in every reading that was run.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kanrepro.core.errors import UserError
from kanrepro.core.record import Record
from kanrepro.images.record import ImageRecord
from kanrepro.molecules.record import TransferRecord
from kanrepro.report.results import MLP_METHODS
from kanrepro.report.statistics import ALPHA, Interval, Summary, paired
from kanrepro.tu import catalog

Cells = Mapping[tuple[str, str, str], Mapping[int, float]]  # (set, method, reading) -> seed -> score in percent
KAN_READINGS = ("literal", "literal_silu", "repaired")
GRAPHS = "tu/*/*.json"
LEFT_OUT = "clintox"  # at chance for every encoder of the small preset: means are shown with it and without


@dataclass(frozen=True)
class Claim:
    """What is said, where, and the two rows whose difference it is: (method, reading) each; more - less."""

    part: str
    text: str
    source: str
    more: tuple[str, str]
    less: tuple[str, str]
    without: tuple[str, ...] = ()  # sets that are left out


@dataclass(frozen=True)
class Finding:
    """A claim as measured. `found` None: fewer than two pairs. `each`: set by set. `holm`: p corrected in the part."""

    claim: Claim
    sets: tuple[str, ...]
    pairs: int
    found: Interval | None
    each: Mapping[str, Interval]
    holm: float | None = None

    @property
    def verdict(self) -> str:
        """`holds`, `the opposite holds`, `not shown` (the interval says what could still be), or `not run`."""
        if self.found is None or self.holm is None:
            return "not run"
        if self.holm >= ALPHA:
            return "not shown"
        return "holds" if self.found.difference > 0 else "the opposite holds"


def over_sets(cells: Cells, claim: Claim) -> Finding:
    """The claim over all sets that have both rows, seed by seed."""
    names = sorted({name for name, *_ in cells} - set(claim.without))
    gaps: dict[str, list[float]] = {}
    for name in names:
        more, less = cells.get((name, *claim.more), {}), cells.get((name, *claim.less), {})
        both = sorted(more.keys() & less.keys())
        if both:
            gaps[name] = [more[seed] - less[seed] for seed in both]
    pairs = sum(map(len, gaps.values()))
    values = [Summary.of(g).mean for g in gaps.values()] if len(gaps) > 1 else next(iter(gaps.values()), [])
    each = {name: found for name, gap in gaps.items() if (found := _from_zero(gap))}
    return Finding(claim, tuple(gaps), pairs, _from_zero(values), each)


def _from_zero(values: list[float]) -> Interval | None:
    """The t-test of the mean of values against zero; None with fewer than two."""
    return paired(dict.fromkeys(range(len(values)), 0.0), dict(enumerate(values)))


def corrected(findings: Iterable[Finding]) -> list[Finding]:
    """Holm's step-down correction of the p values, within each part."""
    listed = list(findings)
    holm: dict[int, float] = {}
    for part in {finding.claim.part for finding in listed}:
        asked = [(f.found.p, i) for i, f in enumerate(listed) if f.claim.part == part and f.found]
        least = 0.0
        for rank, (p, i) in enumerate(sorted(asked)):
            least = max(least, min(1.0, p * (len(asked) - rank)))
            holm[i] = least
    return [replace(f, holm=holm.get(i)) for i, f in enumerate(listed)]


# the claims


def _graphs(part: str, table: str) -> list[Claim]:
    """Those that are asked of Khan-GCL's ablation in every reading."""
    made = []
    for reading in KAN_READINGS:
        mlp = "repaired" if reading == "repaired" else "literal"
        rows: tuple[tuple[str, str, str, str, str], ...] = (
            ("pre-training a KAN encoder by Khan-GCL gains", "4.1", "khan_gcl", "calibrated_kan", reading),
            ("KANs in place of MLPs gain", "5.2", "wo_hard_neg", "graphcl", mlp),
            ("KANs in place of MLPs gain without training", "5.2", "calibrated_kan", "calibrated_mlp", mlp),
            ("hard negatives along critical dimensions gain", "5.2", "khan_gcl", "wo_hard_neg", reading),
            ("critical dimensions beat random ones", "5.2", "khan_gcl", "rand_perturb", reading),
            ("independent dimensions add to the discriminative ones", "5.2", "khan_gcl", "wo_i_dims", reading),
            ("discriminative dimensions add to the independent ones", "5.2", "khan_gcl", "wo_d_dims", reading),
        )
        made += [Claim(part, text, where, (more, reading), (less, other)) for text, where, more, less, other in rows]
        made.append(Claim(part, "Khan-GCL beats GraphCL", table, ("khan_gcl", reading), ("graphcl", "own")))
    made.append(
        Claim(
            part, "pre-training an MLP encoder by GraphCL gains", table, ("graphcl", "own"), ("calibrated_mlp", "own")
        )
    )
    return made


def _released() -> list[Claim]:
    """What the parts of the authors' code add at its last epoch."""
    rows = (
        ("training a KAN encoder gains", "khan_gcl", "calibrated_kan"),
        ("training an MLP encoder gains", "graphcl", "calibrated_mlp"),
        ("KANs in place of MLPs gain", "wo_hard_neg", "graphcl"),
        ("KANs in place of MLPs gain without training", "calibrated_kan", "calibrated_mlp"),
        ("hard negatives along critical dimensions gain", "khan_gcl", "wo_hard_neg"),
        ("critical dimensions beat random ones", "khan_gcl", "rand_perturb"),
    )
    reading = "released_seeded"
    return [Claim("released", text, "code", (more, reading), (less, reading)) for text, more, less in rows]


def _transfer() -> list[Claim]:
    part, made = "transfer", []
    for reading in ("literal_silu", "repaired"):
        rows = (
            ("pre-training a KAN encoder by Khan-GCL gains", "khan_gcl", "untrained_kan", reading),
            ("KANs in place of MLPs gain", "wo_hard_neg", "graphcl", "literal_silu"),
            ("KANs in place of MLPs gain without pre-training", "untrained_kan", "untrained_mlp", "literal_silu"),
            ("hard negatives along critical dimensions gain", "khan_gcl", "wo_hard_neg", reading),
            ("Khan-GCL beats GraphCL", "khan_gcl", "graphcl", "literal_silu"),
            ("Khan-GCL beats fingerprints", "khan_gcl", "fingerprint", "none"),
        )
        for without in ((), (LEFT_OUT,)):
            made += [Claim(part, text, "Table 1", (a, reading), (b, other), without) for text, a, b, other in rows]
    for without in ((), (LEFT_OUT,)):
        row = ("graphcl", "literal_silu"), ("untrained_mlp", "literal_silu")
        made.append(Claim(part, "pre-training an MLP encoder by GraphCL gains", "Table 1", *row, without))
    return made


def _superpixels() -> list[Claim]:
    rows = (
        ("pre-training a KAN encoder by Khan-GCL gains", "khan_gcl", "calibrated_kan"),
        ("Khan-GCL beats GraphCL", "khan_gcl", "graphcl"),
        ("Khan-GCL beats InfoGraph", "khan_gcl", "infograph"),
    )
    mlp = ("graphcl", "infograph")
    graphcl = ("graphcl", "literal_silu"), ("calibrated_mlp", "literal_silu")
    pretraining = Claim("superpixels", "pre-training an MLP encoder by GraphCL gains", "Table 7", *graphcl)
    return [pretraining] + [
        Claim("superpixels", text, "Table 7", (more, reading), (less, "literal_silu" if less in mlp else reading))
        for reading in ("literal_silu", "repaired")
        for text, more, less in rows
    ]


def _images() -> list[Claim]:
    rows = (
        ("an equilibrium of a KAN beats the CNN alone", "cnn"),
        ("an equilibrium of a KAN beats one of an MLP", "deq_mlp"),
        ("an equilibrium of a KAN beats a feed-forward KAN", "cnn_kan"),
        ("an equilibrium of a KAN beats a vision transformer", "vit"),
    )
    return [Claim("images", text, "README", ("deq_kan", "grouped"), (less, "grouped")) for text, less in rows]


# what they are read from


def _scores(records: Iterable[tuple[tuple[str, str, str], int, float]]) -> Cells:
    cells: dict[tuple[str, str, str], dict[int, float]] = {}
    for key, seed, score in records:
        cells.setdefault(key, {})[seed] = 100 * score
    return cells


def graph_cells(records: Path) -> Cells:
    """The accuracies on TU sets of all records below a folder.

    Raises:
        UserError: there is no such folder, or a record is corrupt.
    """
    return _graph_scores(sorted(_folder(records).glob(GRAPHS)))


def _graph_scores(paths: Iterable[Path]) -> Cells:
    """On sets with labels what has no KANs is the same thing in both readings: its `repaired` row is `literal`'s."""
    cells = dict(_scores(map(_record, paths)))
    labelled = {name for name, entry in catalog.load(()).items() if entry.expected.node_labels}
    for (name, method, reading), scores in list(cells.items()):
        if name in labelled and reading == "literal" and method in MLP_METHODS:
            cells.setdefault((name, method, "repaired"), scores)
    return cells


def _record(path: Path) -> tuple[tuple[str, str, str], int, float]:
    record = Record.read(path)
    return (record.dataset, record.method, record.reading), record.seed, record.metrics["accuracy"].value


def _transferred(path: Path) -> tuple[tuple[str, str, str], int, float]:
    record = TransferRecord.read(path)
    return (record.dataset, record.method, record.reading), record.seed, record.best.test


def _image(path: Path) -> tuple[tuple[str, str, str], int, float]:
    record = ImageRecord.read(path)
    return (record.dataset, record.model, record.split), record.seed, record.metrics["accuracy"].value or 0.0


Reader = Callable[[Iterable[Path]], Cells]
PARTS: tuple[tuple[str, Reader, list[Claim]], ...] = (
    (GRAPHS, _graph_scores, [*_graphs("tu", "Table 2"), *_released()]),
    ("transfer/*/*.json", lambda paths: _scores(map(_transferred, paths)), _transfer()),
    ("superpixels/*/*.json", lambda paths: _scores(map(_record, paths)), _superpixels()),
    ("images/*/grouped/*.json", lambda paths: _scores(map(_image, paths)), _images()),
)


def _folder(records: Path) -> Path:
    if not records.is_dir():
        raise UserError(f"{records} is not a folder with records; run the workflow first, or name another folder.")
    return records


def measured(records: Path) -> list[Finding]:
    """All claims from the records below a folder; a claim without records is `not run`.

    Raises:
        UserError: there is no such folder, or a record is corrupt.
    """
    _folder(records)
    found = []
    for pattern, read, claims in PARTS:
        cells = read(sorted(records.glob(pattern)))
        found += [over_sets(cells, claim) for claim in claims]
    return corrected(found)
