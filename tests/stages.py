"""Stages as processes of their own, to be killed: forked from a server that has loaded their modules, so at once."""

import importlib
import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

from kanrepro.core.errors import cli

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "kanrepro.tu.probe",
        "kanrepro.images.assess",
        "kanrepro.pretraining.pretrain",
        "kanrepro.images.classify",
        "kanrepro.tu.embed",
    ]
    + ["kanrepro.tu.prepare", "kanrepro.images.prepare", "kanrepro.molecules.shards"]
)


def start(module: str, *arguments: object, log: Path) -> BaseProcess:
    """`python -m MODULE ARGUMENTS > LOG 2>&1`, begun."""
    process = _CONTEXT.Process(target=_run, args=(module, [str(one) for one in arguments], log))
    process.start()
    return process


def finish(module: str, *arguments: object, log: Path) -> str:
    """The same, to its end; what it said.

    Raises:
        AssertionError: it failed.
    """
    process = start(module, *arguments, log=log)
    process.join()
    said = log.read_text()
    assert process.exitcode == 0, said
    return said


def _run(module: str, arguments: list[str], log: Path) -> None:
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    sys.argv = [module, *arguments]
    try:
        cli(importlib.import_module(module).main)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
