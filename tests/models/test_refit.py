"""Encoders whose grids are moved, and encoders that follow others."""

from copy import deepcopy

import torch
from worlds import rings_and_stars

from kanrepro.kan import KANLinear
from kanrepro.kan.grids import refit
from kanrepro.models.gin import GIN
from kanrepro.models.graph_encoder import pool, sum_neighbours
from kanrepro.models.refit import adaptive, follow, refit_grids
from kanrepro.store.store import GraphBatch


def encoder(seed: int = 0) -> GIN:
    return GIN(1, 4, 2, kan={"adaptive": 0.02}, generator=torch.Generator().manual_seed(seed))


def batch() -> GraphBatch:
    store = rings_and_stars(6)
    return store.batch(torch.arange(6), torch.rand(len(store.x), 1, generator=torch.Generator().manual_seed(0)))


def test_each_layer_is_refitted_on_what_layers_before_it_give_with_new_grids() -> None:
    ours, loop, seen = encoder(), encoder(), batch()
    ours.train()
    refit_grids(ours, seen)
    h = seen.x
    for block in loop.blocks:  # the released code's loop
        o = h + sum_neighbours(h, seen.edge_index)
        for layer in block.network:  # type: ignore[union-attr]
            assert isinstance(layer, KANLinear)
            refit(layer, o)
            o = layer(o)
        h = block.norm(torch.relu(o))  # type: ignore[operator]
    assert all(layer.moved for layer in adaptive(ours))
    for (name, a), b in zip(ours.state_dict().items(), loop.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    torch.testing.assert_close(ours(seen)[:, 4:], pool(h, seen, "sum"))


def test_a_target_takes_weights_and_knots_but_no_running_statistics() -> None:
    target, online = encoder(1), encoder(2)
    online(batch())
    refit_grids(online, batch())
    before = deepcopy(target.state_dict())
    follow(target, online, 0.8)
    for (name, new), old, other in zip(
        target.state_dict().items(), before.values(), online.state_dict().values(), strict=True
    ):
        still = "running" in name or "tracked" in name
        torch.testing.assert_close(new, old if still else 0.8 * old + 0.2 * other)


def test_twice_leaves_four_fifths_of_four_fifths_and_equal_grids_stay_equal() -> None:
    target, online = encoder(1), encoder(2)
    first = target.blocks[0].norm.weight.detach().clone() * 3  # type: ignore[union-attr]
    with torch.no_grad():
        target.blocks[0].norm.weight.copy_(first)  # type: ignore[union-attr]
    follow(target, online, 0.8)
    follow(target, online, 0.8)
    torch.testing.assert_close(target.blocks[0].norm.weight.detach(), 0.64 * first + 0.36)  # type: ignore[union-attr]
    assert not any(layer.moved for layer in adaptive(target))


def test_blocks_of_one_size_can_start_alike() -> None:
    alike = GIN(3, 4, 3, generator=torch.Generator().manual_seed(0), alike=True)
    usual = GIN(3, 4, 3, generator=torch.Generator().manual_seed(0))
    second, third = (list(alike.blocks[i].state_dict().values()) for i in (1, 2))
    assert all(torch.equal(a, b) for a, b in zip(second, third, strict=True))
    assert torch.equal(alike.blocks[0].network[0].coefficients, usual.blocks[0].network[0].coefficients)  # type: ignore[index,union-attr]
    assert not torch.equal(usual.blocks[1].network[0].coefficients, usual.blocks[2].network[0].coefficients)  # type: ignore[index,union-attr]
