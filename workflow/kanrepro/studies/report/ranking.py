"""The ranking of methods on TU sets as a table, from the records that lie in a folder."""

from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.errors import cli
from kanrepro.core.family import Results
from kanrepro.report import longform
from kanrepro.report.document import Block, Document, Grid, Item, Text
from kanrepro.report.layout import label_of
from kanrepro.report.wording import short
from kanrepro.studies.claims import graph_cells
from kanrepro.studies.ranking import Place, Ranking, rankings
from kanrepro.studies.report.stage import table_stage

TITLE = "Methods ranked, with what is uncertain about it"
LEAD = (
    "Rank of the mean accuracy among rows that were run on the same sets, averaged over these sets (1: best), with the "
    "2.5 and 97.5 percentiles of a bootstrap over sets and seeds. `better than`, `worse than`: rows that it is told "
    "apart from over sets, corrected by Holm for all pairs; with few sets hardly any pair can be. Beside what was "
    "trained stand encoders that learned nothing (norms calibrated) and features that nobody learned. Rows are the "
    "last epoch; nothing is chosen on test."
)
COLUMNS = (
    "over", "method", "reading", "sets", "seeds", "mean", "rank", "rank_low", "rank_high", "better_than", "worse_than",
)  # fmt: skip
HEADER = ("Method", "Reading", "Mean, %", "Rank", "95 % interval", "Better than", "Worse than")


def document(found: Sequence[Ranking], preset: str) -> Document:
    """A grid for each group of sets."""
    if not found:
        return Document(TITLE, (Text(f"Preset `{preset}`. No three rows were run on the same two sets."),))
    blocks: list[Block] = [Text(f"Preset `{preset}`. {LEAD}")]
    for ranking in found:
        title = f"{', '.join(map(short, ranking.sets))}: {len(ranking.places)} rows, {len(ranking.seeds)} runs each"
        blocks.append(Grid(title, HEADER, tuple(map(_row, ranking.places)), heads=2))
    return Document(TITLE, tuple(blocks))


def _row(place: Place) -> tuple[Item, ...]:
    method, reading = place.row
    texts = (
        label_of(method), reading, f"{place.mean:.2f}", f"{place.rank:.1f}", f"[{place.low:.1f}, {place.high:.1f}]",
        str(place.above), str(place.below),
    )  # fmt: skip
    return tuple(map(Item, texts))


def lines(found: Sequence[Ranking]) -> list[dict[str, str]]:
    """The lines of the CSV, numbers with all their digits."""
    return [_line(ranking, place) for ranking in found for place in ranking.places]


def _line(ranking: Ranking, place: Place) -> dict[str, str]:
    values = (
        "+".join(ranking.sets), *place.row, len(ranking.sets), len(ranking.seeds), place.mean, place.rank, place.low,
        place.high, place.above, place.below,
    )  # fmt: skip
    return dict(zip(COLUMNS, map(str, values), strict=True))


def build(records: Path, preset: str) -> tuple[Document, str]:
    """The table as a document and as CSV text. Raises UserError for a corrupt record, or where there is no folder."""
    found = rankings(graph_cells(records))
    return document(found, preset), longform.to_csv(COLUMNS, lines(found))


def again(table: str, given: Results, base: Path) -> tuple[Document, str]:
    """The table of results as they lie there. Raises UserError as `build`."""
    return build(given.records, given.preset)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.studies.report.ranking."""
    table_stage(argv, __doc__, build)


if __name__ == "__main__":
    cli(main)
