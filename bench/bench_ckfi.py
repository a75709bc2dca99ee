"""CKFI scores in closed form, beside the paper's loop of one HOSVD an output."""

import time
from collections.abc import Iterator
from unittest import mock

import torch
from harness import Effort, Line, Times, fastest, judged, ratio, side_by_side, threads
from torch import Tensor

from kanrepro.contrast import ckfi

HANDFUL = 4  # outputs for which the loop is run on the large tensor


def lines(effort: Effort) -> Iterator[Line]:
    """Time, ratio and agreement; the loop in full on a small tensor, for a handful of outputs on the large one."""
    generator = torch.Generator().manual_seed(0)
    width = 48 if effort.quick else 300
    large = torch.randn(width, width, 8, generator=generator)
    name = f"CKFI scores of ({width}, {width}, 8)"
    note = f"loop extrapolated from {HANDFUL} of its {width} outputs, which all cost the same"
    for count in effort.threads:
        with threads(count):
            times = side_by_side({"closed form": lambda: ckfi.independent_scores(large)}, effort)
            times["loop"] = Times([_handful(large)[1] / HANDFUL * width for _ in range(3)])
        yield fastest(name, times, "closed form", target=judged(effort, "<= 50"), threads=count)
        target = judged(effort, ">= 1000")
        yield ratio(
            f"{name}, faster than the paper's loop", times, "loop", "closed form", target, threads=count, note=note
        )
    small = torch.randn(32, 32, 8, generator=generator)
    error = _difference(ckfi.independent_scores(small), ckfi.independent_scores_loop(small))
    yield Line("CKFI scores of (32, 32, 8), largest relative difference from the loop", error, "", "<= 1e-5")
    error = _difference(ckfi.independent_scores(large)[:HANDFUL], _handful(large)[0])
    note = f"over the first {HANDFUL} outputs"
    yield Line(f"{name}, largest relative difference from the loop", error, "", "<= 1e-5", note=note)


def _handful(tensor: Tensor) -> tuple[Tensor, float]:
    """The paper's own loop, stopped after HANDFUL outputs: their scores, and the seconds that they took."""
    with mock.patch.object(ckfi, "range", lambda outputs: range(min(outputs, HANDFUL)), create=True):
        start = time.perf_counter()
        scores = ckfi.independent_scores_loop(tensor)
        return scores, time.perf_counter() - start


def _difference(found: Tensor, wanted: Tensor) -> float:
    return float(((found - wanted).abs() / wanted.abs()).max())
