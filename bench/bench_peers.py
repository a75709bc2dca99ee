"""KANLinear beside other fast KAN layers, forward and backward, at the widths of the experiments."""

from collections.abc import Iterator

import torch
from bench_kan import Size, linear_step, name_of, small_size, step_of
from harness import Effort, Line, fastest, judged, not_measured, ratio, side_by_side, threads
from layers import gaussian_layer, inkan_layer, recursion_layer

from kanrepro.kan import KANLinear

# rows, inputs, outputs; the target over a Linear of equal arithmetic, and that for inKAN, where there is one
SIZES: tuple[tuple[Size, str, str | None], ...] = (
    ((5000, 32, 32), "<= 0.9", ">= 3"),
    ((3000, 7, 32), "<= 1.6", None),
    ((5000, 110, 110), "<= 0.9", None),
)


def lines(effort: Effort) -> Iterator[Line]:
    """Ratios of the fastest of runs in turn; a peer that is not installed is named."""
    torch.manual_seed(0)
    for count in effort.threads:
        with threads(count):
            for size, target, over_inkan in SIZES:
                yield from _beside(small_size(size, effort), target, over_inkan, count, effort)


def _beside(size: Size, target: str, over_inkan: str | None, count: int, effort: Effort) -> Iterator[Line]:
    layer, name = KANLinear(*size[1:]), name_of(size)
    steps = {
        "KANLinear": step_of(layer, size),
        "Linear": linear_step(size),
        "recursion (as efficient-kan)": step_of(recursion_layer(layer), size),
        "Gaussians (as FastKAN)": step_of(gaussian_layer(layer), size),
    }
    try:
        steps["inKAN"] = step_of(inkan_layer(*size[1:]), size)
    except ImportError:
        yield not_measured(f"{name}, faster than inKAN", "inkan is not installed")
    times = side_by_side(steps, effort)
    yield fastest(name, times, "KANLinear", threads=count)
    over = f"{name}, over a Linear of equal arithmetic"
    yield ratio(over, times, "KANLinear", "Linear", judged(effort, target) if count == 1 else None, threads=count)
    for peer in list(steps)[2:]:
        wanted = over_inkan if peer == "inKAN" and count == 1 else None
        found = judged(effort, wanted) if wanted else None
        yield ratio(f"{name}, faster than {peer}", times, peer, "KANLinear", found, threads=count)
