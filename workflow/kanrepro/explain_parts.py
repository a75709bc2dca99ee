"""What explanations of every kind of record say alike: files, code, commands, and how facts are laid out."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from kanrepro import provenance
from kanrepro.errors import UserError
from kanrepro.files import sha256

WIDTH = 10  # of the names at the left


class Named(Protocol):
    """A file as a record names it."""

    path: str
    sha256: str


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
            state = "unchanged" if sha256(path) == artefact.sha256 else "CHANGED since"
        except UserError:
            state = "DAMAGED since"
    return f"{artefact.path}, SHA-256 {artefact.sha256}, {state}"


def code_state(stage: str, recorded: str) -> str:
    """The digest of a stage's code in a record, and whether the code is still that."""
    now = provenance.code_digest(f"kanrepro.{stage}")
    return f"{stage} {recorded}, " + ("the same now" if now == recorded else f"DIFFERS from the code now ({now})")


def laid_out(path: Path, facts: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """A record's facts, (name, lines) each, as lines of text."""
    lines = [f"  record {path}"]
    for name, texts in facts:
        lines += [f"    {name if not i else '':{WIDTH}}{text}" for i, text in enumerate(texts)]
    return lines
