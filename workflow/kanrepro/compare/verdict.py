"""Old and new beside each other, what may lie between them, and whether that is a repeat."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from kanrepro.compare.asked import Made
from kanrepro.compare.repeat import same
from kanrepro.core.provenance import same_processor
from kanrepro.core.repeats import Repeat, digests, tolerance
from kanrepro.report.wording import relative, signed


@dataclass(frozen=True)
class Pair:
    """A record and the one that was made again."""

    then: Made
    now: Made

    @property
    def same(self) -> bool:
        """Whether all that was measured is the same to the last bit."""
        return self.then.score == self.now.score and same(self.then.content, self.now.content)

    @property
    def moved(self) -> tuple[bool, bool]:
        """Whether (the processor, the code) is another one."""
        then, now = (one.content["cost"]["hardware"] for one in (self.then, self.now))
        return not same_processor(then, now), self.then.code() != self.now.code()

    def as_repeat(self, root: Path) -> Repeat:
        """As it is kept on file; the record's path is relative to `root`."""
        then, now = self.then, self.now
        return Repeat(
            relative(then.path.absolute(), root), str(then.content["dataset"]),
            then.content["cost"]["hardware"], now.content["cost"]["hardware"],
            digests(then.code()), digests(now.code()), then.score, now.score, self.same,
        )  # fmt: skip


def told(reading: str, pairs: Sequence[Pair]) -> tuple[list[str], bool]:
    """The comparison as lines of text, and whether the number was repeated; without a tolerance that is not known.

    Args:
        pairs: of one reading, one for each seed, at least one.
    """
    lines = [f"{reading or 'runs'}", f"  {'seed':<6}{'record':>8}{'now':>9}{'difference':>13}"]
    for pair in pairs:
        gap = "the same" if pair.same else signed(pair.now.score - pair.then.score)
        lines.append(f"  {pair.then.seed:<6}{pair.then.score:>8.2f}{pair.now.score:>9.2f}{gap:>13}")
    then, now = (fmean(one.score for one in column) for column in zip(*((p.then, p.now) for p in pairs), strict=True))
    processor, code = (any(kind) for kind in zip(*(pair.moved for pair in pairs), strict=True))
    expected = tolerance(processor, code, len(pairs))
    between = f"within ±{expected.points:.2f} expected" if expected and (processor or code) else ""
    lines.append(f"  {'mean':<6}{then:>8.2f}{now:>9.2f}{signed(now - then):>13}  {between}".rstrip())
    first = pairs[0]
    lines.append(f"  processor: {_both(first.then.content['cost']['hardware'], first.now.content['cost']['hardware'])}")
    lines.append(f"  code: {_both(digests(first.then.code()), digests(first.now.code()))}")
    verdict, good = _verdict(pairs, processor, code, now - then)
    return [*lines, f"  verdict: {verdict}"], good


def _both(then: str, now: str) -> str:
    return f"{then}, the same now" if then == now else f"{then}; now {now}"


def _verdict(pairs: Sequence[Pair], processor: bool, code: bool, gap: float) -> tuple[str, bool]:
    if all(pair.same for pair in pairs):
        return "repeated, to the last bit", True
    if not processor and not code:
        return "NOT repeated: the same processor and code must give the same bytes", False
    why = " and ".join(name for moved, name in ((processor, "another processor"), (code, "other code")) if moved)
    expected = tolerance(processor, code, len(pairs))
    if expected is None:
        return f"not decided: {why}, and no repeat on file says how far that moves a number", True
    if abs(gap) <= expected.points:
        return f"repeated, within what {why} moves a number (measured on {expected.source})", True
    return f"NOT repeated: further off than {why} moves a number (measured on {expected.source})", False
