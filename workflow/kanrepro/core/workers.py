"""Several processes at work on many things, whose results come in order; the death of one ends the work, with a word.

(A `multiprocessing.Pool` would wait for ever for the result of a worker that the kernel killed for want of memory.)
"""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from kanrepro.core.errors import UserError

T = TypeVar("T")
R = TypeVar("R")


class Apply(Protocol):
    """Applies a function to many things, as `map` does."""

    def __call__(self, function: Callable[[T], R], things: Iterable[T], /) -> Iterator[R]: ...


@contextmanager
def workers(processes: int, begin: Callable[[], None] | None = None) -> Iterator[Apply]:
    """What applies a function to many things, in order: this process, or so many others.

    Args:
        begin: is called once in each of the others.

    Raises:
        UserError: one of them died.
    """
    if processes == 1:
        yield map
        return
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin, (begin,))

    def apply(function: Callable[[Any], Any], things: Iterable[Any]) -> Iterator[Any]:
        waiting: deque[Future[Any]] = deque()
        for thing in things:
            waiting.append(pool.submit(function, thing))
            if len(waiting) > 2 * processes:  # enough to keep all of them busy, and few to hold in memory
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    try:
        yield apply
    except BrokenProcessPool:
        raise UserError(
            f"one of {processes} processes was killed, perhaps for want of memory. Run the same command again, which "
            "goes on from what is finished, or with fewer processes."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(begin: Callable[[], None] | None) -> None:
    """In a new process: end with the one that started it, however that ends, and not wait for it for ever."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin:
        begin()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
