"""The head: shipped form beside a loop over edges, repaired one beside its formula, certified one beside its proof."""

import math
from functools import partial
from typing import Any

import hypothesis
import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from kanrepro.core.errors import UserError
from kanrepro.images.settings import ImageSettings
from kanrepro.images.variants import IMAGE_MODELS
from kanrepro.kan import KANLinear
from kanrepro.models.classifier_settings import HeadSettings
from kanrepro.models.deq import EquilibriumHead, steps_in_advance

WIDTH = 4
SOLVED: dict[str, Any] = {"solver": {"tolerance": 1e-12, "max_steps": 300}}


def settings(**changes: Any) -> HeadSettings:
    """Width 4; coefficients of 0.3, so that a core of this size does something."""
    basis = {"coefficient_scale": 0.3, **changes.pop("basis", {})}
    return HeadSettings.model_validate({"hidden": WIDTH, "basis": basis, **changes})


def build(seed: int = 0, **changes: Any) -> EquilibriumHead:
    """In float64, with biases that are not zero."""
    generator = torch.Generator().manual_seed(seed)
    head = EquilibriumHead(settings(**changes), generator).double()
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            if "bias" in name:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return head.eval()


def inputs(samples: int = 5, seed: int = 1, width: int = WIDTH) -> Tensor:
    return torch.randn(samples, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# shipped


def edge_by_edge(layer: KANLinear, x: Tensor) -> Tensor:
    """A KAN layer as DEQ-KAN's code computes it: one function an edge, in Python loops."""
    assert layer.edge_bias is not None
    outputs = []
    for o in range(layer.out_features):
        total = torch.zeros(len(x), dtype=x.dtype)
        for i in range(layer.in_features):
            for k in range(10):
                knot = -3 + 6 * k / 9
                total = total + layer.coefficients[i, o, k] * torch.exp(-0.5 * (x[:, i] - knot) ** 2)
            total = total + layer.edge_bias[i, o]
        outputs.append(total)
    return torch.stack(outputs, dim=1)


def as_shipped(head: EquilibriumHead, u: Tensor, alpha: float, tolerance: float, dropout: float) -> tuple[Tensor, int]:
    """What DEQ-KAN's code does with u, and in how many steps: dropout drawn anew wherever it stands."""
    z = torch.zeros_like(u)
    for step in range(25):
        c = z + u
        inside = edge_by_edge(head.core.first, functional.dropout(c, dropout, head.training))  # type: ignore[arg-type]
        inside = functional.dropout(functional.relu(inside), dropout, head.training)
        block = c + edge_by_edge(head.core.second, inside)  # type: ignore[arg-type]
        new = z + alpha * (z + u + block - z)
        moved = (new - z).norm(p=2, dim=1).mean().item()
        z = new
        if moved < tolerance:
            return z, step + 1
    return z, 25


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("alpha", "tolerance"), [(0.1, 1e-4), (0.5, 1e-4), (0.1, 1e4)])
def test_the_shipped_form_is_what_its_code_does(training: bool, alpha: float, tolerance: float) -> None:
    head = build(kind="unrolled", form="shipped", steps=25, solver={"damping": alpha, "tolerance": tolerance})
    head.train(training)
    u = inputs(3)
    torch.manual_seed(7)
    z, health = head(u)
    torch.manual_seed(7)
    right, steps = as_shipped(head, u, alpha, tolerance, dropout=0.2)
    torch.testing.assert_close(z, right, atol=0, rtol=1e-12)
    assert health is not None and health.steps.tolist() == [steps] * 3
    assert steps == (1 if tolerance > 1 else 25)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0])
def test_the_shipped_form_runs_away_by_one_plus_alpha_a_step(alpha: float) -> None:
    chosen = IMAGE_MODELS["deq_kan_shipped"]["model"]["head"]
    made = HeadSettings.model_validate({**chosen, "solver": {"damping": alpha}})
    head = EquilibriumHead(made, torch.Generator().manual_seed(0)).eval()
    u = inputs(8, width=128).float()
    z, health = head(u)
    assert health is not None and not health.converged.any() and (health.steps == 25).all()
    torch.testing.assert_close(health.rate, torch.full_like(health.rate, 1 + alpha), atol=0.005, rtol=0)
    trace = head.trace(u, 25)
    torch.testing.assert_close(trace[1:] / trace[:-1], torch.full((24, 8), 1 + alpha), atol=0.02, rtol=0)


