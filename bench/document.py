"""What a run leaves behind: one JSON document a machine, and the page that shows them all."""

import datetime
import importlib.metadata
import os
import re
from pathlib import Path
from typing import Any

from harness import Line

from kanrepro.core import provenance
from kanrepro.core.files import atomic, read_json, write_json

MODULES = ("kanrepro.pretraining.pretrain", "kanrepro.tu.svm")
PACKAGES = ("torch-geometric", "numba", "pykan", "inkan")

HEAD = """# Benchmarks

Made by `make bench` (`python bench/run.py`); do not edit. `--only NAME` measures one part again and leaves the others
as they are: each part says when, on what code, and how many processes wanted a core before the run ("load").

How to read it. Competitors run in turn in one process, A B A B ..., and a ratio is that of their fastest runs, since
what slows a run down is not the code. Under "fastest / median / spread" stand milliseconds for each competitor; the
spread is (slowest - fastest) / median, and a large one means a busy machine. "Threads" are PyTorch's CPU threads. A
line without target is there to be known. The files `bench/bench_*.py` say what is compared with what.
"""


def slug(hardware: str) -> str:
    """A machine's name as a file name."""
    return re.sub(r"[^a-z0-9]+", "-", hardware.lower()).strip("-")


def section(lines: list[Line], seconds: float, quick: bool, load: float) -> dict[str, Any]:
    """One benchmark's lines with all that they were made from; `load` is that of the machine before the run."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": round(seconds, 1),
        "quick": quick,
        "load_before": round(load, 2),
        **provenance.checkout(),
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
    pages = [HEAD, *(page(read_json(other)) for other in sorted(folder.glob("*.json")))]
    with atomic(folder / "README.md") as temporary:
        temporary.write_text("\n".join(pages), encoding="utf-8")
    return path


def page(document: dict[str, Any]) -> str:
    """A machine's document as Markdown; code and versions stand where they differ from those of the part before."""
    parts, before = [f"## {document['machine']}\n"], ""
    for name, made in document["sections"].items():
        made_with = _made_with(made)
        parts += [
            f"### {name}\n",
            _circumstances(made),
            "" if made_with == before else made_with,
            _table(made["lines"]),
        ]
        before = made_with
    return "\n".join(filter(None, parts))


def _circumstances(made: dict[str, Any]) -> str:
    commit = f"commit {made['commit'][:10]}" if made["commit"] else "no commit"
    changed = " with changes" if made["dirty"] else ""
    quick = "**Quick run at small sizes: not a result.** " if made["quick"] else ""
    return f"{quick}{made['date']}, {commit}{changed}, load before {made['load_before']}, {made['seconds']} s.\n"


def _made_with(made: dict[str, Any]) -> str:
    digests = ", ".join(f"{module} {digest}" for module, digest in made["code"].items())
    packages = ", ".join(f"{package} {version}" for package, version in made["versions"].items())
    return f"Code: {digests}. Versions: {packages}.\n"


def _table(lines: list[dict[str, Any]]) -> str:
    rows = ["| what | threads | value | target | met | fastest / median / spread (ms, ms, %) | note |"]
    rows += ["|---|---|---|---|---|---|---|"]
    for line in lines:
        met = {None: "", True: "yes", False: "**no**"}[line["met"]]
        value = "-" if line["value"] is None else f"{line['value']:g} {line['unit']}".strip()
        times = "<br>".join(
            f"{name}: {t['least_ms']:g} / {t['median_ms']:g} / {100 * t['spread']:.0f}"
            for name, t in line["times"].items()
        )
        cells = [line["name"], line["threads"] or "", value, line["target"] or "", met, times, line["note"]]
        rows.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"
