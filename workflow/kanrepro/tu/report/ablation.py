"""Figure 4: accuracies of the six variants as grouped bars, one panel a reading (Khan-GCL, section 5.2)."""

import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from kanrepro.report.published import NOTHING, Printed, Published
from kanrepro.report.results import METHODS, MLP_METHODS, Cell, Results
from kanrepro.report.style import COLOURS, nothing
from kanrepro.report.wording import STAND_IN, short

# GraphCL and Khan-GCL are the two bars that Table 2 prints as numbers; the others are drawn but not printed
PRINTED_BARS = {"graphcl": "GraphCL", "khan_gcl": "Khan-GCL"}
PALE = ("rand_perturb", "wo_d_dims")  # bars that carry dark letters
WIDTH = 0.14  # of a bar; six make a group


@dataclass(frozen=True)
class Panels:
    """What is drawn: readings that have runs, data sets that have runs, and the axis that they share."""

    results: Results
    published: Published
    readings: tuple[str, ...]
    datasets: tuple[str, ...]
    stand_in: bool

    @classmethod
    def of(cls, results: Results, published: Published, datasets: Sequence[str], stand_in: bool) -> "Panels":
        ran = {(d, reading) for d, method, reading in results.cells if method in METHODS and reading != "own"}
        return cls(
            results,
            published,
            tuple(reading for reading in results.readings if any(reading == r for _, r in ran)),
            tuple(dataset for dataset in datasets if any(dataset == d for d, _ in ran)),
            stand_in,
        )

    def cells(self, reading: str) -> list[Cell]:
        """The cells of a panel's bars, those that exist."""
        found = (self.results.cell(d, m, reading) for d in self.datasets for m in METHODS)
        return [cell for cell in found if cell]

    def control(self, dataset: str, method: str, reading: str) -> Cell | None:
        """The untrained encoder of the kind that `method` trains, its batch norms calibrated."""
        return self.results.cell(dataset, "calibrated_mlp" if method in MLP_METHODS else "calibrated_kan", reading)

    def printed(self, dataset: str, method: str) -> Printed:
        name = None if self.stand_in else PRINTED_BARS.get(method)
        return self.published.cell(name, dataset) if name else NOTHING

    def limits(self) -> tuple[float, float]:
        """The axis in percent: multiples of 5 around everything that is drawn, with room for a bar's label."""
        low, high = math.inf, -math.inf
        for reading in self.readings:
            for dataset in self.datasets:
                for method in METHODS:
                    for cell in (self.results.cell(dataset, method, reading), self.control(dataset, method, reading)):
                        if cell:
                            low = min(low, cell.summary.mean - (cell.summary.std or 0))
                            high = max(high, cell.summary.mean + (cell.summary.std or 0))
                    printed = self.printed(dataset, method)
                    if printed.mean:
                        low, high = min(low, float(printed.mean)), max(high, float(printed.mean))
        return max(0.0, 5 * math.floor((low - 5) / 5)), min(100.0, 5 * math.ceil((high + 1) / 5))


def draw(results: Results, published: Published, datasets: Sequence[str], stand_in: bool) -> Figure:
    """The figure. Where nothing was run it says so instead of showing empty axes."""
    panels = Panels.of(results, published, datasets, stand_in)
    if not panels.readings:
        return nothing("Figure 4: none of the variants was run.")
    figure = Figure(figsize=(max(7.0, 1.5 + 1.55 * len(panels.datasets)), 2.9 * len(panels.readings) + 1.5))
    axes = figure.subplots(len(panels.readings), 1, squeeze=False, sharex=True)[:, 0]
    usual = Counter(len(cell.runs) for reading in panels.readings for cell in panels.cells(reading)).most_common()
    runs = min(count for count, times in usual if times == usual[0][1])
    for axis, reading in zip(axes, panels.readings, strict=True):
        _panel(axis, panels, reading, runs)
    width, height = figure.get_size_inches()
    figure.legend(handles=_legend(panels), loc="upper center", ncols=4, frameon=False, fontsize=8.5)
    note = "\n".join(textwrap.wrap(_note(panels, datasets, runs), int(width * 17.5)))
    figure.text(0.02, 0.01, note, fontsize=7.5, color="#444", va="bottom")
    lines = note.count("\n") + 1
    figure.subplots_adjust(
        left=0.75 / width,
        right=1 - 0.15 / width,
        top=1 - 0.85 / height,
        bottom=(0.42 + 0.14 * lines) / height,
        hspace=0.2,
    )
    return figure


