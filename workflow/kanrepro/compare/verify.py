"""Print whether a number comes out again (`kanrepro verify TABLE SET METHOD`)."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from kanrepro.compare.asked import TABLES, chosen, records
from kanrepro.compare.repeat import repeat
from kanrepro.compare.verdict import Pair, told
from kanrepro.core.errors import cli
from kanrepro.core.parser import stage_parser
from kanrepro.core.repeats import keep


def main(argv: Sequence[str] | None = None) -> None:
    """Make a number again: see `python -m kanrepro.compare.verify --help`."""
    parser = stage_parser(
        "Make some runs behind a number of a table again, by the commands of their records and with the code that is\n"
        "here, and print old, new, what may lie between them, and the verdict. Exit code 1: not repeated.",
        epilog="example: kanrepro verify table2 MUTAG khan_gcl --reading literal --seeds 0 1",
    )
    parser.add_argument("table", help=", ".join(TABLES))
    parser.add_argument("dataset", help="as in the catalogue or as printed")
    parser.add_argument("method", help="a method or model with records: khan_gcl, deq_kan")
    parser.add_argument("--reading", help="reading or split (default: all with records)")
    parser.add_argument("--seeds", nargs="+", type=int, help="(default: the first two of each reading)")
    parser.add_argument("--results", type=Path, default=Path("results/small"), help="(default: %(default)s)")
    parser.add_argument("--work", type=Path, help="folder that keeps the repeats (default: none is kept)")
    parser.add_argument("--keep", type=Path, metavar="CSV", help="add the repeats to a file, such as core/repeats.csv")
    asked = parser.parse_args(argv)

    root = asked.results.absolute().parent.parent
    cells = records(asked.table, asked.dataset, asked.method, asked.reading, asked.results)
    wanted = {reading: chosen(made, asked.seeds) for reading, made in cells.items()}
    took = sum(one.seconds for made in wanted.values() for one in made)
    print(f"{asked.table}, {asked.dataset}, {asked.method}: took {took / 60:.1f} min when it was recorded", flush=True)
    good = True
    with tempfile.TemporaryDirectory(prefix="kanrepro-") as temporary:
        work = (asked.work or Path(temporary)).absolute()
        for reading, made in wanted.items():
            pairs = [Pair(one, repeat(one, root, _folder(work, one.seed))) for one in made]
            lines, repeated = told(reading, pairs)
            print("\n".join(["", *lines]), flush=True)
            good &= repeated
            if asked.keep:
                keep([pair.as_repeat(root) for pair in pairs], asked.keep)
    if not good:
        raise SystemExit(1)


def _folder(work: Path, seed: int) -> Path:
    (work / str(seed)).mkdir(parents=True, exist_ok=True)
    return work / str(seed)


if __name__ == "__main__":
    cli(main)
