"""A KAN layer's product by plain tensor operations: slower, but it can do all that PyTorch can.

It can be differentiated any number of times and in both directions, mapped by vmap, exported and compiled; the forms
with a backward pass of their own can be differentiated once. `product` in kanrepro.kan.products takes it by itself.
"""

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional

from kanrepro.kan.gaussian import Gaussians
from kanrepro.kan.spline import Grid


def needed(*tensors: Tensor) -> bool:
    """Whether nothing else will do: a compiler or tracer looks on, a transform is at work, or there is no storage."""
    return (
        torch.compiler.is_compiling()
        or torch._C._get_tracing_state() is not None  # torch.jit.trace
        or torch._C._are_functorch_transforms_active()  # vmap, jacrev, jvp
        or any(type(each) not in (Tensor, torch.nn.Parameter) or each.device.type == "meta" for each in tensors)
        or any(forward_ad.unpack_dual(each).tangent is not None for each in tensors)
    )


def expand(x: Tensor, grid: Grid | Gaussians, base: bool) -> Tensor:
    """x (N, I) to (N, K * I), or with SiLU ((N, (K + 1) * I)."""
    values = grid.values(x).movedim(-1, -2)  # (N, K, I)
    return (torch.cat([values, functional.silu(x).unsqueeze(-2)], dim=-2) if base else values).flatten(-2)


def product(x: Tensor, weight: Tensor, grid: Grid | Gaussians, dtype: torch.dtype) -> Tensor:
    """expand(x) @ weight in `dtype`: x (N, I), weight (K * I, O) or with SiLU ((K + 1) * I, O), to (N, O)."""
    base = weight.shape[0] > grid.bases * x.shape[1]
    return torch.mm(expand(x, grid, base).to(dtype), weight.to(dtype))


def gradients(
    inputs: tuple[Tensor, ...], wanted: tuple[bool, ...], output: Tensor, gradient: Tensor
) -> list[Tensor | None]:
    """The gradient of `output` to that of the `inputs` that are wanted, differentiable itself."""
    given = [each for each, needed in zip(inputs, wanted, strict=True) if needed]
    found = iter(torch.autograd.grad(output, given, gradient, create_graph=True))
    return [next(found) if needed else None for needed in wanted]
