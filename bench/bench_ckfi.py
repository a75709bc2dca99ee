"""CKFI scores in closed form, beside the paper's loop of one HOSVD an output."""

import time
from collections.abc import Iterator
from unittest import mock

import torch
from harness import Effort, Line, Times, judged, ratio, side_by_side, threads
from torch import Tensor

from kanrepro.contrast import ckfi

HANDFUL = 4  # outputs for which the loop is run


def lines(effort: Effort) -> Iterator[Line]:
    """Time, ratio and agreement; the loop in full on a small tensor, for a handful of outputs on the large one."""
    generator = torch.Generator().manual_seed(0)
    width = 48 if effort.quick else 300
    large = torch.randn(width, width, 8, generator=generator)
    shape = f"({width}, {width}, 8)"
    loop: list[float] = []
    for count in (1, 2):
        with threads(count):
            times = side_by_side({"closed form": lambda: ckfi.independent_scores(large)}, effort)
            yield Line(
                f"CKFI scores of {shape}", 1e3 * times["closed form"].least, "ms", judged(effort, "<= 50"), count,
                times={"closed form": times["closed form"].summary()},
            )  # fmt: skip
            loop = [_handful(large)[1] for _ in range(2)]
            times["loop, an output"] = Times([seconds / HANDFUL for seconds in loop])
            whole = times | {"loop, extrapolated": Times([seconds / HANDFUL * width for seconds in loop])}
            note = f"loop extrapolated: {HANDFUL} of {width} outputs measured, each output costs the same"
            yield ratio(
                f"CKFI scores of {shape}, faster than the paper's loop", whole, "loop, extrapolated", "closed form",
                judged(effort, ">= 1000"), threads=count, note=note,
            )  # fmt: skip
    small = torch.randn(32, 32, 8, generator=generator)
    error = _difference(ckfi.independent_scores(small), ckfi.independent_scores_loop(small))
    yield Line("CKFI scores of (32, 32, 8), largest relative difference from the loop", error, "", "<= 1e-5")
    scores, _ = _handful(large)
    error = _difference(ckfi.independent_scores(large)[:HANDFUL], scores)
    note = f"of the first {HANDFUL} outputs"
    yield Line(f"CKFI scores of {shape}, largest relative difference from the loop", error, "", "<= 1e-5", note=note)


def _handful(tensor: Tensor) -> tuple[Tensor, float]:
    """The paper's own loop, stopped after HANDFUL outputs: their scores, and the seconds that they took."""
    with mock.patch.object(ckfi, "range", lambda outputs: range(min(outputs, HANDFUL)), create=True):
        start = time.perf_counter()
        scores = ckfi.independent_scores_loop(tensor)
        return scores, time.perf_counter() - start


def _difference(found: Tensor, wanted: Tensor) -> float:
    return float(((found - wanted).abs() / wanted.abs()).max())
