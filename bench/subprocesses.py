"""What runs in a process of its own."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 3600.0  # seconds


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command at the root of the checkout and keep what it prints."""
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
    )


def python(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run this Python."""
    return run([sys.executable, *arguments])


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """The last thing that a process said, which names its error."""
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return said[-1] if said else f"exit code {done.returncode}"
