"""How far a run is, in a line a kind of job: what the terminal shows in place of a page about every job."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kanrepro.core.durations import duration

EVERY = 30.0  # seconds after which a kind that is not done gets a line, where lines cannot be written over


@dataclass
class Progress:
    """Counts the jobs of a run.

    Attributes:
        live: lines of a kind may be written over each other, as in a terminal.
        clock: gives seconds.
    """

    live: bool = False
    clock: Callable[[], float] = time.monotonic
    kinds: dict[int, str] = field(default_factory=dict)
    planned: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    began: float = 0.0
    said: float = 0.0

    def plan(self, counts: Mapping[str, int]) -> str:
        """Begin with so many jobs of each kind, `total` among them; gives a line."""
        self.planned = Counter({kind: count for kind, count in counts.items() if kind != "total"})
        self.began = self.said = self.clock()
        jobs, kinds = self.planned.total(), len(self.planned)
        return f"{jobs} job{'s' * (jobs != 1)} of {kinds} kind{'s' * (kinds != 1)}"

    def start(self, number: int, kind: str) -> None:
        """A job of this number begins."""
        self.kinds[number] = kind

    def finish(self, number: int) -> tuple[str, bool]:
        """A job has ended well: a line, empty where there is nothing to show, and whether it stays."""
        kind = self.kinds.get(number)
        if kind is None:
            return "", False
        self.done[kind] += 1
        whole, now = self.done[kind] >= self.planned[kind], self.clock()
        if not whole and not self.live and now - self.said < EVERY:
            return "", False
        self.said = now
        width, figures = max(map(len, self.planned), default=0), len(str(max(self.planned.values(), default=0)))
        of = f"{self.done[kind]:{figures}} of {self.planned[kind]:{figures}}"
        total = f"total {self.done.total()} of {self.planned.total()}"
        return f"  {kind:{width}}  {of}   {total}, {duration(now - self.began)}", whole or not self.live
