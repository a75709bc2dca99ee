"""DRGCL: its losses by hand, what the mask descends in both forms, what is kept of it, and where it is GraphCL."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from method_worlds import first_step, graphs, training
from torch import Tensor
from torch.func import functional_call

from kanrepro.contrast.loss import one_way_loss
from kanrepro.contrast.trial import stale_slope, trial_slope
from kanrepro.core import checkpoint, resume
from kanrepro.methods.drgcl import DrgclSettings, annealed, cca, made_head, step_again
from kanrepro.methods.method import adam
from kanrepro.models.encoders import load_encoder
from kanrepro.pretraining.training import Training

A = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
B = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, -1.0]])
X = torch.tensor([[1.0, 0.0], [2.0, 1.0], [3.0, 5.0]])
Y = torch.tensor([[1.0, 1.0], [2.0, 0.0], [4.0, 4.0]])


def test_agreement_and_decorrelation_by_hand() -> None:
    assert float(cca(X, Y, 0)) == pytest.approx(0.220356, abs=1e-5)
    assert float(cca(X, X, 0.5)) == pytest.approx(1.785714, abs=1e-5)
    assert float(cca(Y, Y, 0.5)) == pytest.approx(1.406593, abs=1e-5)
    assert float(cca(X, Y)) == pytest.approx(0.223549, abs=1e-5)
    assert float(cca(X, X)) == pytest.approx(0.003571, abs=1e-5)
    assert 10 * float(one_way_loss(A, B, 0.2)) + float(cca(X, Y)) == pytest.approx(4.677490, abs=1e-5)


@pytest.mark.parametrize(
    ("graphs", "width", "least"), [(32, 512, 481.0), (256, 300, 45.0), (128, 32, 282.03125), (9, 4, 4.0)]
)
def test_decorrelation_is_what_correlations_say_and_has_a_floor(graphs: int, width: int, least: float) -> None:
    x = torch.randn(graphs, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    apart = float(cca(x, x, 0.5))
    v = (x - x.mean(0)) / x.std(0)
    products = (v.T @ v / width).square().sum()
    assert apart == pytest.approx(width - 2 * (graphs - 1) + float(products), rel=1e-9)
    assert apart > least - 1e-6


def test_a_divisor_of_graphs_makes_correlations() -> None:
    v = (X - X.mean(0)) / X.std(0)
    expected = (torch.eye(2) - v.T @ v / 3).square().sum()
    assert float(cca(X, X, 0.5, "batch")) == pytest.approx(float(expected), abs=1e-6)


def test_a_constant_column_is_no_number_that_is_none() -> None:
    x = torch.cat([X, torch.full((3, 1), 0.1)], dim=1).requires_grad_()
    loss = cca(x, x.flip(0))
    loss.backward()
    assert loss.isfinite() and x.grad is not None and bool(x.grad.isfinite().all())


def toy() -> tuple[Tensor, Tensor, Any]:
    """CL(w, m) = (w m - 2)^2 / 2 at w = 1, m = 0.5."""
    w, m = torch.tensor([1.0], requires_grad=True), torch.tensor([0.5], requires_grad=True)

    def slopes() -> tuple[list[Tensor], Tensor]:
        by_weight, by_mask = torch.autograd.grad(((w * m - 2).square() / 2).sum(), [w, m])
        return [by_weight], by_mask

    return w, m, slopes


def test_the_masks_slope_through_a_trial_step_by_hand() -> None:
    w, _, slopes = toy()
    assert float(trial_slope(slopes, [w], 0.1, 0.01)) == pytest.approx(-1.645313, abs=2e-4)
    assert float(trial_slope(slopes, [w], 0.1, None)) == pytest.approx(-1.572188, abs=1e-6)
    assert w.tolist() == [1]


def test_the_shipped_slope_is_taken_at_what_the_weights_were() -> None:
    w, _, slopes = toy()
    stale = torch.tensor([2.0])
    # at 2: slope by w (2 * 0.5 - 2) * 0.5 = -0.5, by m (2 * 0.5 - 2) * 2 = -2; d2/dw dm at 1: 2 * 1 * 0.5 - 2 = -1
    found = float(stale_slope(slopes, [w], [stale], 0.1, 0.01))
    assert found == pytest.approx(-2 - 0.1 * 0.5, abs=2e-4)
    assert w.tolist() == [1] and float(stale) == pytest.approx(1 + 0.01)  # 1 - R v, R = 0.01 / |v|


def test_the_shipped_virtual_step_is_one_more_real_step() -> None:
    w = torch.tensor([1.0], requires_grad=True)
    optimiser = adam([w], 0.01)
    w.grad = torch.tensor([10.0])
    optimiser.step()
    assert w.tolist() == pytest.approx([0.99])
    step_again(optimiser, [w], [torch.tensor([1.0])])
    assert w.tolist() == pytest.approx([0.984074], abs=1e-6)


def test_the_finite_difference_is_nearly_the_slope_of_the_unrolled_step() -> None:
    run = training("drgcl", "tu", contrast={"head": [8, 8]})
    model, seen = run.model.double().train(), tuple(replace(view, x=view.x.double()) for view in first_step(run))
    rate, names = 0.05, [name for name, _ in model.named_parameters() if name.startswith(("encoder", "head"))]
    weights: list[Tensor] = [model.get_parameter(name) for name in names]

    def loss(values: list[Tensor]) -> Tensor:
        mask = model.mask.sigmoid()
        call = functional_call(model, dict(zip(names, values, strict=True)), (smooth, *seen, mask))
        return call["loss"]

    def smooth(model: Any, view1: Any, view2: Any, mask: Tensor) -> dict[str, Tensor]:
        v1, v2 = (model.head(mask * model.encoder(view)) for view in (view1, view2))
        return {"loss": one_way_loss(v1, v2, 0.2)}

    def slopes() -> tuple[list[Tensor], Tensor]:
        *found, slope = torch.autograd.grad(loss(weights), [*weights, model.mask])
        return found, slope

    first = torch.autograd.grad(loss(weights), weights, create_graph=True)
    (exact,) = torch.autograd.grad(loss([w - rate * g for w, g in zip(weights, first, strict=True)]), model.mask)
    found = trial_slope(slopes, weights, rate, 1e-4)
    direct = trial_slope(slopes, weights, rate, None)
    assert float((direct - exact).norm()) > 0.01 * float(exact.norm())  # the second order is something
    assert float((found - exact).norm()) < 0.1 * float((direct - exact).norm())


def test_the_masks_rate_falls_and_rises_by_batches() -> None:
    rates = [annealed(1e-3, batches, DrgclSettings()) for batches in (0, 10, 20, 30, 40)]
    assert rates == pytest.approx([1e-3, 5e-4, 0, 5e-4, 1e-3])
    assert annealed(1e-3, 33, DrgclSettings(mask_schedule_period=None)) == 1e-3


def test_the_first_step_of_the_mask_is_small() -> None:
    d = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.SGD([d], lr=1e-3, momentum=0.9, weight_decay=5e-4)
    d.grad = torch.tensor([0.02])
    optimiser.step()
    assert d.tolist() == pytest.approx([-2e-5]) and float(d.detach().sigmoid()) == pytest.approx(0.499995, abs=1e-7)


def test_with_a_mask_of_one_and_no_decorrelation_it_is_ten_times_graphcl() -> None:
    run = training("drgcl", "tu", drgcl={"mask_init": 40, "weight_cca": 0})
    seen, model = first_step(run), run.model
    terms = run.terms(seen, torch.Generator())
    z1, z2 = (model.encoder(view) for view in seen)
    expected = one_way_loss(model.head(z1), model.head(z2), run.settings.contrast.temperature)
    torch.testing.assert_close(terms["loss"], 10 * expected)
    with torch.no_grad():
        model.mask.zero_()  # biases are 0 at first: a common factor is nothing
    torch.testing.assert_close(run.terms(seen, torch.Generator())["loss"], terms["loss"], rtol=1e-4, atol=1e-4)


def test_normed_heads_do_not_see_a_common_factor() -> None:
    run = training("drgcl", "tu", contrast={"head": [16, 16, 16]}, drgcl={"heads": "normed"})
    seen = first_step(run)
    run.terms(seen, torch.Generator())["loss"].backward()
    d = run.model.mask
    m, by_mask = d.sigmoid(), d.grad / (d.sigmoid() * (1 - d.sigmoid()))
    assert float((m * by_mask).detach().sum().abs()) < 0.01 * float(by_mask.detach().norm())


def test_repaired_the_encoder_is_moved_by_its_own_step_alone() -> None:
    run, plain = (training("drgcl", "tu") for _ in range(2))
    seen, generator = first_step(run), torch.Generator()
    run.method.step(run, seen, generator)
    plain.model.train()
    plain.terms(seen, generator)["loss"].backward()
    plain.optimisers[0].step()
    found, expected = run.model.state_dict(), plain.model.state_dict()
    moved = [name for name in found if not torch.equal(found[name], expected[name])]
    assert moved == ["mask", "batches"]  # running statistics too are where one pass leaves them


def test_as_shipped_there_are_two_steps_and_a_copy_of_what_was() -> None:
    run = training("drgcl", "tu", drgcl={"virtual_step": "literal"})
    seen, model = first_step(run), run.model
    start = [p.detach().clone() for p in model.stale.parameters()]
    assert all(map(torch.equal, start, [p.detach() for p in (*model.encoder.parameters(), *model.head.parameters())]))
    run.method.step(run, seen, torch.Generator())
    learned = [*model.encoder.parameters(), *model.head.parameters()]
    away = [(p - q).detach() for p, q in zip(learned, model.stale.parameters(), strict=True)]
    assert float(torch.stack([each.norm() for each in away]).norm()) == pytest.approx(0.01, rel=1e-2)
    block: Any = model.encoder.blocks[0]
    assert int(block.norm.num_batches_tracked) == 4  # two views, twice
    assert int(run.optimisers[0].state[learned[0]]["step"]) == 2
    assert int(run.optimisers[0].state[next(model.other.parameters())]["step"]) == 1


def test_the_mask_moves_and_the_history_tells_how_far() -> None:
    run = training("drgcl", "tu", drgcl={"mask_lr": 10.0})
    row = run.run_epoch()
    assert (row["mask_spread"] or 0) > 1e-3 and (row["mask_slope"] or 0) > 0
    assert (row["mask_least"] or 0) < (row["mask_mean"] or 0) < (row["mask_most"] or 0)
    still = training("drgcl", "tu").run_epoch()
    assert (still["mask_spread"] or 0) < 1e-3  # at its published rate it is a common factor, hence nothing


@pytest.mark.parametrize("kept", ["learned", "half", "none"])
def test_z_of_the_kept_encoder_is_weighed(kept: str, tmp_path: Path) -> None:
    run = training("drgcl", "tu", drgcl={"mask_kept": kept, "mask_lr": 10.0}, optimiser={"keep_every": 1})
    run.run_epoch()
    run.run_epoch()
    meta = {"settings": run.settings.model_dump(mode="json"), "in_features": run.graphs.x.shape[1]}
    checkpoint.save(tmp_path / "encoder.safetensors", {**run.method.kept(run.model), **run.kept}, meta)
    encoder, _ = load_encoder(tmp_path / "encoder.safetensors")
    (batch, *_), model = first_step(run), run.model.eval()
    factors = {"learned": model.mask.sigmoid(), "half": 0.5, "none": 1}
    torch.testing.assert_close(encoder.eval()(batch), factors[kept] * model.encoder(batch))
    earlier, _ = load_encoder(tmp_path / "encoder.safetensors", epoch=1)
    assert ("factor" in earlier.state_dict()) == (kept != "none")


@pytest.mark.parametrize("family", ["tu", "molecule"])
def test_its_own_reading_goes_on_to_the_same_bits(family: str, tmp_path: Path) -> None:
    straight, broken, again = (training("drgcl", family, reading="own") for _ in range(3))
    for run in (straight, straight, broken):
        run.run_epoch()
    resume.save(broken, tmp_path / "state.safetensors", {})
    again.restore(*resume.checkpoint.load(tmp_path / "state.safetensors"))
    again.run_epoch()
    assert all(map(torch.equal, straight.model.state_dict().values(), again.model.state_dict().values()))
    assert (straight.model.mask in straight.optimisers[0].state) == (family == "molecule")


def test_graphs_without_edges_are_learned_from() -> None:
    store = graphs("tu", 12)
    bare = replace(store, edge_index=store.edge_index[:, :0], edge_ptr=torch.zeros_like(store.edge_ptr))
    for reading in ("repaired", "own"):
        run = Training(bare, training("drgcl", "tu", reading=reading).settings, 0, "cpu")
        assert math.isfinite(run.run_epoch()["loss"] or math.nan)


def test_heads_have_the_published_size() -> None:
    made = made_head((96, 512, 512, 512), True, torch.Generator())
    assert sum(p.numel() for p in made.parameters()) == 96 * 512 + 2 * 512 * 512 + 4 * 512
    assert type(made[-1]) is torch.nn.Linear and made[-1].bias is None
