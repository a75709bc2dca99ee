"""InfoGraph's objective against its published loop, its laws, and that it falls, on all families of graphs."""

import math

import pytest
import torch
from torch.nn.functional import softplus

from kanrepro.contrast.loss import jensen_shannon_loss, shifted_loss
from kanrepro.methods.folder import find
from kanrepro.models.gin import GIN
from kanrepro.models.graph_encoder import GraphEncoder, pool
from kanrepro.models.superpixel_gin import SuperpixelGIN
from kanrepro.pretraining.families import SuperpixelPretrainSettings
from kanrepro.pretraining.model import Model
from kanrepro.pretraining.settings import PretrainSettings, with_keys
from kanrepro.store.store import GraphBatch, pointers

INFOGRAPH = find("infograph")
SETTINGS = {
    GIN: with_keys(PretrainSettings, [INFOGRAPH])(),
    SuperpixelGIN: with_keys(SuperpixelPretrainSettings, [INFOGRAPH])(),
}


@pytest.fixture(params=[GIN, SuperpixelGIN])
def world(request: pytest.FixtureRequest) -> tuple[Model, GraphBatch]:
    generator = torch.Generator().manual_seed(0)
    ring = torch.arange(12)
    graph, place = ring // 4, ring % 4
    edges = torch.stack([ring, graph * 4 + (place + 1) % 4])
    x = torch.rand(12, 3, generator=generator) + graph.unsqueeze(1)
    batch = GraphBatch(x, edges, pointers(torch.tensor([4, 4, 4])), torch.tensor([0, 4, 8, 12]))
    encoder: GraphEncoder = request.param(3, 5, 2, "mlp", generator=generator)
    return Model(INFOGRAPH, encoder, SETTINGS[request.param], generator), batch


def loss(model: Model, batch: GraphBatch) -> dict[str, torch.Tensor]:
    return dict(model(INFOGRAPH.loss, batch, torch.Generator()))


def test_loss_is_the_published_one_pair_by_pair(world: tuple[Model, GraphBatch]) -> None:
    """cortex_DIM's JSD as InfoGraph calls it (unsupervised/losses.py), over N nodes and G graphs."""
    model, batch = world
    with torch.no_grad():
        found = float(loss(model.eval(), batch)["loss"])
        h = model.encoder.nodes(batch)
        z = pool(h, batch, "sum")
        torch.testing.assert_close(z, model.encoder(batch))  # joining and reading out commute
        local, whole = model.local(h), model.whole(z)
    positive, negative = 0.0, 0.0
    for node in range(12):
        for graph in range(3):
            score = float(local[node] @ whole[graph])
            minus = float(softplus(torch.tensor(-score)))
            if node // 4 == graph:
                positive += math.log(2) - minus
            else:
                negative += minus + score - math.log(2)
    assert found == pytest.approx(negative / 24 - positive / 12, rel=1e-4)


def test_the_loss_and_its_gradient_by_hand() -> None:
    scores = torch.tensor([[1.0, -1.0], [0.5, 0.0], [2.0, -0.5]], requires_grad=True)
    own = torch.tensor([[True, False], [True, False], [False, True]])
    made = jensen_shannon_loss(scores, own)
    made.backward()
    assert float(made.detach()) == pytest.approx(0.245290, abs=1e-6)
    sigmoid = torch.sigmoid(scores.detach())
    expected = torch.where(own, -(1 - sigmoid) / 3, sigmoid / 3)
    torch.testing.assert_close(scores.grad, expected)
    assert float(jensen_shannon_loss(torch.zeros(3, 2), own)) == pytest.approx(0, abs=1e-6)


def test_training_tells_nodes_of_different_graphs_apart(world: tuple[Model, GraphBatch]) -> None:
    model, batch = world
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    made = [loss(model.train(), batch)]
    for _ in range(150):
        optimiser.zero_grad()
        made[-1]["loss"].backward()
        optimiser.step()
        made.append(loss(model, batch))
    assert made[-1]["loss"] < made[0]["loss"] and made[-1]["accuracy"] > 0.95


OWN = torch.tensor([[True, False], [True, False], [False, True]])
H = torch.tensor([[1.0, 0.0], [0.0, 0.5], [-1.0, 1.0]])


def test_scores_that_are_sums_of_nodes() -> None:
    z = torch.stack([H[:2].sum(0), H[2]])
    assert float(jensen_shannon_loss(H @ z.T, OWN)) == pytest.approx(-0.460446, abs=1e-6)
    deep, whole = torch.relu(H) + H, torch.relu(z) + z  # discriminators whose weights are the identity
    assert float(jensen_shannon_loss(deep @ whole.T, OWN)) == pytest.approx(-0.291251, abs=1e-6)


def test_two_equal_graphs_leave_the_scores_of_nodes() -> None:
    assert float(jensen_shannon_loss(torch.ones(3, 2), OWN)) == pytest.approx(0.240229, abs=1e-6)


def test_deep_graph_infomax_by_hand() -> None:
    r = torch.sigmoid(torch.stack([H[:2].mean(0), H[2]]))
    scores = H @ r.T
    torch.testing.assert_close(scores[OWN], torch.tensor([0.622459, 0.281088, 0.462117]), rtol=0, atol=1e-6)
    assert float(shifted_loss(scores, OWN)) == pytest.approx(1.291065, abs=1e-6)
    assert float(shifted_loss(scores, OWN) - jensen_shannon_loss(scores, OWN)) == pytest.approx(2 * math.log(2))
    assert float(shifted_loss(0 * scores, OWN)) == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize("changed", [{"form": "dgi"}, {"prior": True}, {"discriminator": "linear2"}])
def test_its_other_forms_train(world: tuple[Model, GraphBatch], changed: dict[str, object]) -> None:
    model, batch = world
    settings = model.settings.model_copy(update={"infograph": model.own.model_copy(update=changed)})
    other = Model(INFOGRAPH, model.encoder, settings, torch.Generator().manual_seed(0))
    made = loss(other, batch)
    made["loss"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in other.parameters())
    assert ("loss_prior" in made) == ("prior" in changed)


def test_discriminators_have_the_published_size() -> None:
    model = Model(INFOGRAPH, GIN(3, 32, 3, "mlp"), SETTINGS[GIN])
    assert sum(p.numel() for name in ("local", "whole") for p in getattr(model, name).parameters()) == 74_496
