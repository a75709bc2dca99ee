"""What repeats of committed records showed: how far a number moves with the processor, and with the code's roundings.

A training is a long chain of sums. Another processor, or code that adds in another order, rounds the first of them
otherwise, and after some hundred steps the encoder is another one of the same kind. `repeats.csv` holds records that
were made twice; `kanrepro verify --keep` adds to it. Its two processors are one that was held to narrower vectors
(ATEN_CPU_CAPABILITY, NUMBA_CPU_NAME, MKL_ENABLE_INSTRUCTIONS, ONEDNN_MAX_CPU_ISA, OPENBLAS_CORETYPE) and the same
one that was not.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from math import hypot, sqrt
from pathlib import Path

from kanrepro.core.provenance import same_processor

FILE = Path(__file__).with_name("repeats.csv")
SPAN = 2.0  # a difference is expected within so many times the measured root of mean squares: 19 of 20


@dataclass(frozen=True)
class Repeat:
    """A record that was made twice.

    Attributes:
        set: the data set.
        code_then, code_now: digests by stage, `pretrain 91ba2d70d8fcf436 probe 2995b896998f3883`.
        then, now: scores in percent.
        same: whether all that was measured is the same to the last bit.
    """

    record: str
    set: str
    processor_then: str
    processor_now: str
    code_then: str
    code_now: str
    then: float
    now: float
    same: bool

    @property
    def moved(self) -> tuple[bool, bool]:
        """Whether (the processor, the code) is another one."""
        return not same_processor(self.processor_then, self.processor_now), self.code_then != self.code_now


@cache
def measured(path: Path = FILE) -> tuple[Repeat, ...]:
    """All repeats that are on file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return tuple(
            Repeat(**{**row, "then": float(row["then"]), "now": float(row["now"]), "same": row["same"] == "yes"})
            for row in csv.DictReader(stream)
        )


def keep(repeats: Sequence[Repeat], path: Path) -> None:
    """Add repeats to a file, which is begun where there is none."""
    new = not path.is_file()
    with path.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Repeat)], lineterminator="\n")
        if new:
            writer.writeheader()
        for one in repeats:
            writer.writerow({**asdict(one), "then": f"{one.then:.4f}", "now": f"{one.now:.4f}",
                             "same": "yes" if one.same else "no"})  # fmt: skip


@dataclass(frozen=True)
class Tolerance:
    """How far the mean of some runs is expected to move, in percentage points, and what that was measured on."""

    points: float
    source: str


def tolerance(processor: bool, code: bool, runs: int, repeats: Sequence[Repeat] | None = None) -> Tolerance | None:
    """The tolerance for the mean of `runs` runs where (the processor, the code) is another one.

    Where both are, both movements add as independent ones do. None where a movement was never measured.
    """
    known = measured() if repeats is None else repeats
    sources, total = [], 0.0
    for wanted, name in (((True, False), "another processor"), ((False, True), "other code")):
        if not (processor, code)[wanted.index(True)]:
            continue
        moves = [one.now - one.then for one in known if one.moved == wanted]
        if not moves:
            return None
        total = hypot(total, sqrt(sum(move**2 for move in moves) / len(moves)))
        sets = sorted({one.set for one in known if one.moved == wanted})
        sources.append(f"{len(moves)} records of {', '.join(sets)} on {name}")
    return Tolerance(SPAN * total / sqrt(runs), " and ".join(sources))


def checked(stage: str, recorded: str, now: str, repeats: Sequence[Repeat] | None = None) -> str:
    """What repeats on one processor say of a stage's code that is another one now; empty where there are none."""
    then, today = f"{stage} {recorded}", f"{stage} {now}"
    known = [one for one in (measured() if repeats is None else repeats) if one.moved == (False, True)]
    found = [one for one in known if then in one.code_then and today in one.code_now]
    if not found:
        return ""
    names = ", ".join(sorted({one.set for one in found}))
    if all(one.same for one in found):
        return f"equivalent code, checked on {len(found)} records of {names}"
    most = max(abs(one.now - one.then) for one in found)
    same = sum(one.same for one in found)
    others = f"{same} came out the same, others up to {most:.1f} points off"
    return f"rounds otherwise: of {len(found)} records of {names} {others}"


def digests(code: Mapping[str, str]) -> str:
    """Digests of the code of a record's stages as one text."""
    return " ".join(f"{stage} {digest}" for stage, digest in code.items())