def _panel(axis: Axes, panels: Panels, reading: str, runs: int) -> None:
    low, high = panels.limits()
    axis.set_ylim(low, high)
    for group, dataset in enumerate(panels.datasets):
        for place, method in enumerate(METHODS):
            x = group + (place - 2.5) * WIDTH
            _bar(axis, x, panels.results.cell(dataset, method, reading), method, runs)
            control = panels.control(dataset, method, reading)
            if control:
                y = control.summary.mean
                axis.plot(
                    [x - WIDTH / 2, x + WIDTH / 2], [y, y], color="black", lw=1.4, solid_capstyle="butt", zorder=4
                )
            printed = panels.printed(dataset, method)
            if printed.mean:
                axis.plot(x, float(printed.mean), marker="D", ms=4.5, mfc="white", mec="black", ls="none", zorder=5)
    axis.set_xticks(range(len(panels.datasets)), [short(dataset) for dataset in panels.datasets])
    axis.tick_params(axis="x", length=0)
    axis.set_xlim(-0.5, len(panels.datasets) - 0.5)
    axis.set_ylabel("SVM accuracy, %")
    axis.set_title(f"reading: {reading}", loc="left", fontsize=10)
    axis.grid(axis="y", color="#dddddd", lw=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def _bar(axis: Axes, x: float, cell: Cell | None, method: str, runs: int) -> None:
    """One bar with its error bar and value, or the words that it was not run."""
    low, high = axis.get_ylim()
    style: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "bottom", "fontsize": 6.5}
    base = low + 0.012 * (high - low)
    if cell is None:
        axis.text(x, base, "not run", color="#777", **style)
        return
    summary = cell.summary
    axis.bar(x, summary.mean - low, WIDTH * 0.92, bottom=low, color=COLOURS[method], zorder=2)
    if summary.std is not None:
        axis.errorbar(x, summary.mean, summary.std, color="#222", capsize=2, lw=0.9, zorder=3)
    text = f"{summary.mean:.1f}" + ("" if summary.n == runs else f"  n={summary.n}")
    axis.text(x, base, text, color="black" if method in PALE else "white", zorder=6, **style)


def _legend(panels: Panels) -> list[Patch | Line2D]:
    handles: list[Patch | Line2D] = [Patch(color=COLOURS[method], label=label) for method, label in METHODS.items()]
    handles.append(Line2D([], [], color="black", lw=1.4, label="untrained encoder, norms calibrated"))
    if not panels.stand_in:
        handles.append(
            Line2D([], [], marker="D", mfc="white", mec="black", ls="none", ms=4.5, label="printed (Table 2)")
        )
    return handles


def _note(panels: Panels, asked: Sequence[str], runs: int) -> str:
    low, _ = panels.limits()
    parts = [
        f"Bars: mean over {runs} run{'s' if runs != 1 else ''} (a bar with another number says n), value at the foot; "
        "error bars: ± one standard deviation (n\u00a0−\u00a01).",
        f"The axis starts at {low:g} %, not at zero: bars show differences, not ratios." if low else "",
    ]
    missing = [short(dataset) for dataset in asked if dataset not in panels.datasets]
    if missing:
        parts.append(f"Not run: {', '.join(missing)}.")
    if panels.stand_in:
        parts.append(STAND_IN)
    return " ".join(filter(None, parts))
