"""What a run leaves behind: one JSON document a machine, and the page that shows them all."""

import datetime
import importlib.metadata
import os
import re
from pathlib import Path
from typing import Any

from harness import Line

from kanrepro import provenance
from kanrepro.files import atomic, read_json, write_json

MODULES = ("kanrepro.pretrain", "kanrepro.svm")
PACKAGES = ("torch-geometric", "numba", "pykan")

HEAD = """# Benchmarks

Made by `python bench/run.py` (`make bench`); do not edit. `--only NAME` measures one part again and leaves the others as
they are; each part says when, on what code and beside which load it was measured.

How to read it: competitors run in turn in one process (A B A B ...), on {runs}. A ratio is that of the
fastest runs; under "fastest / median / spread" stand the milliseconds of each competitor, the spread being (slowest -
fastest) / median. A large spread means that the machine was busy. "Threads" are PyTorch's CPU threads. Targets
are those that the project set itself; a line without one is there to be known. Nothing here is asserted.
"""


def slug(hardware: str) -> str:
    """A machine's name as a file name."""
    return re.sub(r"[^a-z0-9]+", "-", hardware.lower()).strip("-")


def section(lines: list[Line], seconds: float, quick: bool, load: float) -> dict[str, Any]:
    """One benchmark's lines with all that they were made from; `load` is that of the machine before it."""
    commit, dirty = provenance.commit()
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": round(seconds, 1),
        "quick": quick,
        "load_before": round(load, 2),
        "commit": commit,
        "dirty": dirty,
        "code": {module: provenance.code_digest(module) for module in MODULES},
        "versions": versions(),
        "lines": [line.document() for line in lines],
    }


def versions() -> dict[str, str]:
    """Versions of everything that a time can depend on."""
    found = provenance.versions()
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def load_average() -> float:
    """Processes that wanted a core in the last minute; NaN where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def update(folder: Path, name: str, made: dict[str, Any]) -> Path:
    """Put one benchmark's section into the machine's document and make the page again."""
    hardware = provenance.hardware()
    path = folder / f"{slug(hardware)}.json"
    document = read_json(path) if path.exists() else {"machine": hardware, "sections": {}}
    document["sections"][name] = made
    write_json(path, document)
    pages = [HEAD.format(runs="real data where it says so")]
    pages += [page(read_json(other)) for other in sorted(folder.glob("*.json"))]
    with atomic(folder / "README.md") as temporary:
        temporary.write_text("\n".join(pages), encoding="utf-8")
    return path


def page(document: dict[str, Any]) -> str:
    """A machine's document as Markdown."""
    parts = [f"## {document['machine']}\n"]
    for name, made in document["sections"].items():
        parts += [f"### {name}\n", _origin(made), _table(made["lines"])]
    return "\n".join(parts)


def _origin(made: dict[str, Any]) -> str:
    commit = f"commit {made['commit'][:10]}" if made["commit"] else "no commit"
    changed = " with changes" if made["dirty"] else ""
    digests = ", ".join(f"{module} {digest}" for module, digest in made["code"].items())
    packages = ", ".join(f"{package} {version}" for package, version in made["versions"].items())
    quick = "**Quick run at small sizes: not a result.** " if made["quick"] else ""
    return (
        f"{quick}{made['date']}, {commit}{changed}, load before {made['load_before']}, {made['seconds']} s. "
        f"Code: {digests}. Versions: {packages}.\n"
    )


def _table(lines: list[dict[str, Any]]) -> str:
    rows = ["| what | threads | value | target | met | fastest / median / spread (ms, ms, %) | note |"]
    rows += ["|---|---|---|---|---|---|---|"]
    for line in lines:
        met = {None: "", True: "yes", False: "**no**"}[line["met"]]
        value = "-" if line["value"] is None else f"{line['value']:g} {line['unit']}".strip()
        times = "<br>".join(
            f"{name}: {t['least_ms']:g} / {t['median_ms']:g} / {100 * t['spread']:.0f}" for name, t in line["times"].items()
        )
        cells = [line["name"], line["threads"] or "", value, line["target"] or "", met, times, line["note"]]
        rows.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"
