"""InfoGraph's objective against its published loop, and that it falls."""

import math

import pytest
import torch
from torch.nn.functional import softplus

from kanrepro.core.errors import UserError
from kanrepro.methods.objectives import InfoGraph
from kanrepro.models.gin import GIN
from kanrepro.models.graph_encoder import pool
from kanrepro.models.superpixel_gin import SuperpixelGIN
from kanrepro.pretraining.families import SuperpixelPretrainSettings
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.store.store import GraphBatch, pointers


@pytest.fixture
def world() -> tuple[InfoGraph, GraphBatch]:
    generator = torch.Generator().manual_seed(0)
    ring = torch.arange(12)
    graph, place = ring // 4, ring % 4
    edges = torch.stack([ring, graph * 4 + (place + 1) % 4])
    x = torch.rand(12, 3, generator=generator) + graph.unsqueeze(1)
    batch = GraphBatch(x, edges, pointers(torch.tensor([4, 4, 4])), torch.tensor([0, 4, 8, 12]))
    return InfoGraph(SuperpixelGIN(3, 5, 1, "mlp", generator=generator), SuperpixelPretrainSettings(), generator), batch


def test_loss_is_the_published_one_pair_by_pair(world: tuple[InfoGraph, GraphBatch]) -> None:
    """cortex_DIM's JSD as InfoGraph calls it (unsupervised/losses.py), over N nodes and G graphs."""
    model, batch = world
    with torch.no_grad():
        found = float(model.eval()(batch, torch.Generator())["loss"])
        h = model.encoder.nodes(batch)
        local, whole = model.local(h), model.whole(pool(h, batch, "sum"))
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


def test_training_tells_nodes_of_different_graphs_apart(world: tuple[InfoGraph, GraphBatch]) -> None:
    model, batch = world
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    made = [model.train()(batch, torch.Generator())]
    for _ in range(150):
        optimiser.zero_grad()
        made[-1]["loss"].backward()
        optimiser.step()
        made.append(model(batch, torch.Generator()))
    assert made[-1]["loss"] < made[0]["loss"] and made[-1]["accuracy"] > 0.95


def test_an_encoder_without_states_of_nodes_is_refused() -> None:
    with pytest.raises(UserError, match="encoder.family must be superpixel"):
        InfoGraph(GIN(3, 4, 1), PretrainSettings())
