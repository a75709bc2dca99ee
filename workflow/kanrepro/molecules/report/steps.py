"""Table 6: seconds of a step of pre-training on the machine at hand, as ratios beside the printed one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kanrepro.molecules.record import MeasureRecord
from kanrepro.molecules.report.results import method_label
from kanrepro.report.document import Block, Document, Grid, Item, Records, Text
from kanrepro.report.wording import NOT_RUN, STAND_IN, relative

TITLE = "Table 6: seconds of a pre-training step"
COLUMNS = (
    "table", "preset", "method", "width", "batch_size", "device", "hardware", "threads", "seconds_printed",
    "ratio_printed", "seconds_median", "lower_quartile", "upper_quartile", "least", "most", "steps", "ratio_median",
    "records",
)  # fmt: skip
LEAD = (
    "A step draws the views of a batch, encodes, contrasts, goes back and updates the weights. Methods take their "
    "steps in turn, the first ones do not count, and the device is waited for before and after each. Ratio: to the "
    "median of GraphCL at the same width. Seconds of different machines cannot be compared; ratios can, with care: how "
    "a KAN compares with an MLP depends on what bounds the machine."
)
Printed = Mapping[str, tuple[str, str]]  # method -> seconds, hardware


def document(
    records: Mapping[Path, MeasureRecord], printed: Printed, preset: str, base: Path, stand_in: bool
) -> Document:
    """The whole table. `base`: the folder that record paths are written relative to."""
    blocks: list[Block] = [Text(f"Preset `{preset}`. {STAND_IN + ' ' if stand_in else ''}{LEAD}")]
    if not stand_in:
        rows = tuple(
            (Item(method), Item(hardware), Item(seconds), Item(ratio_printed(printed, method)))
            for method, (seconds, hardware) in printed.items()
        )
        blocks.append(Grid("Printed", ("Method", "Machine", "Seconds a step", "Ratio to GraphCL"), rows, heads=2))
    blocks += [_grid(path, record, base) for path, record in records.items()]
    if not records:
        blocks.append(Text("Measured: not run."))
    named = tuple((f"width {r.width}", ((path.name, relative(path, base)),)) for path, r in records.items())
    blocks.append(Records("Records behind each number", named))
    return Document(TITLE + (" (stand-in data sets)" if stand_in else ""), tuple(blocks))


def _grid(path: Path, record: MeasureRecord, base: Path) -> Grid:
    where = (relative(path, base),)
    rows = []
    for name, clock in record.methods.items():
        texts = [f"{clock.median:.4g}", f"{clock.lower_quartile:.4g} to {clock.upper_quartile:.4g}",
                 f"{clock.least:.4g} to {clock.most:.4g}", str(clock.steps), ratio(record, name)]  # fmt: skip
        rows.append((Item(method_label(name)), *(Item(text, records=where) for text in texts)))
    lead = (
        f"{record.cost.device if record.cost.device != 'cpu' else 'CPU'} ({record.cost.hardware}), "
        f"{record.threads} thread{'' if record.threads == 1 else 's'}; batches of {record.batch_size} molecules of "
        f"`{record.dataset}`."
    )
    header = ("Method", "Seconds a step, median", "quartiles", "all", "Steps", "Ratio to GraphCL")
    return Grid(f"Measured, width {record.width}", header, tuple(rows), heads=1, lead=lead)


def ratio(record: MeasureRecord, name: str) -> str:
    """The median of a method's steps as a multiple of GraphCL's."""
    under = next((clock.median for other, clock in record.methods.items() if other.startswith("graphcl/")), None)
    return f"{record.methods[name].median / under:.2f}" if under else "not defined"


def ratio_printed(printed: Printed, method: str) -> str:
    """The same of the printed seconds."""
    return f"{float(printed[method][0]) / float(printed['GraphCL'][0]):.2f}"


OURS = {"graphcl": "GraphCL", "khan_gcl": "Khan-GCL"}


def lines(
    records: Mapping[Path, MeasureRecord], printed: Printed, preset: str, base: Path, stand_in: bool
) -> list[dict[str, str]]:
    """The lines of the CSV: a printed method that is not measured, then each method of each record."""
    given: Printed = {} if stand_in else printed
    measured = {OURS.get(name.split("/")[0]) for record in records.values() for name in record.methods}
    found = [_line(preset, method, given, method) for method in given if method not in measured]
    for path, record in records.items():
        for name, clock in record.methods.items():
            found.append(
                _line(preset, name, given, OURS.get(name.split("/")[0]))
                | {
                    "width": str(record.width),
                    "batch_size": str(record.batch_size),
                    "device": record.cost.device,
                    "hardware": record.cost.hardware,
                    "threads": str(record.threads),
                    "seconds_median": f"{clock.median:.6g}",
                    "lower_quartile": f"{clock.lower_quartile:.6g}",
                    "upper_quartile": f"{clock.upper_quartile:.6g}",
                    "least": f"{clock.least:.6g}",
                    "most": f"{clock.most:.6g}",
                    "steps": str(clock.steps),
                    "ratio_median": ratio(record, name),
                    "records": relative(path, base),
                }
            )
    return found


def _line(preset: str, name: str, printed: Printed, method: str | None) -> dict[str, str]:
    line = {column: NOT_RUN for column in COLUMNS} | {"table": "table6", "preset": preset, "method": name}
    known = method is not None and method in printed
    line["seconds_printed"] = printed[method][0] if known else "not printed"  # type: ignore[index]
    line["ratio_printed"] = ratio_printed(printed, method) if known else "not printed"  # type: ignore[arg-type]
    return line


def stand_ins(records: Sequence[MeasureRecord]) -> bool:
    """Whether all records are of stand-in sets."""
    return bool(records) and all(record.demo for record in records)
