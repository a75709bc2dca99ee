"""The table of claims: what both papers say, what was measured, and whether it holds.

Reads all records below `results/<preset>/records`; writes the table in four forms. The same records give the
same bytes.
"""

from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.errors import cli
from kanrepro.core.family import Results
from kanrepro.report import longform
from kanrepro.report.document import Block, Document, Grid, Item, Text
from kanrepro.report.longform import UNDEFINED
from kanrepro.report.statistics import Interval
from kanrepro.report.wording import NOT_RUN, interval, probability, signed
from kanrepro.studies.claims import LEFT_OUT, Finding, measured
from kanrepro.studies.report.stage import table_stage

PARTS = {
    "tu": "Unsupervised learning",
    "released": "Unsupervised learning by the code of the authors, at its last epoch",
    "transfer": "Transfer learning",
    "superpixels": "Superpixels",
    "images": "Medical images",
}
TITLE = "Claims of both papers, over all sets that were run"
LEAD = (
    "Each claim is a difference of two measured rows in percentage points, paired by set and seed. Over several sets "
    "it is the mean of the sets' means with a t interval from their spread (the mixed model with a random effect for "
    "each set); of a single set, a paired test over seeds. p is corrected by Holm within each part. `not shown` is no "
    "proof of absence: the interval says what could still be. Controls of training are encoders that learned nothing, "
    "their batch norms calibrated by passes over the views; after fine-tuning, which moves the norms by itself, "
    "encoders as initialised."
)
COLUMNS = (
    "part", "claim", "source", "more", "more_reading", "less", "less_reading", "left_out", "over", "sets", "pairs",
    "estimate", "ci95_low", "ci95_high", "p", "p_holm", "verdict",
)  # fmt: skip
HEADER = ("Claim", "Source", "Rows", "Sets", "Estimate", "95 % interval", "p", "p, Holm", "Verdict")


def document(findings: Sequence[Finding], preset: str) -> Document:
    """The whole table, a grid for each part of the papers."""
    blocks: list[Block] = [Text(f"Preset `{preset}`. {LEAD}")]
    for part in dict.fromkeys(finding.claim.part for finding in findings):
        rows = tuple(_row(finding) for finding in findings if finding.claim.part == part)
        blocks.append(Grid(PARTS[part], HEADER, rows, heads=3))
    blocks.append(
        Text(f"Means without `{LEFT_OUT}` stand beside those with it: no encoder of this size tells it from chance.")
    )
    return Document(TITLE, tuple(blocks))


def _row(finding: Finding) -> tuple[Item, ...]:
    claim, found = finding.claim, finding.found
    (more, r), (less, s) = claim.more, claim.less
    rows = f"{more} − {less}, {r}" + ("" if r == s else f" − {s}") + "".join(f", without {x}" for x in claim.without)
    head = (Item(claim.text), Item(claim.source), Item(rows), Item(str(len(finding.sets))))
    if found is None:
        return (*head, *[Item(NOT_RUN, "missing")] * 4, Item(finding.verdict, "missing"))
    texts = (signed(found.difference), interval(found.low, found.high), probability(found.p), probability(finding.holm))
    return (*head, *map(Item, texts), Item(finding.verdict))


def lines(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """The lines of the CSV, numbers with all their digits: each claim over `all` sets, then set by set."""
    made = []
    for finding in findings:
        made.append(_line(finding, "all", len(finding.sets), finding.pairs, finding.found))
        made += [_line(finding, name, 1, found.n, found) for name, found in finding.each.items()]
    return made


def _line(finding: Finding, over: str, sets: int, pairs: int, found: Interval | None) -> dict[str, str]:
    claim, whole = finding.claim, over == "all"
    numbers = [str(n) for n in (found.difference, found.low, found.high, found.p)] if found else [NOT_RUN] * 4
    values = (
        claim.part, claim.text, claim.source, *claim.more, *claim.less, "+".join(claim.without) or "none", over,
        str(sets), str(pairs), *numbers, str(finding.holm) if whole and found else UNDEFINED,
        finding.verdict if whole else UNDEFINED,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def build(records: Path, preset: str) -> tuple[Document, str]:
    """The table as a document and as CSV text. Raises UserError for a corrupt record."""
    findings = measured(records)
    return document(findings, preset), longform.to_csv(COLUMNS, lines(findings))


def again(table: str, given: Results, base: Path) -> tuple[Document, str]:
    """The table of results as they lie there. Raises UserError as `build`."""
    return build(given.records, given.preset)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.studies.report.claims."""
    table_stage(argv, __doc__, build)


if __name__ == "__main__":
    cli(main)
