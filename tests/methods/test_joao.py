"""JOAOv2: how its distribution moves, what the projection gives, and where it is GraphCL."""

import math
from typing import Any

import pytest
import torch
from method_worlds import first_step, training

from kanrepro.contrast.loss import nt_xent
from kanrepro.methods.joao import KINDS, bisected, projected

LOSSES = torch.tensor([1.0, 1.3, 0.7, 1.1, 0.9])
UNIFORM = torch.full((5,), 0.2)
ONE: dict[str, Any] = {"views": {"kinds": ["subgraph"]}}


def moved(p: torch.Tensor, losses: torch.Tensor, gamma: float) -> list[float]:
    return projected(p + losses - gamma * (p - 1 / len(p))).tolist()


@pytest.mark.parametrize(
    ("gamma", "second", "third"),
    [
        (0.01, (0.068, 0.665, 0, 0.267, 0), (0, 0.797010, 0, 0.202990, 0)),
        (0.1, (0.080, 0.650, 0, 0.270, 0), (0, 0.771, 0, 0.229, 0)),
        (1.0, (0.175, 0.475, 0, 0.275, 0.075), (0.175, 0.475, 0, 0.275, 0.075)),
    ],
)
def test_three_steps_of_the_distribution(gamma: float, second: tuple[float, ...], third: tuple[float, ...]) -> None:
    p = moved(UNIFORM, LOSSES, gamma)
    assert p == pytest.approx([0.175, 0.475, 0, 0.275, 0.075], abs=1e-6)
    p = moved(torch.tensor(p), LOSSES, gamma)
    assert p == pytest.approx(second, abs=1e-3)
    assert moved(torch.tensor(p), LOSSES, gamma) == pytest.approx(third, abs=1e-3)


def test_the_public_bisection_is_two_digits_off() -> None:
    found = bisected(UNIFORM + LOSSES).tolist()
    assert found == pytest.approx([0.175466, 0.473602, 0, 0.274845, 0.076087], abs=1e-6)


def test_projections_are_the_nearest_distributions() -> None:
    assert projected(torch.tensor([2.0, 1.0, 0.5])).tolist() == pytest.approx([1, 0, 0])
    assert projected(torch.tensor([2.0, 1.2, 0.5])).tolist() == pytest.approx([0.9, 0.1, 0])
    b = torch.randn(7, generator=torch.Generator().manual_seed(0))
    p, others = projected(b), torch.rand(500, 7, generator=torch.Generator().manual_seed(1))
    others /= others.sum(1, keepdim=True)
    assert float(p.sum()) == pytest.approx(1) and bool((p >= 0).all())
    assert bool(((others - b).norm(dim=1) >= (p - b).norm()).all())
    torch.testing.assert_close(projected(b + 3), p)


def test_equal_losses_pull_to_the_uniform_distribution() -> None:
    p = torch.tensor([0.1, 0.4, 0.0, 0.3, 0.2])
    assert moved(p, torch.ones(5), 0.1) == pytest.approx([0.11, 0.38, 0.02, 0.29, 0.20])


def test_with_one_kind_it_is_graphcl() -> None:
    run = training("joao", "tu", **ONE)
    view1, view2, *_ = seen = first_step(run)
    run.model.eval()
    z1, z2 = run.model.z(view1), run.model.z(view2)
    expected = nt_xent(run.model.heads[0](z1), run.model.heads[0](z2), run.settings.contrast.temperature)
    torch.testing.assert_close(run.terms(seen, torch.Generator())["loss"], expected)
    run.run_epoch()
    assert run.model.p.tolist() == [1]


def test_each_view_goes_through_the_head_of_its_kind() -> None:
    run = training("joao", "tu", count=8)
    view1, view2, kind1, kind2 = first_step(run)
    generator = torch.Generator()
    run.terms((view1, view2, torch.full_like(kind1, 2), torch.full_like(kind2, 4)), generator)["loss"].backward()
    moved = [any(float(p.grad.abs().max()) > 0 for p in head.parameters()) for head in run.model.heads]
    assert moved == [False, False, True, False, True]


def test_the_first_view_may_be_the_graph_itself_and_p_is_then_over_kinds() -> None:
    run = training("joao", "tu", views={"first_view": "original"})
    assert run.model.p.shape == (5,)
    _, _, kind1, _ = first_step(run)
    assert set(kind1.tolist()) == {KINDS.index("identity")}
    assert training("joao", "tu").model.p.shape == (25,)


def test_the_distribution_moves_and_the_history_tells_it() -> None:
    run = training("joao", "tu")
    row = run.run_epoch()
    assert float(run.model.p.sum()) == pytest.approx(1, abs=1e-5) and (row["entropy"] or 1) < 1
    assert math.fsum(row[f"p_{kind}"] or 0 for kind in KINDS) == pytest.approx(1, abs=1e-5)
    still = training("joao", "tu", joao={"beta": 0})
    assert still.run_epoch()["entropy"] == pytest.approx(1, abs=1e-5)


def test_scores_move_statistics_in_its_code_alone() -> None:
    for mode in ("eval", "train"):
        run = training("joao", "tu", joao={"score_mode": mode})
        block: Any = run.model.encoder.blocks[0]
        before = block.norm.running_mean.clone()
        run.method.after_epoch(run, torch.Generator())
        assert torch.equal(before, block.norm.running_mean) == (mode == "eval")


def test_its_own_reading_runs() -> None:
    run = training("joao", "tu", reading="own")
    row = run.run_epoch()
    assert len(run.model.p) == 5 and row["loss"] is not None and run.settings.optimiser.shuffle == "once"


def test_heads_have_the_published_size() -> None:
    run = training("joao", "tu", encoder={"hidden": 32, "layers": 3}, contrast={"head": [96, 96]})
    assert sum(p.numel() for p in run.model.heads.parameters()) == 93_120
