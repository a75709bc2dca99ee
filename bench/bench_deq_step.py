"""A training step of DEQ-KAN's shipped map with vectorised layers, beside a module an edge as in the published code.

The map is stepped 25 times from z = 0, z + alpha (F(z) - z), F(z) = z + u + (z + u) + K(z + u), and differentiated
through all steps; K = KAN2(ReLU(KAN1(.))), ten Gaussians an edge, dropout on the inputs of both layers.
"""

import time
from collections.abc import Callable, Iterator

import torch
from harness import Effort, Line, Times, fastest, judged, ratio, side_by_side, threads
from torch import Tensor, nn

from kanrepro.kan import KANLinear

BATCH, WIDTH, STEPS = 16, 128, 25
KNOTS, ALPHA, DROPOUT = 10, 0.1, 0.2


class Edge(nn.Module):
    """One edge: a weighted sum of Gaussians of unit width, and a bias."""

    knots: Tensor

    def __init__(self, coefficients: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("knots", torch.linspace(-3, 3, len(coefficients)))
        self.coefficients, self.bias = nn.Parameter(coefficients.clone()), nn.Parameter(bias.clone())

    def forward(self, x: Tensor) -> Tensor:
        """(B,) to (B,)."""
        bases = torch.exp(-0.5 * (x[:, None] - self.knots) ** 2)
        return (bases * self.coefficients).sum(-1) + self.bias


class EdgeLayer(nn.Module):
    """The function of a KANLinear, as a Python loop over one module an edge."""

    def __init__(self, layer: KANLinear) -> None:
        super().__init__()
        assert layer.edge_bias is not None
        self.shape = layer.in_features, layer.out_features
        pairs = zip(layer.coefficients.detach().flatten(0, 1), layer.edge_bias.detach().flatten(), strict=True)
        self.edges = nn.ModuleList(Edge(coefficients, bias) for coefficients, bias in pairs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, I) to (B, O)."""
        inputs, outputs = self.shape
        columns = []
        for o in range(outputs):
            total = x.new_zeros(len(x))
            for i in range(inputs):
                total = total + self.edges[i * outputs + o](x[:, i])
            columns.append(total)
        return torch.stack(columns, dim=1)

    def bind(self) -> "EdgeLayer":
        """As KANLinear.bind, with nothing to prepare."""
        return self


class Unrolled(nn.Module):
    """The damped iteration, with fresh dropout masks in every step."""

    def __init__(self, first: KANLinear | EdgeLayer, second: KANLinear | EdgeLayer) -> None:
        super().__init__()
        self.first, self.second, self.drop = first, second, nn.Dropout(DROPOUT)

    def forward(self, u: Tensor, steps: int) -> Tensor:
        """u (B, D) to z (B, D)."""
        first, second = self.first.bind(), self.second.bind()
        z = torch.zeros_like(u)
        for _ in range(steps):
            inner = z + u
            image = inner + inner + second(self.drop(first(self.drop(inner)).relu()))
            z = z + ALPHA * (image - z)
        return z


def lines(effort: Effort) -> Iterator[Line]:
    """Time, ratio, agreement; the module-per-edge form for one of the 25 steps, on one thread."""
    width, steps = (8, 3) if effort.quick else (WIDTH, STEPS)
    torch.manual_seed(0)
    ours, theirs = both_forms(width)
    u = torch.randn(BATCH, width, requires_grad=True)
    step = _training_step(ours, u, steps)
    name = f"shipped DEQ-KAN map, {steps} steps unrolled, batch {BATCH}, {width} wide, forward and backward"
    for count in effort.threads:
        with threads(count):
            times = side_by_side({"vectorised": step}, effort)
        yield fastest(name, times, "vectorised", threads=count)
        if count == 1:
            with threads(1):
                single = _training_step(theirs, u, 1)
                times["module per edge"] = Times([_seconds(single) * steps for _ in range(2)])
            yield ratio(
                f"{name}, faster than a module an edge", times, "module per edge", "vectorised",
                judged(effort, ">= 500"), threads=1,
                note=f"module per edge: one step of {steps}, which all cost the same, times {steps}",
            )  # fmt: skip
    yield _agreement()


def both_forms(width: int) -> tuple["Unrolled", "Unrolled"]:
    """The same function twice: vectorised, and a module an edge."""
    first, second = _layer(width), _layer(width)
    return Unrolled(first, second), Unrolled(EdgeLayer(first), EdgeLayer(second))


def _layer(width: int) -> KANLinear:
    """Coefficients of size 1/100, as published."""
    made = KANLinear(
        width, width, KNOTS, grid_range=(-3.0, 3.0), base=False, coefficient_scale=0.01 * width**0.5,
        basis="gaussian", edge_bias=True,
    )  # fmt: skip
    assert made.edge_bias is not None
    nn.init.normal_(made.edge_bias, std=0.01)  # zero in the published code, which would hide a bias that is left out
    return made


def _training_step(model: Unrolled, u: Tensor, steps: int) -> Callable[[], None]:
    """Forward and backward through `steps` steps, with gradients for u and all parameters."""

    def step() -> None:
        u.grad = None
        model.zero_grad(set_to_none=True)
        model(u, steps).square().sum().backward()

    return step


def _agreement(width: int = 16, steps: int = 3) -> Line:
    """Without dropout, over outputs and the gradient of u."""
    u = torch.randn(BATCH, width, requires_grad=True)
    found = []
    for model in both_forms(width):
        z = model.eval()(u, steps)
        found.append(torch.cat([z.detach(), *torch.autograd.grad(z.square().sum(), u)]))
    error = float((found[0] - found[1]).abs().max() / found[1].abs().max())
    return Line(f"{steps} steps of both forms, {width} wide, largest relative difference", error, "", "<= 1e-5")


def _seconds(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
