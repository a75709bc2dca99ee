"""Fixed points: beside long unrolled solves and torchdeq; gradients, stopping, health, and what is not finite."""

import gc
import weakref
from typing import Literal

import pytest
import torch
from torch import Tensor

from kanrepro.core.errors import UserError
from kanrepro.models import fixed_point
from kanrepro.models.solvers import Stepper

SOLVERS = ("damped", "anderson", "broyden")
TIGHT = {"tolerance": 1e-12, "max_steps": 500}


class World:
    """F(z) = tanh(z A + u) in float64 for B = 6 samples of width 5, a contraction of rate about `scale`."""

    def __init__(self, scale: float = 0.8) -> None:
        generator = torch.Generator().manual_seed(0)
        a = torch.randn(5, 5, generator=generator, dtype=torch.float64)
        self.a = (scale * a / torch.linalg.matrix_norm(a, 2)).requires_grad_()
        self.u = torch.randn(6, 5, generator=generator, dtype=torch.float64).requires_grad_()
        self.z0 = torch.zeros(6, 5, dtype=torch.float64)
        self.weights = torch.randn(6, 5, generator=generator, dtype=torch.float64)

    def __call__(self, z: Tensor) -> Tensor:
        return torch.tanh(z @ self.a + self.u)

    def unrolled(self, steps: int = 400) -> tuple[Tensor, ...]:
        """z, and the gradients of a loss by A and u, through every step."""
        z = self.z0
        for _ in range(steps):
            z = self(z)
        return self.and_gradients(z)

    def and_gradients(self, z: Tensor) -> tuple[Tensor, ...]:
        return z.detach(), *torch.autograd.grad((self.weights * z).sum(), [self.a, self.u])


@pytest.mark.parametrize("damping", [1.0, 0.5])
@pytest.mark.parametrize("solver", SOLVERS)
def test_solution_and_gradients_equal_those_of_a_long_unrolled_solve(solver: str, damping: float) -> None:
    world = World()
    z, health = fixed_point(world, world.z0, solver=solver, damping=damping, **TIGHT)  # type: ignore[arg-type]
    for found, right in zip(world.and_gradients(z), world.unrolled(), strict=True):
        torch.testing.assert_close(found, right, atol=1e-8, rtol=0)
    assert health.converged.all() and (health.residuals < 1e-12).all()
    assert health.backward is not None and health.backward.converged.all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_gradcheck(solver: str) -> None:
    world = World(0.5)

    def solve(a: Tensor, u: Tensor) -> Tensor:
        return fixed_point(lambda z: torch.tanh(z @ a + u), world.z0, solver=solver, **TIGHT)[0]  # type: ignore[arg-type]

    assert torch.autograd.gradcheck(solve, (world.a, world.u))


@pytest.mark.parametrize("theirs", ["anderson", "broyden", "fixed_point_iter"])
def test_torchdeq_finds_the_same(theirs: str) -> None:
    torchdeq = pytest.importorskip("torchdeq")
    world = World()
    solver = torchdeq.get_deq(
        f_solver=theirs, b_solver=theirs, ift=True, f_tol=1e-12, b_tol=1e-12, f_max_iter=300, b_max_iter=300
    )
    options = {"lam": 1e-14} if theirs == "anderson" else {}  # its default stops tight tolerances (protocol 3.H)
    right = world.and_gradients(solver(world, world.z0, solver_kwargs=options)[0][-1])
    found = world.and_gradients(fixed_point(world, world.z0, **TIGHT)[0])
    for ours, other in zip(found, right, strict=True):
        torch.testing.assert_close(ours, other, atol=1e-8, rtol=0)


def test_one_step_is_the_first_term_of_the_implicit_gradient() -> None:
    world = World()
    z, health = fixed_point(world, world.z0, gradient="one_step", **TIGHT)
    _, *found = world.and_gradients(z)
    _, *right = world.and_gradients(world(z.detach()))
    for ours, other in zip(found, right, strict=True):
        torch.testing.assert_close(ours, other, atol=1e-10, rtol=0)
    assert health.backward is None


