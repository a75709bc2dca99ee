"""KANLinear as a user of PyTorch meets it: derivatives of any kind, transforms, export, compilers, dtypes, states."""

import copy
import io
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, hessian, jacrev, jvp, vmap

from kanrepro.kan import KAN, KANLinear, expansion, local

KINDS: list[dict[str, Any]] = [
    {},
    {"base": False},
    {"basis": "gaussian", "grid": 4, "edge_bias": True},
    {"order": 2},
]
MANY = 500  # rows: more than a block of the smallest size


@pytest.fixture(params=KINDS, ids=["cubic", "no base", "gaussian", "quadratic"])
def layer(request: pytest.FixtureRequest) -> KANLinear:
    return KANLinear(3, 2, generator=torch.Generator().manual_seed(0), **request.param)


def inputs(rows: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(rows, 3, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize("block", [1 << 20, 1], ids=["whole", "blocks"])
def test_gradcheck_and_gradgradcheck(layer: KANLinear, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "BLOCK_BYTES", {"cpu": block})
    monkeypatch.setattr(expansion, "LEAST_ROWS", 2)
    layer = layer.double()
    x = inputs(4, torch.float64).requires_grad_()
    names, weights = zip(*layer.named_parameters(), strict=True)

    def output(x: Tensor, *weights: Tensor) -> Tensor:
        return functional_call(layer, dict(zip(names, weights, strict=True)), (x,))

    assert torch.autograd.gradcheck(output, (x, *weights))
    assert torch.autograd.gradgradcheck(output, (x, *weights))


@pytest.mark.parametrize("rows", [7, MANY])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gradient_penalty_takes_effect_at_any_batch(
    layer: KANLinear, rows: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the sum of the outputs, whose gradient is a constant: what once_differentiable passes over in silence."""
    monkeypatch.setattr(expansion, "BLOCK_BYTES", {"cpu": 1})
    layer, x = layer.to(dtype), inputs(rows, dtype).requires_grad_()

    def penalty(y: Tensor) -> list[Tensor]:
        (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        return list(torch.autograd.grad(slope.square().sum(), [x, layer.coefficients]))

    found = penalty(layer(x))
    right = penalty(vmap(layer)(x))
    for one, other in zip(found, right, strict=True):
        assert float(other.abs().max()) > 0
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


def test_transforms_agree_with_autograd(layer: KANLinear) -> None:
    layer, x = layer.double(), inputs(6, torch.float64).requires_grad_()
    torch.testing.assert_close(vmap(layer)(x), layer(x))
    jacobian = torch.autograd.functional.jacobian(layer, x)
    torch.testing.assert_close(jacrev(layer)(x), jacobian)
    direction = torch.ones_like(x)
    y, tangent = jvp(layer, (x,), (direction,))[:2]
    torch.testing.assert_close(y, layer(x))
    torch.testing.assert_close(tangent, (jacobian * direction).sum((-2, -1)))
    bend = hessian(lambda x: layer(x).sum())(x)
    torch.testing.assert_close(bend, torch.autograd.functional.hessian(lambda x: layer(x).sum(), x))
    with torch.autograd.forward_ad.dual_level():
        dual = layer(torch.autograd.forward_ad.make_dual(x.detach(), direction))
        torch.testing.assert_close(torch.autograd.forward_ad.unpack_dual(dual).tangent, tangent)


@pytest.mark.parametrize("training", [True, False])
def test_export_gives_equal_values(layer: KANLinear, training: bool) -> None:
    layer.train(training)
    x = inputs(8)
    shapes = {"x": {0: torch.export.Dim("rows", min=2)}}
    program = torch.export.export(layer, (x,), dynamic_shapes=shapes).module()
    for rows in (8, MANY):
        torch.testing.assert_close(program(inputs(rows)), layer(inputs(rows)), rtol=1e-5, atol=1e-6)


def test_compiled_at_the_first_call_gives_equal_values_and_gradients(layer: KANLinear) -> None:
    """By a back end that needs no C++ compiler; what is traced is the same."""
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = inputs(MANY).requires_grad_()
    weights = [x, *layer.parameters()]
    found, right = compiled(x), layer(x)
    torch.testing.assert_close(found, right, rtol=1e-5, atol=1e-6)
    gradients = (torch.autograd.grad(y.square().sum(), weights) for y in (found, right))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


def test_one_dimension_and_many(layer: KANLinear) -> None:
    x = inputs(24)
    assert torch.equal(layer(x[0]), layer(x[:1])[0])
    assert layer(x.view(2, 3, 4, 3)).shape == (2, 3, 4, 2)
    assert layer(x[:0]).shape == (0, 2)


def test_a_wrong_width_is_told_by_its_numbers(layer: KANLinear) -> None:
    for x in (torch.zeros(6, 4), torch.zeros(9), torch.zeros(())):  # (9,) would make three rows of three
        with pytest.raises(ValueError, match="must be 3, the layer's in_features, not"):
            layer(x)


def test_mixed_dtypes_are_refused(layer: KANLinear) -> None:
    for x in (inputs(4, torch.float64), inputs(4, torch.bfloat16), torch.ones(4, 3, dtype=torch.long)):
        with pytest.raises(TypeError, match="weights torch.float32"):
            layer(x)
        with torch.autocast("cpu", torch.bfloat16):
            if x.is_floating_point():
                assert layer(x).dtype == torch.bfloat16


def test_device_and_dtype_are_those_asked_for(layer: KANLinear) -> None:
    made = KAN((3, 4, 2), dtype=torch.float64)
    assert made(inputs(5, torch.float64)).dtype == torch.float64
    empty = KANLinear(3, 2, device="meta", edge_bias=True)
    assert all(each.is_meta for each in [*empty.parameters(), *empty.buffers()])
    assert empty(torch.empty(7, 3, device="meta")).shape == (7, 2)
    real = empty.to_empty(device="cpu")
    real.reset_parameters(torch.Generator().manual_seed(4))
    same = KANLinear(3, 2, edge_bias=True, generator=torch.Generator().manual_seed(4))
    assert all(torch.equal(value, same.state_dict()[name]) for name, value in real.state_dict().items())


def test_a_state_of_another_grid_is_refused() -> None:
    made, file = KAN((3, 3, 2), grid=5, order=3), io.BytesIO()
    torch.save(made.state_dict(), file)
    file.seek(0)
    state = torch.load(file)
    for other in ({"grid": 6, "order": 2}, {"grid_range": (-3.0, 3.0)}, {"basis": "gaussian", "grid": 8}):
        with pytest.raises(RuntimeError, match=r"0.coefficients are of Grid\(size=5"):
            KAN((3, 3, 2), **other).load_state_dict(state)
    same = KAN((3, 3, 2), grid_range=(-1, 1))
    same.load_state_dict(copy.deepcopy(state))
    same.load_state_dict(dict(state))  # as safetensors has it: tensors alone
    assert list(state) == ["0.coefficients", "0.base_weight", "1.coefficients", "1.base_weight"]


def test_without_numba_all_that_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    kan, x = KANLinear(3, 2), inputs(MANY).requires_grad_()
    weights = [x, *kan.parameters()]
    right = torch.autograd.grad(kan(x).square().sum(), weights)
    monkeypatch.setattr(local, "native", None)
    for one, other in zip(torch.autograd.grad(kan(x).square().sum(), weights), right, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))
