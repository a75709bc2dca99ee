"""Retrieval against loops: exact neighbours, turning by an angle, and shares that count."""

import numpy as np
import pytest
import torch

from kanrepro.superpixels.retrieve import compare, nearest, one_of_each, turned
from kanrepro.superpixels.settings import RetrievalSettings


def test_nearest_are_those_of_a_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    z, queries = torch.randn(40, 6, generator=generator), torch.randn(3, 6, generator=generator)
    itself = torch.tensor([4, 5, 6])
    cosines, numbers = nearest(queries, z, 5, itself)
    for row in range(3):
        by_hand = sorted(
            ((float(torch.cosine_similarity(queries[row], z[n], 0)), n) for n in range(40) if n != itself[row]),
            reverse=True,
        )[:5]
        assert numbers[row].tolist() == [n for _, n in by_hand]
        assert cosines[row].tolist() == pytest.approx([cosine for cosine, _ in by_hand], abs=1e-5)


def test_turning_gives_the_distance_and_stays_in_the_plane() -> None:
    generator = torch.Generator().manual_seed(0)
    z, push = torch.randn(7, 9, generator=generator), torch.randn(7, 9, generator=generator)
    for distance in (0.001, 0.1, 0.9):
        made = turned(z, push, distance)
        assert torch.allclose(1 - torch.cosine_similarity(made, z), torch.tensor(distance), atol=1e-5)
        assert torch.allclose(made.norm(dim=1), torch.ones(7), atol=1e-5)
        for row in range(7):
            assert torch.linalg.matrix_rank(torch.stack([z[row], push[row], made[row]]), rtol=1e-4) == 2
    own = 1 - torch.cosine_similarity(z, z + push)
    assert torch.allclose(torch.cosine_similarity(turned(z, push, own), z + push), torch.ones(7), atol=1e-5)


def test_shares_count_neighbours_of_another_class() -> None:
    """Two classes on two axes: what is pushed across the diagonal has neighbours of the other class."""
    rng = np.random.default_rng(0)
    y = torch.arange(60) % 2
    z = torch.tensor(rng.normal(scale=0.01, size=(60, 2)), dtype=torch.float32)
    z[torch.arange(60), y] += 1
    queries = torch.arange(10)
    across = z[queries].flip(1)
    settings = RetrievalSettings(neighbours=3, distances=(0.01, 0.8))
    found = compare(z, y, queries, {"ckfi": across, "random": 1e-3 * across}, settings)
    shares = found["other_class"]
    assert shares["none"]["own"]["share"] == 0
    for kind in ("ckfi", "random"):
        assert shares[kind]["0.01"]["share"] == 0 and shares[kind]["0.8"]["share"] == 1
    assert found["own_distance"]["mean"] == pytest.approx(1 - 2**-0.5, abs=0.01)
    assert [int(y[queries[row]]) for row in one_of_each(y, queries)] == [0, 1]
