"""What every method keeps to, found by its file: no line here is about any one of them."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from method_worlds import first_step, training
from torch import Tensor

from kanrepro.core import resume
from kanrepro.core.errors import UserError
from kanrepro.methods.folder import find, of
from kanrepro.pretraining.training import Training, columns
from kanrepro.store.store import GraphBatch, pointers

STILL = {"views": {"kinds": ["drop_nodes"], "drop_ratio": 0}}  # views are the graphs themselves


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test for each method, or the one that --method names, on each family that it can learn from."""
    if "method" in metafunc.fixturenames:
        own = metafunc.config.getoption("--method")
        kinds = ("variant", "method", "objective")
        names = [find(own).name] if own else [name for name in of(*kinds) if not find(name).on_kans]
        metafunc.parametrize(("method", "family"), [(name, family) for name in names for family in find(name).families])


def on(network: str, method: str, family: str, count: int = 12, **changes: Any) -> Training:
    """A small run with an MLP or a KAN encoder; a method that cannot learn with one says so in one line."""
    try:
        return training(method, family, count, encoder={"network": network}, **changes)
    except UserError as refused:
        assert network != find(method).network
        pytest.skip(str(refused))


def weights(run: Training) -> list[Tensor]:
    return [tensor.clone() for tensor in run.model.state_dict().values()]


def reordered(part: Any, order: Tensor) -> Any:
    """The graphs of a batch in another order, and the nodes of each the other way round; a tensor's rows likewise."""
    if not isinstance(part, GraphBatch):
        return part[order]
    part = part.select(order)
    owner = part.node_graph()
    first, end = part.node_ptr[:-1][owner], part.node_ptr[1:][owner]
    place = first + end - 1 - torch.arange(part.num_nodes)  # where each node goes, and where it comes from
    return replace(part, x=part.x[place], edge_index=place[part.edge_index])


@pytest.fixture
def without_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws within a loss are their means: what is drawn for a graph then moves with it."""
    monkeypatch.setattr(torch, "randn", lambda shape, generator=None, **kind: torch.zeros(shape, **kind))
    monkeypatch.setattr(torch, "rand", lambda shape, generator=None, **kind: torch.full(shape, 0.5, **kind))
    monkeypatch.setattr(
        torch, "randint", lambda low, high, shape, generator=None, **kind: torch.full(shape, low, **kind)
    )


def test_the_order_of_nodes_and_graphs_is_nothing_to_the_loss(
    method: str, family: str, request: pytest.FixtureRequest
) -> None:
    run = training(method, family)
    seen = first_step(run)
    request.getfixturevalue("without_chance")
    order = torch.arange(seen[0].num_graphs).flip(0)
    found = [
        run.terms(tuple(parts), torch.Generator())["loss"].item()
        for parts in (seen, [reordered(p, order) for p in seen])
    ]
    assert found[1] == pytest.approx(found[0], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("network", ["mlp", "kan"])
def test_gradients_reach_all_of_the_encoder_and_each_weight_has_one_optimiser(
    method: str, family: str, network: str
) -> None:
    run = on(network, method, family)
    seen, generator = first_step(run), torch.Generator().manual_seed(0)
    run.terms(seen, generator)["loss"].backward()
    missed = [name for name, p in run.model.encoder.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not missed
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in run.model.encoder.parameters())
    run.method.step(run, seen, generator)
    owners = [id(p) for optimiser in run.optimisers for group in optimiser.param_groups for p in group["params"]]
    learned = [id(p) for p in run.model.parameters() if p.grad is not None]
    assert len(owners) == len(set(owners)) and set(learned) <= set(owners)


@pytest.mark.parametrize("network", ["mlp", "kan"])
def test_eight_graphs_are_overfitted(method: str, family: str, network: str) -> None:
    run = on(network, method, family, 8, **STILL, optimiser={"learning_rate": 3e-3})
    for other in run.optimisers[1:]:  # what learns against the encoder stands still
        other.param_groups[0]["lr"] = 0.0
    epochs = 30 if len(run.optimisers) == 1 else 120  # what stands still is noise to it
    losses = [run.run_epoch()["loss"] or 0.0 for _ in range(epochs)]
    assert np.mean(losses[-5:]) < losses[0]
    assert [list(row) for row in run.history[:1]] == [list(columns(run.method))]


def test_broken_off_anywhere_it_goes_on_to_the_same_bits(method: str, family: str, tmp_path: Path) -> None:
    straight = training(method, family)
    while straight.epoch < 3:
        straight.run_epoch()
    for epochs in range(3):
        broken, again = training(method, family), training(method, family)
        for _ in range(epochs):
            broken.run_epoch()
        if epochs:
            resume.save(broken, tmp_path / f"{epochs}.safetensors", {})
            again.restore(*resume.checkpoint.load(tmp_path / f"{epochs}.safetensors"))
        while again.epoch < 3:
            again.run_epoch()
        assert all(itertools.starmap(torch.equal, zip(weights(straight), weights(again), strict=True))), epochs


def test_a_batch_of_one_graph_is_refused(method: str, family: str) -> None:
    with pytest.raises(UserError, match="at least two graphs"):
        training(method, family, 1).run_epoch()
    assert [seen[0].num_graphs for seen in _steps(training(method, family, 9))] == [8]  # the ninth is left out


def _steps(run: Training) -> Iterator[tuple[Any, ...]]:
    run.method.before_epoch(run, torch.Generator().manual_seed(0))
    return run.views(torch.Generator().manual_seed(0))


def test_mixed_precision_gives_nearly_the_same_loss(method: str, family: str) -> None:
    exact, rounded = (
        training(method, family, optimiser={"precision": precision}).run_epoch()
        for precision in ("float32", "bfloat16")
    )
    assert rounded["loss"] == pytest.approx(exact["loss"], rel=0.1, abs=0.1)


def test_the_order_of_a_batch_is_turned_round() -> None:
    batch = GraphBatch(torch.arange(5.0).unsqueeze(1), torch.tensor([[0, 3], [1, 4]]), pointers(torch.tensor([3, 2])),
                       torch.tensor([0, 1, 2]))  # fmt: skip
    made = reordered(batch, torch.tensor([1, 0]))
    assert made.x.flatten().tolist() == [4.0, 3.0, 2.0, 1.0, 0.0]
    assert made.edge_index.tolist() == [[1, 4], [0, 3]] and made.node_ptr.tolist() == [0, 2, 5]
