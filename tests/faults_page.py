"""The page of faults, made from the test run that tried them: pytest tests -m fault --faults docs/faults.md

A test of a fault is marked `fault(area, fault, done)`, and tells through the fixture `happened` what it saw.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

AREAS = (
    "Processes",
    "One writer",
    "Disks and clocks",
    "Damaged files",
    "Downloads",
    "Untrusted input",
    "Settings",
)
HEAD = """# Faults: what was done, and what happened

Made from a test run by `pytest tests -m fault --faults docs/faults.md`, which takes some minutes, and a root user for
the full and the read-only disk; not edited by hand. Each fault must end in the identical result after a rerun, or in
one clear message, and never in a wrong table. What to type after which: [recovery.md](recovery.md).
"""
_SEEN = pytest.StashKey["dict[tuple[str, str, str], Fault]"]()
_TOLD = pytest.StashKey["list[str]"]()


@dataclass
class Fault:
    """One fault: how its cases ended, and what they told."""

    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def row(self, fault: str, done: str) -> str:
        """A line of the table."""
        said = list(dict.fromkeys(self.told))
        shown = said[:8] + ([f"and {len(said) - 8} more, as clear"] if len(said) > 8 else [])
        ended = (
            ["**FAILED**"] * (self.failed > 0)
            + shown
            + [f"not tried here: {why}" for why in dict.fromkeys(self.skipped)]
        )
        cells = (fault, done, "<br>".join(ended), str(self.passed + self.failed))
        return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


@pytest.fixture
def happened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[object], None]]:
    """Tell the page what a fault led to; temporary folders are left out of it."""
    told: list[str] = request.node.stash.setdefault(_TOLD, [])

    def tell(text: object) -> None:
        told.append(str(text).replace(f"{tmp_path}/", "").replace(str(tmp_path), "the folder"))

    yield tell


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", type=Path, metavar="FILE", help="write the page of faults")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(area, fault, done): a fault that the page of faults tells of")
    config.stash[_SEEN] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    report = yield
    marker = item.get_closest_marker("fault")
    if marker and (report.when == "call" or not report.passed):
        fault = item.config.stash[_SEEN].setdefault(marker.args, Fault())
        fault.told += item.stash.get(_TOLD, [])
        if report.skipped:
            fault.skipped.append(str(report.longrepr[2]).removeprefix("Skipped: "))
        elif report.passed:
            fault.passed += 1
        else:
            fault.failed += 1
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    page = session.config.getoption("--faults")
    if page:
        page.write_text(text(session.config.stash[_SEEN]), encoding="utf-8")


def text(seen: dict[tuple[str, str, str], Fault]) -> str:
    """The page."""
    lines = [HEAD]
    for area in AREAS:
        rows = [found.row(fault, done) for (where, fault, done), found in seen.items() if where == area]
        if rows:
            lines += [f"## {area}\n", "| fault | what was done | what happened | cases |", "| :-- | :-- | :-- | --: |"]
            lines += [*rows, ""]
    return "\n".join(lines).rstrip() + "\n"
