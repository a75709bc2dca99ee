"""Figure 5 as PNG and SVG, and what it shows as CSV.

Reads records of Khan-GCL: at the default those of Tables 2 and 1, around it those that kanrepro.tu.probe and
kanrepro.molecules.finetune write with `--experiment sensitivity`. Writes `<stem>.png` (150 dots an inch), `<stem>.svg`
and `<stem>.csv` (scores in percent). The same input gives the same bytes (with the same matplotlib), in any order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from kanrepro.core.errors import cli
from kanrepro.core.files import atomic
from kanrepro.core.parser import stage_parser
from kanrepro.report import published
from kanrepro.report.longform import UNDEFINED, to_csv
from kanrepro.report.make_figure import FIXED, write_figure
from kanrepro.report.published import Printed
from kanrepro.report.wording import relative, short
from kanrepro.studies.report import sensitivity, sensitivity_curves
from kanrepro.studies.report.sensitivity_curves import AVERAGE, Target
from kanrepro.studies.report.sensitivity_results import sensitivity_paths
from kanrepro.studies.sensitivity_settings import PARAMETERS
from kanrepro.tu import catalog

COLUMNS = (
    "figure", "preset", "target", "score", "sets", "reading", "parameter", "value", "default", "mean", "std", "runs",
    "seeds", "scores", "records",
)  # fmt: skip


@dataclass(frozen=True)
class SensitivityInputs:
    """Where the records are, and what was asked for: `datasets` on TU sets, `transfer` of transfer learning."""

    preset: str
    records: tuple[Path, ...] = ()
    transfer_records: tuple[Path, ...] = ()
    folder: Path | None = None  # records are looked for below it
    datasets: tuple[str, ...] = ()
    transfer: tuple[str, ...] = ()
    catalogs: tuple[Path, ...] = ()
    published: Path = published.FOLDER

    @cached_property
    def targets(self) -> list[Target]:
        """All that is watched. Raises UserError where a record is corrupt or does not belong."""
        graphs, molecules = sensitivity_paths(self.folder) if self.folder else ([], [])
        known = catalog.load(self.catalogs)
        stand_ins = frozenset(name for name, entry in known.items() if entry.demo)
        records, transfer = [*self.records, *graphs], [*self.transfer_records, *molecules]
        return sensitivity_curves.targets(records, transfer, self.preset, stand_ins, self.transfer)

    @property
    def printed(self) -> dict[str, Printed]:
        """What the paper prints for the default: of a set in Table 2, of the average over all eight sets in Table 1."""
        found = {}
        for target in (target for target in self.targets if not target.demo):
            average = target.name == AVERAGE
            if not average or set(target.sets) == set(published.MOLECULES):
                scores = published.read_scores("table1" if average else "table2", self.published)
                found[target.name] = scores.cell("Khan-GCL", target.name)
        return found

    @property
    def left_out(self) -> list[str]:
        """What was asked for and has no record beside the default."""
        there = {name for target in self.targets for name in target.sets}
        missing = [short(name) for name in (*self.datasets, *self.transfer) if name not in there]
        return [f"Not run: {', '.join(missing)}."] if missing else []


def build(inputs: SensitivityInputs) -> Figure:
    """The figure, not yet written. Raises UserError where a record is corrupt or does not belong."""
    with matplotlib.rc_context(FIXED):
        return sensitivity.draw(inputs.targets, inputs.printed, inputs.left_out)


def lines(inputs: SensitivityInputs, base: Path) -> Iterator[dict[str, str]]:
    """What the figure shows, a line a spot and curve. `base`: the folder that record paths are written relative to."""
    for target in inputs.targets:
        for reading in target.readings:
            for parameter in target.parameters:
                for spot in target.curve(reading, parameter):
                    summary, varied = spot.summary, PARAMETERS.index(parameter)
                    yield {
                        "figure": "figure5",
                        "preset": inputs.preset,
                        "target": target.name,
                        "score": "ROC-AUC" if target.name == AVERAGE else "accuracy",
                        "sets": ";".join(target.sets),
                        "reading": reading,
                        "parameter": parameter,
                        "value": f"{spot.point[varied]:g}",
                        "default": "yes" if spot.point == target.centre[reading] else "no",
                        "mean": f"{summary.mean:.4f}",
                        "std": UNDEFINED if summary.std is None else f"{summary.std:.4f}",
                        "runs": str(summary.n),
                        "seeds": ";".join(map(str, spot.scores)),
                        "scores": ";".join(f"{score:.4f}" for score in spot.scores.values()),
                        "records": ";".join(relative(run.path, base) for run in spot.runs),
                    }


def main(argv: Sequence[str] | None = None) -> None:
    """Make Figure 5: see `python -m kanrepro.studies.report.sensitivity_figure --help`."""
    parser = stage_parser("Draw Figure 5 from existing records, and write its numbers as CSV; nothing is trained.")
    parser.add_argument("--preset", required=True, help="preset of these records")
    parser.files("--records", "records of khan_gcl on TU sets, at the default and around it, in any order")
    parser.files("--transfer-records", "the same of transfer learning")
    parser.folder(
        "--records-from", "take those of FOLDER/sensitivity, and of their sets in FOLDER/tu and FOLDER/transfer"
    )
    parser.names("--datasets", "TU sets that were asked for")
    parser.names("--transfer", "sets to average over (default: all)")
    parser.files("--catalog", "own catalogue files")
    parser.folder("--published", "printed numbers", published.FOLDER)
    parser.file("--output-stem", "where to write, without suffix")
    given = parser.parse_args(argv)
    inputs = SensitivityInputs(
        given.preset, tuple(given.records), tuple(given.transfer_records), given.records_from, tuple(given.datasets),
        tuple(given.transfer), tuple(given.catalog), given.published,
    )  # fmt: skip
    table = given.output_stem.with_name(f"{given.output_stem.name}.csv")
    for path in write_figure(build(inputs), given.output_stem):
        print(path)
    with atomic(table) as temporary:
        temporary.write_text(to_csv(COLUMNS, lines(inputs, table.parent)), encoding="utf-8", newline="\n")
    print(table)


if __name__ == "__main__":
    cli(main)
