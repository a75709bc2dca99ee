"""GraphACL: its losses by hand, what moves the bank, the target's pace, its views, and where it is InfoNCE."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from method_worlds import first_step, graphs, training
from torch import Tensor

from kanrepro.contrast.diffusion import diffused, pagerank
from kanrepro.contrast.loss import cosines, info_nce, one_way
from kanrepro.core import resume
from kanrepro.core.errors import UserError
from kanrepro.core.parts import validate
from kanrepro.methods.graphacl import GraphaclSettings, set_loss, similarity
from kanrepro.models.refit import follow
from kanrepro.pretraining.training import Training
from kanrepro.store.store import GraphStore, pointers

OWN = GraphaclSettings()
P = torch.tensor([[[1.0, 0.0], [3.0, 4.0]]])
Y = torch.tensor([[[0.6, 0.8], [0.0, 2.0]]])
BANK = torch.tensor([[0.0, 2.0], [-1.0, 0.0], [1.0, 1.0]])
A = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
B = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, -1.0]])


def sim(bank: Tensor, p: Tensor = P, y: Tensor = Y, **keys: Any) -> float:
    return float(similarity(p, y, bank, GraphaclSettings(**keys))["loss"])


def path(nodes: int) -> GraphStore:
    """A path as the only graph of a store."""
    ends = torch.arange(nodes - 1)
    edges = torch.stack([torch.cat([ends, ends + 1]), torch.cat([ends + 1, ends])])
    edges = edges[:, (edges[0] * nodes + edges[1]).argsort()]
    ptr = torch.tensor([0, nodes]), torch.tensor([0, edges.shape[1]])
    return GraphStore(torch.zeros(nodes, 0), edges, None, torch.zeros(1, 1), *ptr)


def test_the_loss_by_hand() -> None:
    assert sim(BANK[:2], P[:, :1], Y[:, :1]) == pytest.approx(0.006717, abs=1e-6)
    assert sim(BANK) == pytest.approx(1.582430, abs=1e-5)
    assert sim(BANK, bank_temperature=0.2) == pytest.approx(1.268841, abs=1e-5)


@pytest.mark.parametrize(("alpha", "loss"), [(1.0, -1.100981), (0.5, -0.250491), (0.0, 0.6)])
def test_the_variant_of_cosines_alone_by_hand(alpha: float, loss: float) -> None:
    assert sim(BANK, variant="star", star_weight=alpha) == pytest.approx(loss, abs=1e-5)


def test_how_alike_negatives_are() -> None:
    assert float(set_loss(BANK, 0.2)) == pytest.approx(-2.623543, abs=1e-5)
    assert float(set_loss(BANK.T, 0.2)) == pytest.approx(-3.418861, abs=1e-5)
    found = [float(set_loss(torch.eye(k), 0.2)) for k in (2, 512)]
    assert found == pytest.approx([-5, 1.236370], abs=1e-5)
    assert float(set_loss(torch.ones(512, 3), 0.2)) == pytest.approx(6.236370, abs=1e-5)
    simplex = torch.eye(3) - 1 / 3
    assert float(set_loss(simplex, 0.2)) == pytest.approx(-6.806853, abs=1e-5)


def test_the_slope_of_how_alike_they_are() -> None:
    bank = torch.randn(9, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    slopes = [torch.autograd.grad(loss, bank)[0] for loss in (set_loss(bank, 0.2), one_way(cosines(bank, bank), 0.2))]
    torch.testing.assert_close(slopes[0], slopes[1])


def test_the_bank_climbs_the_loss() -> None:
    bank = BANK.clone().requires_grad_()
    (slope,) = torch.autograd.grad(similarity(P, Y, bank, OWN)["loss"], bank)
    expected = torch.tensor([[0.186045, 0], [0, 0.000004], [0.834184, -0.834184]])
    torch.testing.assert_close(slope, expected, atol=2e-6, rtol=0)
    assert sim(BANK + 0.01 * slope) == pytest.approx(1.596650, abs=1e-5)
    assert sim(BANK - 0.01 * slope) == pytest.approx(1.568127, abs=1e-5)


def test_lengths_and_rotations_are_nothing_but_to_the_components() -> None:
    longer = BANK * torch.tensor([[2.0], [0.5], [7.0]])
    turn = torch.tensor([[0.8, -0.6], [0.6, 0.8]])
    assert sim(longer) == pytest.approx(sim(BANK), abs=1e-5)
    assert sim(BANK @ turn, P @ turn, Y @ turn) == pytest.approx(sim(BANK), abs=1e-5)
    for other in (longer, BANK @ turn):
        torch.testing.assert_close(set_loss(other, 0.2), set_loss(BANK, 0.2))
        assert abs(float(set_loss(other.T, 0.2) - set_loss(BANK.T, 0.2))) > 0.01


def test_a_bank_of_the_other_targets_is_info_nce() -> None:
    losses = [sim(B[[j for j in range(3) if j != i]], A[None, i : i + 1], B[None, i : i + 1]) for i in range(3)]
    expected = float(info_nce(cosines(A, B), 0.12))
    assert sum(losses) / 3 == pytest.approx(2.744122, abs=1e-5) and expected == pytest.approx(2.744122, abs=1e-5)
    none = torch.zeros(2, 2)  # negatives at cosine 0
    logits = torch.cat([cosines(A, B) / 0.12, torch.zeros(3, 2)], dim=1)
    within = float(-logits.log_softmax(1).diagonal().mean())
    assert sim(none, A[None], B[None], in_batch_negatives=True) == pytest.approx(within, abs=1e-5)


def test_the_target_follows_by_a_hundredth() -> None:
    target, online = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    start = float((target.weight - online.weight).norm().detach())
    for steps, left in ((10, 0.904382), (90, 0.366032)):
        for _ in range(steps):
            follow(target, online, 0.99)
        assert float((target.weight - online.weight).norm().detach()) / start == pytest.approx(left, abs=1e-4)


def state(part: Any) -> list[Tensor]:
    return [part.detach().clone()] if isinstance(part, Tensor) else [p.detach().clone() for p in part.parameters()]


@pytest.mark.parametrize("adversarial", [1.0, 0.0])
@pytest.mark.parametrize("update", ["simultaneous", "alternate"])
def test_encoder_and_bank_move_at_once_or_the_bank_first(update: str, adversarial: float) -> None:
    keys = {"bank_update": update, "adversarial": adversarial, "lambda_rows": 0.5}
    run, other = (training("graphacl", "tu", graphacl=keys) for _ in range(2))
    seen = first_step(run)
    run.method.step(run, seen, torch.Generator())
    model, banking = other.model.train(), other.optimisers[1]
    p = torch.stack([model.predictor(model.encoder(view)) for view in seen])
    y = torch.stack([model.target(view) for view in reversed(seen)]).detach()
    bank = model.bank.detach().clone()
    away = set_loss(model.bank, 0.2) + 0.5 * set_loss(model.bank.T, 0.2)
    (away - adversarial * similarity(p.detach(), y, model.bank, OWN)["loss"]).backward()
    banking.step()
    met = bank if update == "simultaneous" else model.bank.detach()  # by the encoder
    similarity(p, y, met, OWN)["loss"].backward()
    found, expected = (dict(made.model.named_parameters()) for made in (run, other))  # Adam would blow up rounding
    for name in (name for name in found if not name.startswith("target")):
        torch.testing.assert_close(found[name].grad, expected[name].grad, atol=1e-4, rtol=1e-3)


def test_targets_have_no_gradient_and_follow_after_the_step() -> None:
    run = training("graphacl", "tu")
    seen, model = first_step(run), run.model
    before, old = state(model.encoder), state(model.target)
    assert all(map(torch.equal, before, old))  # a copy at first
    run.method.step(run, seen, torch.Generator())
    assert all(p.grad is None for p in model.target.parameters())
    for weight, first, target in zip(state(model.encoder), old, state(model.target), strict=True):
        torch.testing.assert_close(target, 0.99 * first + 0.01 * weight)
    row = run.run_epoch()
    assert 0 < (row["target_gap"] or 0) < 1 and (row["bank_share"] or 2) < 1


@pytest.mark.parametrize("norms", ["own", "copied"])
def test_the_targets_norms_are_its_own_or_the_encoders(norms: str) -> None:
    run = training("graphacl", "tu", graphacl={"target_bn": norms})
    run.run_epoch()
    online = run.model.encoder.get_buffer("blocks.0.norm.running_mean").clone()
    run.terms(first_step(run), torch.Generator())
    mean = run.model.target.get_buffer("blocks.0.norm.running_mean")
    assert run.model.target.training == (norms == "own") and torch.equal(mean, online) == (norms == "copied")


def test_pagerank_of_a_path() -> None:
    adjacency = torch.tensor([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=torch.float64)
    found = pagerank(adjacency)[:2].flatten().tolist()
    assert found == pytest.approx([0.342583, 0.334822, 0.247345, 0.334822, 0.453237, 0.334822], abs=1e-6)


@pytest.mark.parametrize(("nodes", "edges"), [(3, 9), (64, 4096), (65, 4160)])
def test_diffusion_joins_all_pairs_up_to_64_nodes(nodes: int, edges: int) -> None:
    made = diffused(path(nodes))
    assert made.edge_index.shape[1] == edges
    made.check()
    if nodes == 65:  # what is left out are the ends of the path, which are farthest
        here = set(map(tuple, made.edge_index.T.tolist()))
        assert (0, 64) not in here and all((i, i) in here for i in range(65))


def test_diffusion_joins_components_and_several_graphs_at_once() -> None:
    two = replace(path(4), edge_index=torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]]), edge_ptr=torch.tensor([0, 4]))
    assert diffused(two).edge_index.shape[1] == 16
    store = graphs("tu", 6)
    made = diffused(store)
    assert torch.equal(made.edge_ptr, pointers(store.node_ptr.diff() ** 2))
    made.check()


def test_its_own_reading_shows_graphs_and_three_kinds_of_views() -> None:
    run = training("graphacl", "tu", 40, reading="own", optimiser={"batch_size": 40})
    graph, view = first_step(run)
    assert torch.equal(graph.node_ptr, view.node_ptr)
    size, edges = view.node_ptr.diff(), view.edge_ptr.diff()
    loops = (graph.edge_index[0] == graph.edge_index[1]).sum()
    assert int(loops) == int((size - 1).sum())  # all nodes but the last
    whole = edges == size**2
    dropped = edges == graph.edge_ptr.diff() - graph.edge_ptr.diff() // 10
    masked = edges == graph.edge_ptr.diff()
    assert bool((whole | dropped | masked).all()) and whole.any() and masked.any()
    assert run.run_epoch()["loss"] is not None


def test_diffusion_is_resumed_to_the_same_bits(tmp_path: Path) -> None:
    straight, broken, again = (training("graphacl", "tu", reading="own") for _ in range(3))
    for run in (straight, straight, broken):
        run.run_epoch()
    resume.save(broken, tmp_path / "state.safetensors", {})
    again.restore(*resume.checkpoint.load(tmp_path / "state.safetensors"))
    again.run_epoch()
    assert all(map(torch.equal, straight.model.state_dict().values(), again.model.state_dict().values()))


def test_graphs_without_edges_are_learned_from() -> None:
    store = graphs("tu", 12)
    bare = replace(store, edge_index=store.edge_index[:, :0], edge_ptr=torch.zeros_like(store.edge_ptr))
    for reading in ("repaired", "own"):
        settings = training("graphacl", "tu", reading=reading).settings
        assert Training(bare, settings, 0, "cpu").run_epoch()["loss"] is not None


def test_what_cannot_be_is_refused_in_a_line() -> None:
    with pytest.raises(UserError, match="at most 16384"):
        validate(GraphaclSettings, {"bank_size": 100_000}, "config.yaml")
    with pytest.raises(UserError, match="without bonds"):
        training("graphacl", "molecule", graphacl={"diffusion": True})


def test_predictor_and_bank_have_the_published_size() -> None:
    run = training("graphacl", "tu", encoder={"hidden": 512, "join": "last"})
    assert sum(p.numel() for p in run.model.predictor.parameters()) == 2 * 512 * 64 + 64 + 512 + 2 * 64
    assert run.model.bank.shape == (512, 512)
