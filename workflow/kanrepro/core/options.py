"""Options that several stages share."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from kanrepro.core import provenance
from kanrepro.core.errors import UserError
from kanrepro.core.parser import Parser, expanded
from kanrepro.core.parts import Part, validate

Settings = TypeVar("Settings", bound=Part)


def add_run_options(
    parser: Parser,
    made: str = "record",
    settings: type[Part] | None = None,
    device: str | None = "auto",
) -> None:
    """Add --preset, --threads and, where they are named, --settings and --device.

    Args:
        made: what carries the preset's name.
        settings: whose keys --settings changes.
        device: the default.
    """
    if settings:
        parser.add_argument("--settings", default="{}", help=f"JSON or a file of it: {settings.__name__} to change")
    parser.add_argument("--preset", default="by-hand", help=f"name that the {made} will carry (default: by-hand)")
    if device:
        parser.add_argument("--device", default=device, help=f"auto, cpu, cuda or cuda:N (default: {device})")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")


def command_line(module: str, argv: Sequence[str] | None) -> str:
    """The line that runs a module again as it was run; `argv` None: by the process's own arguments.

    It holds what files of arguments said, which need not outlive the run.
    """
    return shlex.join(["python", "-m", module, *expanded(sys.argv[1:] if argv is None else argv)])


def made_by(module: str, argv: Sequence[str] | None) -> dict[str, Any]:
    """What a document says of the stage that wrote it: code, versions, hardware, command."""
    return {
        "code": {module.rpartition(".")[2]: provenance.code_digest(module), **provenance.checkout()},
        "versions": provenance.versions(),
        "hardware": provenance.hardware(),
        "commands": [command_line(module, argv)],
    }


def given_settings(model: type[Settings], text: str) -> Settings:
    """What --settings changes in the defaults of a `model`. Raises UserError as `read_object` and `validate`."""
    return validate(model, read_object(text), "--settings")


def read_object(text: str, option: str = "--settings") -> dict[str, Any]:
    """A JSON object, given as it stands or as the path of a file.

    Raises:
        UserError: neither.
    """
    try:
        content = json.loads(text if text.lstrip().startswith("{") else Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{option} {text}: neither a JSON object nor a readable file ({error.strerror}).") from error
    except ValueError as error:
        raise UserError(f"{option}: not valid JSON ({error}).") from error
    if not isinstance(content, dict):
        raise UserError(f"{option}: expected a JSON object, got {type(content).__name__}.")
    return content


def check_threads(threads: int) -> None:
    """Raise a UserError unless there is a thread to work with."""
    if threads < 1:
        raise UserError(f"--threads is {threads}, but at least 1 is needed.")


def check_seeds(seeds: Sequence[int], output: str) -> None:
    """Raise a UserError where a seed is negative or given twice, or several would be written into one file."""
    for seed in seeds:
        if seed < 0 or list(seeds).count(seed) > 1:
            raise UserError(f"--seeds {' '.join(map(str, seeds))}: give each seed once, from 0 on.")
    if len(seeds) > 1 and "{seed}" not in output:
        raise UserError(f"--output {output}: {len(seeds)} seeds need a name with {{seed}} in it.")
