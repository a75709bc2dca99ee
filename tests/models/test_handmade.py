"""Features that nobody learned: their values on a tiny world, and who may ask for them."""

import math

import pytest
import torch

from kanrepro.core.errors import UserError
from kanrepro.core.parts import validate
from kanrepro.methods.folder import built_in
from kanrepro.methods.readings import readings_of, usual
from kanrepro.models.encoders import build_encoder
from kanrepro.models.handmade import Handmade
from kanrepro.models.settings import EncoderSettings
from kanrepro.store.store import GraphBatch


def world() -> GraphBatch:
    """A path of three nodes (labels 0, 1, 1), an isolated node (label 0), and a graph without nodes."""
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    return GraphBatch(x, edges, torch.tensor([0, 3, 4, 4]), torch.tensor([0, 4, 4, 4]))


def test_a_histogram_counts_labels() -> None:
    z = Handmade(2, "histogram")(world())
    torch.testing.assert_close(z.expm1(), torch.tensor([[1.0, 2.0], [1.0, 0.0], [0.0, 0.0]]))


def test_statistics_are_counts_moments_and_the_largest_degree() -> None:
    encoder = Handmade(2, "statistics")
    z = encoder(world()).expm1()
    # degrees 1, 2, 1
    moments = [(sum(d**power for d in (1, 2, 1)) / 3) ** (1 / power) for power in range(1, 5)]
    torch.testing.assert_close(z[0], torch.tensor([3.0, 4.0, *moments, 2.0]))
    torch.testing.assert_close(z[1:], torch.tensor([[1.0, 0, 0, 0, 0, 0, 0], [0.0] * 7]))
    assert z.shape[1] == encoder.out_features and not list(encoder.parameters())


def test_they_see_no_labels_of_nodes_and_no_order() -> None:
    batch = world()
    turned = GraphBatch(batch.x.flip(1), batch.edge_index.flip(0), batch.node_ptr, batch.edge_ptr)
    encoder = Handmade(2, "statistics")
    assert torch.equal(encoder(batch), encoder(turned))
    assert math.isclose(float(Handmade(2, "histogram")(turned)[0, 0].expm1()), 2.0, rel_tol=1e-6)


def test_controls_take_the_place_of_an_encoder_on_tu_sets_alone() -> None:
    made = build_encoder(7, EncoderSettings(network="histogram"))
    assert isinstance(made, Handmade) and made.out_features == 7
    with pytest.raises(UserError, match="features 'statistics' are of TU sets"):
        validate(EncoderSettings, {"family": "molecule", "network": "statistics"}, "--settings")
    assert built_in()["label_histogram"].families == built_in()["graph_statistics"].families == ("tu",)
    # the same in every reading where features of nodes are the same
    assert readings_of("graph_statistics", usual("tu"), labelled=True) == ["literal"]
