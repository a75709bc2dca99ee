"""What every document about a trained encoder says besides its findings: of what, from what, by what code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kanrepro.core import provenance
from kanrepro.core.files import sha256
from kanrepro.core.options import command_line


def origin(
    experiment: str, checkpoint: Path, meta: dict[str, Any], preset: str, argv: Sequence[str] | None
) -> dict[str, Any]:
    """The head of a document.

    Args:
        experiment: what the document is about, also the name of its stage below kanrepro.studies.
        checkpoint: the encoder's file, and `meta` its document.
        preset: that the document belongs to.
        argv: the stage's arguments; None: those of the process.
    """
    module = f"kanrepro.studies.{experiment}"
    return {
        "schema": 1,
        "experiment": experiment,
        **{key: meta[key] for key in ("dataset", "method", "reading", "seed")},
        "preset": preset,
        "checkpoint": {"path": str(checkpoint), "sha256": sha256(checkpoint)},
        "code": {"pretrain": meta["code"], "analysis": provenance.code_digest(module), **provenance.checkout()},
        "versions": provenance.versions(),
        "commands": [command_line(module, argv)],
    }
