"""The jobs that Snakemake would run, read from what its dry run prints; nothing here imports Snakemake.

The dry run prints every job with its files, wildcards, resources and command, and at the end how many jobs each rule
has. The two are compared, so that a Snakemake that prints otherwise is noticed and never read wrongly.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kanrepro.core.costs import Job
from kanrepro.core.errors import UserError

_RULE = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):$")
_FIELD = re.compile(r"^    (\w+): (.*)$")
_COMMAND = "Shell command: "
_STATS = re.compile(r"^(\w+) +(\d+)$")
_BY_FILE = re.compile(r"(?<=--settings )@(\S+)")
_FAILURE = re.compile(r"^(\w*(?:Error|Exception))\b")


def jobs(targets: Sequence[str], options: Sequence[str], cores: int, folder: Path = Path()) -> list[Job]:
    """The jobs that `snakemake TARGETS` would run in `folder`, those of targets without a command included.

    Args:
        options: further options of Snakemake, such as --config preset=paper.

    Raises:
        UserError: no Snakefile or no Snakemake here, or a target or configuration that Snakemake refuses.
    """
    if not (folder / "Snakefile").is_file():
        raise UserError(f"{folder.resolve()} holds no Snakefile. Plan in the folder where you would run snakemake.")
    beside = str(Path(sys.executable).parent)
    program = shutil.which("snakemake", path=beside) or shutil.which("snakemake")
    if program is None:
        raise UserError("snakemake is not installed in this environment; `make setup` installs it in .venv.")
    asked = [program, *targets, "--dry-run", "--printshellcmds", "--nocolor", "--nolock", "--cores", str(cores)]
    # the jobs' code digests are computed while the Snakefile is read, by the kanrepro that is on the path there too
    path = os.pathsep.join([beside, os.environ.get("PATH", "")])
    done = subprocess.run(
        [*asked, *options], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    if done.returncode:
        raise UserError(f"Snakemake refuses to plan: {_reason(done.stdout + done.stderr)}")
    return [replace(job, command=job.command and _whole(job.command, folder)) for job in read(done.stdout)]


def _whole(command: str, folder: Path) -> str:
    """A command with its settings as they stand in the file that it names."""
    return _BY_FILE.sub(lambda found: shlex.quote((folder / found[1]).read_text(encoding="utf-8").strip()), command)


def _reason(text: str) -> str:
    """What a failed dry run says, in one line and without the places in its code."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if _FAILURE.match(line)), max(0, len(lines) - 3))
    said = [line.strip() for line in lines[start:] if line.strip() and not line.startswith(("  File ", "Using "))]
    return " ".join(said)


def read(text: str) -> list[Job]:
    """The jobs in the output of a dry run.

    Raises:
        RuntimeError: it is not laid out as Snakemake 9 does.
    """
    found, counted = [], Counter[str]()
    lines = iter(text.splitlines())
    for line in lines:
        if rule := _RULE.match(line):
            found.append(_job(rule[1], lines))
        elif line == "Job stats:":
            counted = _counts(lines)
    if Counter(job.rule for job in found) != counted:
        raise RuntimeError("what `snakemake --dry-run` prints is laid out in another way than Snakemake 9.27 does")
    return found


def _counts(lines: Any) -> Counter[str]:
    counted = Counter[str]()
    for line in lines:
        if match := _STATS.match(line):
            counted[match[1]] = int(match[2])
        elif not line.strip():
            break
    del counted["total"]
    return counted


def _job(rule: str, lines: Any) -> Job:
    """The job whose fields stand in the next lines, up to its command or an empty line."""
    fields: dict[str, str] = {}
    command = None
    for line in lines:
        if match := _FIELD.match(line):
            fields[match[1]] = match[2]
        elif line.startswith(_COMMAND):
            command = line.removeprefix(_COMMAND)
            break
        elif not line.strip():
            break
    return Job(
        rule=rule,
        number=int(fields.get("jobid", 0)),
        inputs=_list(fields.get("input")),
        outputs=_list(fields.get("output")),
        benchmark=fields.get("benchmark"),
        wildcards=_pairs(fields.get("wildcards")),
        threads=int(fields.get("threads", 1)),
        resources={name: float(value) for name, value in _pairs(fields.get("resources")).items() if _number(value)},
        command=None if command == "None" else command,
    )


def _list(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(", ")) if text else ()


def _pairs(text: str | None) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in _list(text) if "=" in pair)


def _number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None
