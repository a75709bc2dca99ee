"""The encoder of molecules: Hu et al.'s layer as a loop, sizes of table 5, invariance, and back from its checkpoint."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from worlds import small_molecules

from kanrepro.core import checkpoint
from kanrepro.core.errors import UserError
from kanrepro.models.encoders import build_encoder, load_encoder
from kanrepro.models.molecule_gin import MoleculeGIN, bond_counts
from kanrepro.pretraining.families import MoleculePretrainSettings
from kanrepro.store.store import GraphBatch


def molecules(count: int = 10) -> GraphBatch:
    return small_molecules(count).batch(torch.arange(count))


def hu_nodes(encoder: Any, batch: GraphBatch) -> Tensor:
    """chem/model.py of Hu et al. in evaluation mode, atom by atom and bond by bond."""
    h = encoder.atoms(batch.x[:, 0].long()) + encoder.chiralities(batch.x[:, 1].long())
    n = batch.num_nodes
    loops = [(i, i, 4, 0) for i in range(n)]
    assert batch.edge_attr is not None
    bonds = [
        (*ends, *fields) for ends, fields in zip(batch.edge_index.T.tolist(), batch.edge_attr.tolist(), strict=True)
    ]
    for number, block in enumerate(encoder.blocks):
        sums = torch.zeros_like(h)
        for source, target, bond, direction in bonds + loops:
            sums[target] += h[source] + block.bonds.weight[bond] + block.directions.weight[direction]
        h = block.norm(block.network(block.normalise(sums)))
        if number < len(encoder.blocks) - 1:
            h = torch.relu(h)
    return h


@pytest.mark.parametrize("network", ["mlp", "kan"])
@pytest.mark.parametrize("normalise", [False, True])
def test_the_encoder_is_that_of_hu_et_al(network: Any, normalise: bool) -> None:
    encoder = MoleculeGIN(8, 3, network, normalise_input=normalise, generator=torch.Generator().manual_seed(1)).double()
    batch = molecules()
    encoder.train()(batch)  # running statistics other than those of a fresh batch norm
    encoder.eval()
    with torch.no_grad():
        nodes = hu_nodes(encoder, batch)
        torch.testing.assert_close(encoder.nodes(batch), nodes)
        means = [part.mean(0) for part in nodes.split(batch.node_ptr.diff().tolist())]
        torch.testing.assert_close(encoder(batch), torch.stack(means))


def test_bonds_of_every_kind_are_counted() -> None:
    """Propene, C=C-C: at the middle carbon a double and a single bond, and each atom's self-loop."""
    x, ends = torch.tensor([[5, 0]] * 3), torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    fields = torch.tensor([[1, 0], [1, 0], [0, 2], [0, 2]])
    batch = GraphBatch(x, ends, torch.tensor([0, 3]), torch.tensor([0, 4]), fields)
    counts = bond_counts(batch)
    expected = torch.zeros(3, 18)
    expected[:, 4 * 3] = 1  # self-loops
    expected[0, 1 * 3] = expected[1, 1 * 3] = 1  # double, without direction
    expected[1, 0 * 3 + 2] = expected[2, 0 * 3 + 2] = 1  # single, down
    assert torch.equal(counts, expected)


def test_sizes_of_table_5() -> None:
    encoder: Any = MoleculeGIN(network="mlp")
    assert encoder.out_features == 300 and len(encoder.blocks) == 5 and not encoder.scored_coefficients()
    for block in encoder.blocks:
        assert [(m.in_features, m.out_features) for m in block.network if isinstance(m, nn.Linear)] == [
            (300, 600),
            (600, 300),
        ]
    kan: Any = MoleculeGIN(6, 2)
    assert [tuple(c.shape) for c in kan.scored_coefficients()] == [(12, 6, 8)]  # the last layer of the last block
    assert kan.blocks[0].network[0].coefficients.shape == (6, 12, 8)


def test_an_atom_of_any_chirality_has_an_embedding() -> None:
    batch = molecules(2)
    batch.x[:, 1] = 3  # "other", for which the table of Hu et al. has no room
    assert MoleculeGIN(4, 1)(batch).isfinite().all()


def test_atom_order_does_not_change_z() -> None:
    encoder = MoleculeGIN(8, 2, normalise_input=True).double()
    batch = molecules()
    sizes = zip(batch.node_ptr.tolist(), batch.node_ptr.tolist()[1:], strict=False)
    within = torch.cat([torch.randperm(b - a) + a for a, b in sizes])
    number = torch.empty_like(within)
    number[within] = torch.arange(len(within))
    moved = GraphBatch(batch.x[within], number[batch.edge_index], batch.node_ptr, batch.edge_ptr, batch.edge_attr)
    torch.testing.assert_close(encoder(batch), encoder(moved))


def test_dropout_is_for_training_alone() -> None:
    encoder, batch = MoleculeGIN(8, 2, dropout=0.5), molecules()
    assert not torch.equal(encoder(batch), encoder(batch))
    encoder.eval()
    assert torch.equal(encoder(batch), encoder(batch))


def test_a_checkpoint_rebuilds_the_encoder(tmp_path: Path) -> None:
    settings = MoleculePretrainSettings.model_validate({"encoder": {"hidden": 6, "layers": 2}})
    encoder, batch = build_encoder(2, settings.encoder), molecules()
    encoder(batch)
    meta = {"settings": settings.model_dump(mode="json"), "in_features": 2}
    checkpoint.save(tmp_path / "encoder.safetensors", encoder.state_dict(), meta)
    found, told = load_encoder(tmp_path / "encoder.safetensors", dropout=0.3)
    assert told == meta and isinstance(found, MoleculeGIN) and found.dropout.p == 0.3
    assert torch.equal(found.eval()(batch), encoder.eval()(batch))
    checkpoint.save(tmp_path / "other.safetensors", encoder.state_dict(), {**meta, "settings": {}})
    with pytest.raises(UserError, match="is not a checkpoint of this version's encoders"):
        load_encoder(tmp_path / "other.safetensors")
