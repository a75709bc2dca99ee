"""A record's own commands run again, in another folder, with the code of today."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kanrepro.compare.asked import Made
from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json
from kanrepro.core.former import today

MADE = ("--output", "--states")  # options that name what a command writes
# facts about a run that are not what it measured
BESIDE = {"cost", "code", "versions", "commands", "command", "settings", "preset", "own_method", "checkpoint", "data"}
BESIDE |= {"folds", "split_file"}


def repeat(record: Made, root: Path, work: Path) -> Made:
    """The record made again below `work`.

    Args:
        root: the folder that the record's paths are relative to; what its commands read lies there, or is made there.
        work: takes what they write, the logs too.

    Raises:
        UserError: a command fails, or what it reads is not here and no rule makes it.
    """
    lines = [words_of(line) for line in record.content.get("commands", ())]
    if not lines:
        raise UserError(f"{record.path} holds no commands, so it cannot be made again.")
    made = {_value(words, option) for words in lines for option in MADE if _value(words, option)}
    needed = {word for words in lines for word in words[3:] if word.startswith(("resources/", "results/"))}
    needed = {path for path in needed if not any(path == out or path.startswith(f"{out}/") for out in made)}
    _provide(sorted(needed), str(record.content["preset"]), root)
    for path in needed:
        if path.startswith("results/"):
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, work / path)
    for number, words in enumerate(lines):
        _run([str(work / word) if word.startswith("results/") else word for word in words], root, work, number)
    output = work / _value(lines[-1], "--output").replace("{seed}", str(record.seed))
    return Made(output, read_json(output), record.kind)


def words_of(line: str) -> list[str]:
    """The words of a record's command, with the module's name of today."""
    return shlex.split(today(line))


def _value(words: Sequence[str], option: str) -> str:
    return words[words.index(option) + 1] if option in words else ""


def _provide(paths: Sequence[str], preset: str, root: Path) -> None:
    """Make what is not here by the workflow's own rules: archives fetched, sets prepared, folds drawn."""
    missing = [path for path in paths if not (root / path).exists()]
    if not missing:
        return
    if not (root / "Snakefile").is_file():
        raise UserError(f"{missing[0]} is not here, and {root} holds no Snakefile that could make it.")
    print(f"making {', '.join(missing)}", file=sys.stderr)
    command = [sys.executable, "-m", "snakemake", "--quiet", "all", "--cores", "1", *missing]
    _call([*command, "--config", f"preset={preset}"], root, None, f"{missing[0]} cannot be made")


def _run(words: Sequence[str], root: Path, work: Path, number: int) -> None:
    log = work / f"{number}.log"
    _call([sys.executable, *words[1:]], root, log, f"{' '.join(words[:3])} failed, see {log}")


def _call(words: Sequence[str], root: Path, log: Path | None, failure: str) -> None:
    package = str(Path(__file__).resolve().parents[2])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))}
    done = subprocess.run(words, cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if log:
        log.write_text(done.stdout, encoding="utf-8")
    if done.returncode:
        said = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"{failure}: {said}")


def same(then: Any, now: Any) -> bool:
    """Whether all that two records both measured is equal; what one of them alone tells is not compared."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        keys = {key for key in then.keys() & now.keys() if not (key in BESIDE or key.endswith(("sha256", "seconds")))}
        return all(same(then[key], now[key]) for key in keys)
    return bool(then == now)
