"""A fifth, tiny family: how often a coin fell heads. All that a family has to say, in one file."""

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kanrepro.core.costs import Costs, Ran, what
from kanrepro.core.explain_parts import Question, laid_out
from kanrepro.core.family import Family, Kind, Results, Table
from kanrepro.core.parser import Parser
from kanrepro.core.parts import Part as SettingsPart
from kanrepro.core.parts import Positive
from kanrepro.core.record import Data, Document
from kanrepro.report import document as written
from kanrepro.report.document import Grid, Item
from kanrepro.report.make_table import table_stage
from kanrepro.report.part import Part

CAPTIONS = {"coins-heads": ("Heads", "How often each coin fell heads.")}


class CoinSettings(SettingsPart):
    """Coins that are thrown."""

    throws: Positive = 10


class CoinCode(SettingsPart):
    toss: str
    commit: str | None = None
    dirty: bool = False


class CoinCost(SettingsPart):
    hardware: str
    device: str
    seconds: float


class CoinRecord(Document):
    """One coin, thrown."""

    dataset: str
    seed: int
    preset: str
    heads: float
    data: Data
    code: CoinCode
    versions: dict[str, str]
    cost: CoinCost
    commands: list[str]


def read(records: Path) -> dict[Path, CoinRecord]:
    """The records below a folder."""
    return {path: CoinRecord.read(path) for path in sorted(records.glob("coins/*/*.json"))}


def build(records: Path) -> tuple[written.Document, str]:
    """The table as a document and as CSV text."""
    found = read(records).values()
    rows = tuple((Item(record.dataset), Item(f"{record.heads:.2f}")) for record in found)
    lines = "".join(f"{record.dataset},{record.heads}\n" for record in found)
    table = written.Document("Table of coins: heads", (Grid("Measured", ("Coin", "Heads"), rows),))
    return table, "coin,heads\n" + lines


def again(table: str, given: Results, base: Path) -> tuple[written.Document, str]:
    return build(given.records)


def _options(parser: Parser) -> None:
    parser.add_argument("--records-from", type=Path, required=True)


def main(argv: Sequence[str] | None = None) -> None:
    """The stage that makes the table."""
    table_stage(
        argv,
        "Make the table of coins.",
        ("table-of-coins",),
        _options,
        lambda table, given, base: build(given.records_from),
    )


def explain(asked: Question) -> str:
    lines = [f"{asked.table}, {asked.dataset}, thrown by {asked.more['thrower']}"]
    for path, record in read(asked.results / "records").items():
        lines += laid_out(path, [("heads", [f"{record.heads:.2f}"]), ("by hand", record.commands)])
    return "\n".join(lines)


def add_options(parser: Parser) -> None:
    """The page finds its records with those of all others."""


def of(given: Namespace, base: Path) -> Part:
    found = read(given.records_from)
    return Part(
        "coins",
        "Coins",
        subject="coins",
        said=f"{len(found)} thrown coins",
        records=len(found),
        counted="thrown coins",
        tables={"table-of-coins": build(given.records_from)[0]},
    )


class CoinCosts(Costs):
    """A coin takes as long as its throws."""

    grows = {"toss": "throws"}

    def ran(self, records: Path) -> Iterator[Ran]:
        for record in read(records).values():
            yield Ran(
                "toss", what(dataset=record.dataset), record.preset, None, 1.0, 0, record.cost.seconds, 1.0, 1, False,
                record.cost.hardware, "toss/none.tsv",
            )  # fmt: skip

    def work(self, rule: str, dataset: str, epochs: float, size: int, described: Mapping[str, Any]) -> float | None:
        return {"MUTAG": 10.0, "NCI1": 30.0}.get(dataset)


COSTS = CoinCosts()
FAMILY = Family(
    name="coins",
    settings={"coins": CoinSettings},
    catalogues={"coin_catalog": "own coins"},
    stages={"toss": "coins"},
    tables={"table-of-coins": Table("coins", ("coins",))},
    figures={"coins-heads": "coins"},
    kinds={"coins": Kind("coins:CoinRecord", "kanrepro.tu.catalog", "coins", {"coins": "code.toss"})},
    explained={"table-of-coins": "coins"},
    method="of coins nothing",
    asked={"thrower": "of coins: who threw"},
    costs="coins",
    page="coins",
)
