"""Residual against iteration: the forms of the map, as initialised and trained, from the files of `trace`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pydantic
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kanrepro.images.report.style import COLOURS, SOLID, stand_in_note
from kanrepro.images.variants import LABELS
from kanrepro.report.origin import About, read_document
from kanrepro.report.style import legend, missing, note, nothing, plain

# the model whose colour a form has where a trace names none of the comparison
MODEL_OF = {"shipped": "deq_kan_shipped", "repaired": "deq_kan", "certified": "deq_kan_certified"}
ROWS = {False: "as initialised", True: "trained"}
SOLVERS = {"damped": ("damped iteration", SOLID), "anderson": ("Anderson", (0, (3, 1.2)))}
BOUND = (0, (1, 1.2))
NOTE = (
    "Distance |F(z) − z| over that of the first iteration, of test images: median, shaded from the 10th to the 90th "
    "percentile. Dots: what the certified map promises, its bound to the power of the iterations done. A line ends "
    "where the distance is zero or no longer finite; below about 1e-6 single precision has no digits left."
)


class Trace(pydantic.BaseModel):
    """The residuals of one map by iteration (K,), over images; None where not finite."""

    model_config = pydantic.ConfigDict(extra="ignore")
    model: str
    form: Literal["shipped", "repaired", "certified"]
    trained: bool
    solver: Literal["damped", "anderson"]
    residual_median: list[float | None]
    residual_low: list[float | None]
    residual_high: list[float | None]
    rate: float | None = None
    bound: float | None = None

    @property
    def shown(self) -> str:
        """The model whose colour and name the line has."""
        return self.model if self.model in COLOURS else MODEL_OF[self.form]


class Traces(About):
    """A file of kanrepro.images.trace."""

    dataset: str
    traces: list[Trace]


def read(path: Path, preset: str) -> Traces:
    """Read one file. Raises UserError where it is corrupt, something else, or of another preset."""
    return read_document(path, Traces, "trace", preset)


def draw(files: Iterable[Traces], datasets: Sequence[str], demo: Iterable[str] = ()) -> Figure:
    """The figure: initialised and trained maps down, data sets across. `demo`: the data sets that are stand-ins."""
    traces: dict[str, list[Trace]] = {}
    for file in files:
        traces.setdefault(file.dataset, []).extend(file.traces)
    columns = [dataset for dataset in datasets if traces.get(dataset)]
    if not columns:
        return nothing("Residuals: nothing was traced.")
    rows = [trained for trained in ROWS if any(t.trained == trained for d in columns for t in traces[d])]
    figure = Figure(figsize=(max(7.0, 0.8 + 3.3 * len(columns)), 1.5 + 2.7 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), len(columns), squeeze=False, sharex=True, sharey=True)
    for row, trained in enumerate(rows):
        for column, dataset in enumerate(columns):
            _panel(axes[row, column], [trace for trace in traces[dataset] if trace.trained == trained])
        axes[row, 0].set_ylabel(f"{ROWS[trained]}\nresidual", fontsize=9)
    for column, dataset in enumerate(columns):
        axes[0, column].set_title(f"{dataset} (stand-in)" if dataset in set(demo) else dataset, fontsize=10)
        axes[-1, column].set_xlabel("iteration")
    drawn = [trace for dataset in columns for trace in traces[dataset]]
    legend(figure, _entries(drawn))
    note(figure, f"{NOTE} {stand_in_note(columns, demo)}")
    return figure


def _panel(axis: Axes, traces: Sequence[Trace]) -> None:
    plain(axis)
    for trace in sorted(traces, key=lambda t: (t.shown, t.solver, t.residual_median[:1])):
        median, low, high = map(_values, (trace.residual_median, trace.residual_low, trace.residual_high))
        steps = np.arange(1, len(median) + 1)
        colour = COLOURS[trace.shown]
        axis.plot(steps, median, color=colour, ls=SOLVERS[trace.solver][1], lw=1.3)
        both = np.isfinite(low) & np.isfinite(high)
        axis.fill_between(steps, low, high, where=both, color=colour, alpha=0.13, lw=0)
        if trace.bound is not None and trace.solver == "damped" and np.isfinite(median[:1]).all():
            axis.plot(steps, median[0] * trace.bound ** (steps - 1), color=colour, ls=BOUND, lw=1.1)
    if not traces:
        missing(axis, "not traced")
        return
    axis.set_yscale("log")


def _values(found: Sequence[float | None]) -> np.ndarray:
    """Residuals as floats; what is undefined or zero, which a logarithmic axis cannot show, as NaN."""
    values = np.array([np.nan if value is None else value for value in found], float)
    return np.where(values > 0, values, np.nan)


def _entries(drawn: Sequence[Trace]) -> list[Line2D]:
    models = [model for model in COLOURS if any(trace.shown == model for trace in drawn)]
    entries = [Line2D([], [], color=COLOURS[model], lw=1.6, label=LABELS[model]) for model in models]
    for solver, (label, dashes) in SOLVERS.items():
        if any(trace.solver == solver for trace in drawn):
            entries.append(Line2D([], [], color="#444444", ls=dashes, lw=1.4, label=label))
    if any(trace.bound is not None for trace in drawn):
        entries.append(Line2D([], [], color="#444444", ls=BOUND, lw=1.4, label="certified bound"))
    return entries