def test_the_shipped_models_coefficients_are_those_of_its_code() -> None:
    made = ImageSettings().classify_settings("deq_kan_shipped").model.head
    core = EquilibriumHead(made, torch.Generator().manual_seed(0)).core
    for layer in (core.first, core.second):
        assert isinstance(layer, KANLinear) and layer.coefficients.shape == (128, 128, 10)
        assert float(layer.coefficients.detach().std()) == pytest.approx(0.01, rel=0.01)
        assert layer.edge_bias is not None and not layer.edge_bias.any() and layer.base_weight is None
    assert sum(p.numel() for p in core.parameters()) == 2 * 128 * 128 * 11


def test_a_solver_that_looks_back_finds_the_fixed_point_that_the_shipped_iteration_runs_from() -> None:
    head = build(form="shipped", basis={"coefficient_scale": 0.05}, solver={"max_steps": 100, "tolerance": 1e-10})
    u = inputs()
    z, health = head(u)
    assert health is not None and health.converged.all()
    torch.testing.assert_close(z, -2 * u - head.core(z + u), atol=1e-8, rtol=0)


# repaired


@pytest.mark.parametrize("kind", ["gaussian", "bspline"])
@pytest.mark.parametrize("core", ["kan", "mlp"])
def test_the_repaired_form_solves_its_equation(core: str, kind: str) -> None:
    head, u = build(core=core, basis={"kind": kind}, **SOLVED), inputs()
    z, health = head(u)
    assert health is not None and health.converged.all()
    wanted = u + head.core.second(head.core.first(z).relu())
    wanted = (wanted - wanted.mean(1, keepdim=True)) / (wanted.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(z, wanted, atol=1e-9, rtol=0)
    torch.testing.assert_close(head.map(z, u), z, atol=1e-9, rtol=0)


@pytest.mark.parametrize("form", ["repaired", "certified"])
def test_its_gradients_equal_those_of_a_long_unrolled_head(form: str) -> None:
    head = build(form=form, **SOLVED)
    unrolled = build(form=form, kind="unrolled", steps=200)
    weights = inputs(seed=3)
    found = []
    for part in (head, unrolled):
        u = inputs().requires_grad_()
        z, _ = part(u)
        found.append([z, *torch.autograd.grad((weights * z).sum(), [u, *part.parameters()])])
    for ours, right in zip(*found, strict=True):
        torch.testing.assert_close(ours, right, atol=1e-8, rtol=0)


def test_feedforward_is_one_application_from_u() -> None:
    u = inputs()
    repaired = build(kind="feedforward")
    z, health = repaired(u)
    torch.testing.assert_close(z, functional.layer_norm(u + repaired.core(u), (WIDTH,)))
    assert health is None
    shipped = build(kind="feedforward", form="shipped")
    torch.testing.assert_close(shipped(u)[0], 2 * u + shipped.core(u))


def test_unrolled_is_that_many_damped_steps() -> None:
    head, u = build(kind="unrolled", steps=3, solver={"damping": 0.5}), inputs()
    right = torch.zeros_like(u)
    for _ in range(3):
        before, right = right, (right + head.map(right, u)) / 2
    z, health = head(u)
    torch.testing.assert_close(z, right)
    assert health is not None and health.steps.tolist() == [3] * 5
    image = head.map(before, u)
    torch.testing.assert_close(health.residuals, ((image - before).norm(dim=1) / image.norm(dim=1)).detach())


# certified

CORES = [
    {"core": "kan", "basis": {"kind": "gaussian", "coefficient_scale": 0.01}},
    {"core": "kan", "basis": {"kind": "gaussian", "coefficient_scale": 2.0}},
    {"core": "kan", "basis": {"kind": "gaussian", "width": 0.3, "knots": 5}},
    {"core": "kan", "basis": {"kind": "bspline", "knots": 8, "coefficient_scale": 1.0}},
    {"core": "mlp"},
]


def lipschitz_of(function: Any, points: Tensor) -> float:
    """A lower bound of a Lipschitz constant: the largest spectral norm of the Jacobian at some points."""
    jacobians = torch.stack([torch.autograd.functional.jacobian(function, x.unsqueeze(0)).squeeze() for x in points])
    return float(torch.linalg.matrix_norm(jacobians, 2).max())


@pytest.mark.parametrize("changes", CORES)
@pytest.mark.parametrize("seed", range(3))
def test_the_certified_bound_is_not_below_what_is_measured(changes: dict[str, Any], seed: int) -> None:
    head, u = build(seed, form="certified", **changes), inputs(1)
    certificate = head.certificate()
    assert certificate is not None
    points = 2 * inputs(60, seed)
    assert lipschitz_of(lambda z: head.map(z, u), points) <= certificate["bound"] * (1 + 1e-9) <= 0.9 * (1 + 1e-6)
    trace = head.trace(inputs(20), 10)
    assert (trace[1:] <= certificate["bound"] * trace[:-1] + 1e-14).all()


@pytest.mark.parametrize("changes", CORES)
def test_in_training_every_mask_leaves_a_contraction(changes: dict[str, Any]) -> None:
    head, u = build(form="certified", dropout=0.5, **changes).train(), inputs(1)
    torch.manual_seed(0)
    for point in 2 * inputs(20):
        function = partial(head.bind(u), masks=head.core.masks(u))
        assert lipschitz_of(function, point.unsqueeze(0)) <= 0.9 * (1 + 1e-9)


def test_the_steps_known_in_advance_suffice() -> None:
    """And every step before keeps the bound that they were made from."""
    tolerance = 1e-6
    head, u = build(form="certified", basis={"coefficient_scale": 1.0}, solver={"tolerance": tolerance}), inputs()
    certificate = head.certificate()
    assert certificate is not None
    q, promised = certificate["bound"], int(certificate["steps_for_tolerance"])
    iterates = [torch.zeros_like(u)]
    with torch.no_grad():
        for _ in range(promised + 200):
            iterates.append(head.map(iterates[-1], u))
    solution, first = iterates[-1], (iterates[1] - iterates[0]).norm(dim=1)
    for k, z in enumerate(iterates[: promised + 1]):
        assert ((z - solution).norm(dim=1) <= q**k / (1 - q) * first + 1e-14).all()
    assert ((iterates[promised] - solution).norm(dim=1) <= tolerance * first).all()


def test_the_certified_solution_is_the_same_from_every_start() -> None:
    head, u = build(form="certified", basis={"coefficient_scale": 1.0}), inputs()
    ends = []
    for start in (torch.zeros_like(u), 10 * inputs(seed=2), -100 * u):
        z = start
        for _ in range(200):
            z = head.map(z, u).detach()
        ends.append(z)
    for end in ends[1:]:
        torch.testing.assert_close(end, ends[0], atol=1e-12, rtol=0)


def test_a_gentle_core_is_left_as_it_is_and_a_steep_ones_size_does_not_matter() -> None:
    gentle, steep = (build(form="certified", basis={"coefficient_scale": c}, dropout=0.0) for c in (1e-3, 3.0))
    assert gentle.scale().item() == 1.0
    u, z = inputs(), inputs(seed=2)
    before = steep.map(z, u)
    certificate = steep.certificate()
    assert certificate is not None and certificate["bound"] == pytest.approx(0.9)
    with torch.no_grad():
        steep.core.second.coefficients.mul_(2)  # type: ignore[union-attr]
    torch.testing.assert_close(steep.map(z, u), before)


def test_other_forms_promise_nothing() -> None:
    assert build(form="repaired").certificate() is None
    assert build(form="shipped").certificate() is None


@hypothesis.given(st.floats(1e-3, 0.999), st.floats(1e-10, 0.5))
def test_steps_in_advance_are_the_fewest(constant: float, tolerance: float) -> None:
    steps = steps_in_advance(constant, tolerance)
    slack = 1 + 1e-9
    assert constant**steps / (1 - constant) <= tolerance * slack
    assert steps == 1 or constant ** (steps - 1) / (1 - constant) * slack > tolerance


def test_a_constant_map_needs_one_step() -> None:
    assert steps_in_advance(0.0, 1e-4) == 1


# dropout, gradients, settings


@pytest.mark.parametrize(
    ("kind", "form", "draws"),
    [
        ("equilibrium", "repaired", 1),
        ("equilibrium", "certified", 1),
        ("equilibrium", "shipped", 1),
        ("unrolled", "repaired", 1),
        ("unrolled", "shipped", 6),
        ("feedforward", "repaired", 1),
    ],
)
def test_masks_are_drawn_once_a_solve_but_for_the_shipped_form(
    kind: str, form: str, draws: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = build(kind=kind, form=form, steps=6, solver={"damping": 0.1}).train()
    drawn, used = [], []
    draw, bind = head.core.masks, head.core.bind

    def masks(x: Tensor) -> Any:
        drawn.append(draw(x))
        return drawn[-1]

    def watched() -> Any:
        bound = bind()

        def apply(x: Tensor, masks: Any) -> Tensor:
            used.append(masks)
            return bound(x, masks)

        return apply

    monkeypatch.setattr(head.core, "masks", masks)
    monkeypatch.setattr(head.core, "bind", watched)
    head(inputs())
    assert len(drawn) == draws
    assert {id(masks) for masks in used} == {id(masks) for masks in drawn}
    for mask in drawn[0]:
        assert set(mask.unique().tolist()) <= {0.0, 1.25}


def test_in_training_z_is_the_fixed_point_of_the_masked_map(monkeypatch: pytest.MonkeyPatch) -> None:
    head, u = build(dropout=0.5, **SOLVED).train(), inputs()
    torch.manual_seed(3)
    drawn = head.core.masks(u)
    monkeypatch.setattr(head.core, "masks", lambda x: drawn)
    z, health = head(u)
    assert health is not None and health.converged.all()
    torch.testing.assert_close(head.bind(u)(z, drawn), z, atol=1e-9, rtol=0)
    assert not torch.allclose(head.map(z, u), z, atol=1e-2)


def test_evaluation_is_deterministic_and_training_is_its_seeds() -> None:
    head, u = build(), inputs()
    assert torch.equal(head(u)[0], head(u)[0])
    head.train()
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(head(u)[0])
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


@pytest.mark.parametrize("core", ["kan", "mlp"])
@pytest.mark.parametrize("form", ["shipped", "repaired", "certified"])
@pytest.mark.parametrize("kind", ["feedforward", "unrolled", "equilibrium"])
def test_gradients_reach_every_parameter(kind: str, form: str, core: str) -> None:
    basis = {"coefficient_scale": 0.05}
    head = build(kind=kind, form=form, core=core, dropout=0.1, steps=3, basis=basis, solver={"damping": 0.2}).train()
    u = inputs(40).requires_grad_()
    torch.manual_seed(0)
    z, _ = head(u)
    assert z.shape == u.shape
    (inputs(40, seed=5) * z).sum().backward()
    assert u.grad is not None and u.grad.isfinite().all() and u.grad.any()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name


@pytest.mark.parametrize("model", [name for name in IMAGE_MODELS if name not in ("cnn", "vit")])
def test_the_heads_of_all_models_can_be_built_and_have_like_sizes(model: str) -> None:
    made = ImageSettings().classify_settings(model).model.head
    head = EquilibriumHead(made, torch.Generator().manual_seed(0))
    kan = 2 * 128 * 128 * (11 if made.form == "shipped" else 10)
    parameters = sum(p.numel() for p in head.parameters())
    assert parameters == kan if made.core == "kan" else abs(parameters - kan) <= 128 + 1  # half an inner unit


def test_a_given_width_of_the_mlp_is_kept() -> None:
    assert build(core="mlp", mlp_hidden=7).core.first.out_features == 7


def test_the_generator_alone_decides_the_initial_values() -> None:
    for core in ("kan", "mlp"):
        first, second, other = (build(seed, core=core).state_dict() for seed in (0, 0, 1))
        assert all(torch.equal(first[name], second[name]) for name in first)
        assert not all(torch.equal(first[name], other[name]) for name in first)


def test_under_autocast_the_head_is_the_same() -> None:
    head, u = build().float(), inputs().float()
    right, _ = head(u)
    with torch.autocast("cpu", torch.bfloat16):
        z, _ = head(u)
        low, _ = head(u.bfloat16())
    assert torch.equal(z, right) and low.dtype == torch.float32


def test_trace_starts_at_one_and_falls_where_the_map_contracts() -> None:
    head, u = build(), inputs()
    trace = head.trace(u, 12)
    assert trace.shape == (12, 5) and torch.equal(trace[0], torch.ones(5, dtype=torch.float64))
    assert (trace[-1] < 1e-3).all()
    first, second = torch.zeros_like(u), head.map(torch.zeros_like(u), u)
    right = (head.map(second, u) - second).norm(dim=1) / (second - first).norm(dim=1)
    torch.testing.assert_close(trace[1], right.detach())
    assert torch.equal(head.train().trace(u, 12), trace)  # no dropout
    looking_back = head.trace(u, 12, "anderson")
    assert torch.equal(looking_back[:2], trace[:2]) and (looking_back[-1] < 1e-3).all()
    assert not torch.equal(looking_back, trace)


def test_a_trace_that_leaves_the_finite_numbers_is_as_long_as_others() -> None:
    head, u = build(form="shipped"), inputs()
    trace = head.trace(1e145 * u, 60)
    assert trace.shape == (60, 5) and trace[0].isfinite().all() and not trace[-1].isfinite().any()


def test_settings_that_make_no_map_are_refused() -> None:
    with pytest.raises(UserError, match="without a head"):
        build(kind="none")
    with pytest.raises(UserError, match=r"knots = 3: cubic B-splines need at least 4"):
        build(basis={"kind": "bspline", "knots": 3})


def test_one_application_costs_no_more_memory_than_its_tensors() -> None:
    """What autograd keeps of an equilibrium does not grow with its steps."""

    def saved(steps: int) -> int:
        total = 0

        def keep(tensor: Tensor) -> Tensor:
            nonlocal total
            total += tensor.numel()
            return tensor

        head = build(solver={"tolerance": 1e-300, "max_steps": steps})
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            head(inputs())
        return total

    assert saved(2) == saved(50) > 0
    assert math.isfinite(saved(1))
