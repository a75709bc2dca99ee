"""What explanations of every kind of record say alike: files, code, commands, and how facts are laid out."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from kanrepro.core import provenance
from kanrepro.core.errors import UserError
from kanrepro.core.files import content_digest, sha256
from kanrepro.core.repeats import checked

WIDTH = 10  # of the names at the left
Measured = TypeVar("Measured")  # a record and where it lies


@dataclass(frozen=True)
class Question:
    """Which number is asked about. `results`: the folder of a preset, such as results/small.

    `method` and `reading` narrow it down, None means not given; `more` holds what a family's own options ask for.
    """

    table: str
    dataset: str
    method: str | None
    reading: str | None
    results: Path
    more: Mapping[str, str | None] = field(default_factory=dict)


class Named(Protocol):
    """A file as a record names it; `content`: its digest apart from what it says of its making, None in old records."""

    path: str
    sha256: str
    content: str | None


def snakemake_command(preset: str, *targets: str) -> str:
    """The one command that makes `targets` again, whether or not they exist."""
    # --config takes all words up to the next option, so the targets must not follow it
    return shlex.join(["snakemake", "--cores", "2", "--config", f"preset={preset}", "--force", *targets])


def file_state(artefact: Named, root: Path) -> str:
    """A file that a record names, and whether it is still the same below the folder `root`."""
    path = root / artefact.path
    if not path.is_file():
        state = "not here now"
    else:
        try:
            state = "unchanged" if sha256(path) == artefact.sha256 else _changed(artefact, path)
        except UserError:
            state = "DAMAGED since"
    return f"{artefact.path}, SHA-256 {artefact.sha256}, {state}"


def _changed(artefact: Named, path: Path) -> str:
    if artefact.content is None:
        return "another file now (the record keeps no digest of its content)"
    return "the same content in another file" if content_digest(path) == artefact.content else "CHANGED since"


def machine_state(hardware: str, device: str) -> str:
    """The machine of a record, and whether this one has the same processor."""
    here = provenance.hardware()
    if provenance.same_processor(hardware, here):
        return f"{hardware}; {device}, the same processor here"
    return f"{hardware}; {device}, ANOTHER than here ({here}): numbers move with it, see `kanrepro verify --help`"


def code_state(module: str, recorded: str, *more: str | Path) -> str:
    """The digest of a stage's code in a record, and whether the code is still that.

    Args:
        module: the stage's.
        more: what else counts: modules, files.
    """
    now, stage = provenance.code_digest(module, *more), module.rpartition(".")[2]
    if now == recorded:
        return f"{stage} {recorded}, the same now"
    return f"{stage} {recorded}, " + (checked(stage, recorded, now) or "DIFFERS from the code now") + f" ({now})"


def laid_out(path: Path, facts: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """A record's facts, (name, lines) each, as lines of text."""
    lines = [f"  record {path}"]
    for name, texts in facts:
        lines += [f"    {name if not i else '':{WIDTH}}{text}" for i, text in enumerate(texts)]
    return lines


def in_turn(
    runs: Iterable[Measured],
    settings_of: Callable[[Measured], dict[str, str]],
    lines_of: Callable[[Measured, Mapping[str, str], bool, Path], list[str]],
    results: Path,
) -> list[str]:
    """The lines of all runs; of settings each shows those that the run before did not have too.

    Args:
        settings_of: all settings of a run, as flat text.
        lines_of: a run's lines, given the settings to show and whether a run stands before it.
        results: the folder of a preset.
    """
    lines: list[str] = []
    before: dict[str, str] = {}
    for run in runs:
        settings = settings_of(run)
        own = {key: value for key, value in settings.items() if before.get(key) != value}
        lines += ["", *lines_of(run, own, bool(before), results)]
        before = settings
    return lines
