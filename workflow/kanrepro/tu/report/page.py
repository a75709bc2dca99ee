"""The part of the page on TU sets: tables 2 to 4, provenance and cost."""

from argparse import Namespace
from pathlib import Path

from kanrepro.core.parser import Parser
from kanrepro.report import statistics, summary
from kanrepro.report.inputs import add_inputs
from kanrepro.report.part import Part
from kanrepro.report.wording import STAND_IN
from kanrepro.tu.report import table
from kanrepro.tu.report.inputs import TuInputs

# figure -> title and caption
CAPTIONS = {
    "figure4": (
        "Figure 4: ablation",
        "Accuracy of the six variants, one panel a reading; error bars are one standard deviation over runs, black "
        "lines the same encoder untrained, its batch norms calibrated by passes over the views.",
    ),
    "shares": (
        "Shares of splines",
        "What part of the variance of each KAN layer's output is the splines', beside the SiLU branch; black: before "
        "training.",
    ),
    "looks": (
        "What looking at the test folds gains",
        "Best of k evaluated epochs over one; `frozen` encoders went through a training at a rate of zero.",
    ),
    "hard-negatives": (
        "What hard negatives do",
        "Gradient of L_HN beside that of the same term without perturbation (alignment) and beside what is learned "
        "otherwise (strength); how far hard negatives lie from z (step, cosine).",
    ),
    "history": (
        "Training curves",
        "Loss and CKFI diagnostics over the epochs of pre-training: the mean over seeds, their range shaded; colour "
        "names the method, dashes the reading.",
    ),
}
READING = (
    "<b>Reading.</b> The paper leaves questions open. <code>literal</code> follows what it prints; "
    "<code>repaired</code> changes only what provably breaks; <code>own</code> is GraphCL with the habits of GraphCL's "
    "own code.",
    "<b>Controls.</b> An encoder that was never trained shows what training adds; shuffled labels show that the "
    "evaluation does not leak.",
)


def add_options(parser: Parser) -> None:
    """Add the options that `of` reads; preset, records and printed numbers are those of other families too."""
    add_inputs(parser)


def of(given: Namespace, base: Path) -> Part:
    """The part that the page's options name. Raises UserError as `part`."""
    return part(TuInputs.of(given), base, given.margin)


def part(inputs: TuInputs, base: Path, margin: float = statistics.MARGIN) -> Part:
    """The part. `base`: the folder that links to records start from.

    Raises:
        UserError: a corrupt record or description.
    """
    made = table.builder("table2", inputs, base, margin)
    records = [run.record for cell in made.results.cells.values() for run in cell.runs]
    sets = len(made.results.datasets)
    return Part(
        "tu",
        subject="Khan-GCL on graph data sets",
        said=f"{len(records)} records of {sets} data set{'' if sets == 1 else 's'}",
        records=len(records),
        seconds=summary.seconds(records),
        tables={name: table.build(name, inputs, base, margin)[0] for name in table.TABLES},
        provenance=summary.of_encoders("Records on TU sets", records, "SVM evaluation"),
        verdicts={} if made.stand_in else made.counts(),
        printed=not made.stand_in,
        warning=STAND_IN if made.stand_in else "",
        reading=READING,
    )