def test_broyden_is_rank_one_updates_of_the_jacobian() -> None:
    """The textbook: B <- B + (y - B s) s^T / s^T s, from -I / damping, for the residual g(z) = F(z) - z."""
    world, damping = World(), 0.7
    stepper = Stepper("broyden", memory=10, damping=damping)
    z = world.z0
    jacobian = -torch.eye(5, dtype=torch.float64).expand(6, 5, 5) / damping
    with torch.no_grad():
        for _ in range(6):
            g = world(z) - z
            step = -torch.linalg.solve(jacobian, g)
            found = stepper.next(z, world(z))
            torch.testing.assert_close(found, z + step, atol=1e-10, rtol=0)
            change = world(found) - found - g
            missed = change - (jacobian @ step.unsqueeze(2)).squeeze(2)
            jacobian = jacobian + missed.unsqueeze(2) * step.unsqueeze(1) / step.square().sum(1)[:, None, None]
            z = found


def test_anderson_solves_a_linear_problem_in_as_many_steps_as_dimensions() -> None:
    """Like GMRES: exact after D + 1 evaluations, also where the plain iteration runs away."""
    generator = torch.Generator().manual_seed(1)
    a = 2 * torch.randn(3, 3, generator=generator, dtype=torch.float64)
    u = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    z, health = fixed_point(lambda z: z @ a + u, torch.zeros_like(u), tolerance=1e-9, max_steps=10)
    torch.testing.assert_close(z, torch.linalg.solve(torch.eye(3) - a.T, u.unsqueeze(2)).squeeze(2))
    assert health.converged.all() and (health.steps <= 3 + 2).all()
    ran_away = fixed_point(lambda z: z @ a + u, torch.zeros_like(u), solver="damped", max_steps=10)[1]
    assert not ran_away.converged.any() and (ran_away.rate > 1).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_sample_does_not_depend_on_its_neighbours(solver: str) -> None:
    world = World()
    order = torch.tensor([3, 1, 5, 0, 4, 2])
    u = world.u.detach() * torch.logspace(-3, 1, 6, dtype=torch.float64).unsqueeze(1)  # some stop long before others

    def solve(u: Tensor) -> tuple[Tensor, Tensor]:
        function = lambda z: torch.tanh(z @ world.a.detach() + u)  # noqa: E731
        z, health = fixed_point(function, torch.zeros_like(u), solver=solver, tolerance=1e-8, max_steps=200)  # type: ignore[arg-type]
        return z, health.steps

    z, steps = solve(u)
    assert steps.unique().numel() > 1
    shuffled, their_steps = solve(u[order])
    torch.testing.assert_close(shuffled, z[order], atol=1e-12, rtol=0)
    assert torch.equal(their_steps, steps[order])
    for i in range(6):
        alone, own_steps = solve(u[i : i + 1])
        torch.testing.assert_close(alone[0], z[i], atol=1e-12, rtol=0)
        assert own_steps[0] == steps[i]


@pytest.mark.parametrize("solver", SOLVERS)
@torch.no_grad()
def test_a_converged_sample_stands_still(solver: str) -> None:
    """Samples of rate 0.1 and 0.9: what the map is asked for the first one no longer changes once it has converged."""
    rates = torch.tensor([[0.1], [0.9]], dtype=torch.float64)
    seen: list[Tensor] = []

    def function(z: Tensor) -> Tensor:
        seen.append(z.clone())
        return rates * torch.tanh(z) + 1

    z, health = fixed_point(function, torch.zeros(2, 3, dtype=torch.float64), solver=solver, tolerance=1e-6, trace=True)  # type: ignore[arg-type]
    first, second = health.steps.tolist()
    assert first < second == len(seen) and health.converged.all()
    for later in seen[first - 1 :]:
        assert torch.equal(later[0], z[0])
    assert health.trace is not None and len(health.trace) == second
    assert (torch.stack(health.trace)[first - 1 :, 0] == health.residuals[0]).all()
    assert float(health.trace[first - 2][0]) >= 1e-6 > float(health.residuals[0])


