"""KAN layers to compare KANLinear with: the same function, written as others write it, and autograd for the slopes."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanrepro.kan import KANLinear, gaussian_basis
from kanrepro.kan.spline import bspline_basis, bspline_recursion

Bases = Callable[[Tensor], Tensor]


class Plain(nn.Module):
    """y = bases(x) @ C + silu(x) @ W with bases (N, I, K) in full and differentiated by autograd.

    With the recursion this is the layer that most KAN code has; the weights are those of a KANLinear, laid out once.
    """

    def __init__(self, layer: KANLinear, bases: Bases) -> None:
        super().__init__()
        self.bases = bases
        self.coefficients = nn.Parameter(layer.coefficients.detach().permute(1, 0, 2).flatten(1).clone())  # (O, I*K)
        assert layer.base_weight is not None
        self.base_weight = nn.Parameter(layer.base_weight.detach().T.clone())

    def forward(self, x: Tensor) -> Tensor:
        """(N, I) to (N, O)."""
        splines = functional.linear(self.bases(x).flatten(1), self.coefficients)
        return splines + functional.linear(functional.silu(x), self.base_weight)


def recursion_layer(layer: KANLinear) -> Plain:
    """The Cox-de Boor recursion with autograd."""
    return Plain(layer, bspline_recursion)


def closed_form_layer(layer: KANLinear) -> Plain:
    """The closed form with autograd: what is left when KANLinear's own forward and backward are taken away."""
    return Plain(layer, bspline_basis)


def gaussian_layer(layer: KANLinear) -> Plain:
    """Eight Gaussians an input with autograd: what FastKAN puts in the place of splines (without its LayerNorm)."""
    width = 2 / (layer.grid.bases - 1)
    return Plain(layer, lambda x: gaussian_basis(x, layer.grid.bases, (-1.0, 1.0), width))


def inkan_layer(inputs: int, outputs: int) -> nn.Module:
    """inKAN's layer, which has grid 5 and order 3 by itself.

    Raises:
        ImportError: inkan is not installed.
    """
    from inkan import KANLayer  # pyright: ignore[reportMissingImports]

    return KANLayer(inputs, outputs)


def pykan_layer(width: int) -> nn.Module:
    """pykan's layer with `width` inputs and outputs, grid 5, order 3.

    Raises:
        ImportError: pykan, or something that it needs, is not installed.
    """
    from kan.KANLayer import KANLayer  # pyright: ignore[reportMissingImports]

    return KANLayer(width, width, num=5, k=3)


def training_step(module: Callable[[Tensor], Tensor], x: Tensor, parameters: list[nn.Parameter]) -> Callable[[], None]:
    """A forward and a backward pass with gradients for x (which wants one) and for the parameters."""
    gradient: Tensor | None = None

    def step() -> None:
        nonlocal gradient
        x.grad = None
        for parameter in parameters:
            parameter.grad = None
        y = module(x)
        if gradient is None:
            gradient = torch.randn_like(y)
        y.backward(gradient)

    return step
