"""Degrees of views."""

import torch

from kanrepro.store.features import with_own_degrees
from kanrepro.store.store import GraphBatch


def test_nodes_of_a_view_get_its_own_degrees_and_masked_ones_keep_their_mask() -> None:
    x = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.3, 0.9, 0.1]])
    batch = GraphBatch(x, torch.tensor([[0, 1], [1, 0]]), torch.tensor([0, 3]), torch.tensor([0, 2]))
    expected = torch.tensor([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.3, 0.9, 0.1]])
    torch.testing.assert_close(with_own_degrees(batch).x, expected)