def test_residuals_are_those_of_what_is_returned() -> None:
    world = World()
    z, health = fixed_point(world, world.z0, max_steps=4, tolerance=0.0)
    image = world(z)
    torch.testing.assert_close(health.residuals, ((image - z).norm(dim=1) / image.norm(dim=1)).detach())


def test_a_step_limit_is_reported_and_the_best_iterate_returned() -> None:
    """A map whose second step is its best: z -> 1, 1.1, 5, 7, ... by a table."""
    table = torch.tensor([0.0, 1.0, 1.1, 5.0, 7.0, 12.0])

    def function(z: Tensor) -> Tensor:
        here = (z == table).nonzero()[:, 1]
        return table[here + 1].unsqueeze(1)

    z, health = fixed_point(function, torch.zeros(1, 1), solver="damped", max_steps=5, tolerance=1e-3)
    assert float(z) == 1.0 and not health.converged.any() and int(health.steps) == 5
    torch.testing.assert_close(health.residuals, torch.tensor([0.1 / 1.1]))
    torch.testing.assert_close(health.rate, torch.tensor([5 ** (1 / 4)], dtype=torch.float64))


def test_no_tolerance_runs_every_step() -> None:
    world = World(0.1)
    health = fixed_point(world, world.z0, solver="damped", tolerance=0.0, max_steps=60)[1]
    assert (health.steps == 60).all() and not health.converged.any()


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_is_not_finite_is_recorded_and_leaves_others_alone(solver: str) -> None:
    """Sample 0 has no value anywhere, sample 1 none beyond its second step, sample 2 is well."""
    calls = 0

    def function(z: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        image = 0.5 * torch.cos(z) + torch.arange(4.0)
        image[0] = torch.nan
        if calls > 2:
            image[1] = torch.inf
        return image

    z, health = fixed_point(function, torch.zeros(3, 4), solver=solver)  # type: ignore[arg-type]
    assert health.converged.tolist() == [False, False, True]
    assert health.steps.tolist()[:2] == [1, 3]
    assert health.residuals.isfinite().tolist() == [False, True, True]
    assert z.isfinite().all() and torch.equal(z[0], torch.zeros(4))
    right = torch.zeros(4)
    for _ in range(100):
        right = 0.5 * torch.cos(right) + torch.arange(4.0)
    torch.testing.assert_close(z[2], right, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_gradient_that_is_not_finite_does_not_crash_the_backward_solve(solver: str) -> None:
    world = World()
    z, health = fixed_point(world, world.z0, solver=solver, **TIGHT)  # type: ignore[arg-type]
    gradient = torch.ones(6, 5, dtype=torch.float64)
    gradient[2] = torch.nan
    (found,) = torch.autograd.grad(z, [world.u], gradient)
    assert health.backward is not None
    assert health.backward.converged.tolist() == [True, True, False, True, True, True]
    assert found.isfinite().all(1).tolist() == [True, True, False, True, True, True]


def test_a_start_at_the_solution_takes_one_step() -> None:
    z, health = fixed_point(lambda z: 0.5 * z, torch.zeros(3, 2))
    assert torch.equal(z, torch.zeros(3, 2)) and health.converged.all()
    assert health.steps.tolist() == [1, 1, 1] and health.rate.isnan().all()


def test_a_vanishing_or_tiny_gradient_is_solved_like_any_other() -> None:
    world = World()
    gradient = torch.tensor([0, 1, 1e-30, 1, 1e30, 1], dtype=torch.float64).unsqueeze(1).expand(6, 5)
    z, health = fixed_point(world, world.z0, **TIGHT)
    (found,) = torch.autograd.grad(z, [world.u], gradient, retain_graph=True)
    (right,) = torch.autograd.grad(z, [world.u], torch.ones_like(gradient))
    assert health.backward is not None and health.backward.converged.all()
    assert torch.equal(found[0], torch.zeros(5, dtype=torch.float64))
    for i, factor in ((2, 1e-30), (4, 1e30)):
        torch.testing.assert_close(found[i], factor * right[i], atol=0, rtol=1e-9)


def test_without_gradients_nothing_is_recorded() -> None:
    world = World()
    with torch.no_grad():
        assert not fixed_point(world, world.z0)[0].requires_grad
    assert not fixed_point(lambda z: 0.5 * z.cos(), world.z0, gradient="one_step")[0].requires_grad


def test_a_map_that_ignores_z_has_the_plain_gradient() -> None:
    u = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    z, health = fixed_point(lambda z: u.square(), torch.zeros(3, 2, dtype=torch.float64))
    (found,) = torch.autograd.grad(z.sum(), [u])
    torch.testing.assert_close(found, 2 * u.detach())
    assert (health.steps == 2).all()


def test_under_autocast_the_solve_stays_in_float32() -> None:
    torch.manual_seed(0)
    layer, u = torch.nn.Linear(8, 8), torch.randn(4, 8)
    seen: set[torch.dtype] = set()

    def function(z: Tensor) -> Tensor:
        image = torch.tanh(layer(z) + u)
        seen.add(image.dtype)
        return image

    with torch.autocast("cpu", torch.bfloat16):
        z, health = fixed_point(function, torch.zeros(4, 8, dtype=torch.bfloat16), tolerance=1e-6)
    z.square().sum().backward()
    assert seen == {torch.float32} and z.dtype == torch.float32 and health.converged.all()
    found = layer.weight.grad
    layer.weight.grad = None
    fixed_point(function, torch.zeros(4, 8), tolerance=1e-6)[0].square().sum().backward()
    assert found is not None and layer.weight.grad is not None
    torch.testing.assert_close(found, layer.weight.grad)


def test_one_application_is_kept_however_many_steps_there_were() -> None:
    """Tensors that autograd saves: as many after 100 steps as after 3, and gone with the result."""
    world = World()

    def saved(steps: int) -> list[weakref.ref[Tensor]]:
        kept: list[weakref.ref[Tensor]] = []

        def keep(tensor: Tensor) -> Tensor:
            tensor = tensor.detach().clone()
            kept.append(weakref.ref(tensor))
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            z, _ = fixed_point(world, world.z0, tolerance=0.0, max_steps=steps)
            (world.weights * z).sum().backward(retain_graph=True)
            assert any(ref() is not None for ref in kept)
        return kept

    counts = {steps: len(saved(steps)) for steps in (3, 100)}
    assert counts[3] == counts[100]
    gc.disable()
    try:
        assert all(ref() is None for ref in saved(3))  # no cycle keeps them until the collector runs
    finally:
        gc.enable()


def test_an_unknown_solver_is_named() -> None:
    with pytest.raises(UserError, match="Did you mean 'anderson'"):
        fixed_point(lambda z: z, torch.zeros(1, 1), solver="andersen")  # type: ignore[arg-type]


@pytest.mark.parametrize("gradient", ["implicit", "one_step"])
def test_a_gradient_that_is_to_be_differentiated_is_refused(gradient: Literal["implicit", "one_step"]) -> None:
    """It was zero before, without a word, where the gradient that came in was a constant."""
    weight = torch.full((2, 3), 0.5, requires_grad=True)
    z, _ = fixed_point(lambda z: (weight * z).cos(), torch.zeros(2, 3), gradient=gradient)
    with pytest.raises(UserError, match="create_graph"):
        torch.autograd.grad(z.sum(), weight, create_graph=True)
