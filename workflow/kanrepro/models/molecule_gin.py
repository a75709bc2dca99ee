"""The GIN of Hu et al. for molecules, whose update networks are MLPs or KANs of the same sizes (Khan-GCL, table 5).

Per layer, with D the width and b_kind, b_direction embeddings of bonds that every layer has of its own:

    m_i = sum over bonds j -> i of (h_j + b_kind + b_direction)  +  (h_i + b_selfloop + b_none)
    h_i = dropout(ReLU(BN(network(m_i)))),    without the ReLU in the last layer

and z is the mean of the last h over a molecule's atoms. Source: chem/model.py of snap-stanford/pretrain-gnns, which
GraphCL uses unchanged, with one difference: the table of chiralities has room for all four of them.
"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from kanrepro.models.graph_encoder import GraphEncoder, pool, sum_neighbours, update_network
from kanrepro.store.atoms import ATOMS, BONDS, CHIRALITIES, DIRECTIONS, SELF_LOOP
from kanrepro.store.store import GraphBatch

BOND_KINDS = BONDS * DIRECTIONS


class MoleculeBlock(nn.Module):
    """One layer: sum over bonds and the self-loop, network, batch norm.

    With `normalise_input` a batch norm without affine parameters stands before the network.
    """

    def __init__(
        self, network: nn.Sequential, hidden: int, normalise_input: bool, generator: torch.Generator | None
    ) -> None:
        super().__init__()
        self.bonds = _embedding(BONDS, hidden, generator)
        self.directions = _embedding(DIRECTIONS, hidden, generator)
        self.normalise = nn.BatchNorm1d(hidden, affine=False) if normalise_input else nn.Identity()
        self.network = network
        self.norm = nn.BatchNorm1d(hidden)

    def forward(self, h: Tensor, edge_index: Tensor, bond_counts: Tensor) -> Tensor:
        """(N, D), (2, E) and (N, 18) bonds of each kind at every atom, its self-loop among them, to (N, D).

        What bonds add to a sum is their counts times the embeddings of the 18 kinds: no tensor of E rows for it.
        """
        kinds = self.bonds.weight.unsqueeze(1) + self.directions.weight  # (6, 3, D)
        sums = h + sum_neighbours(h, edge_index) + bond_counts @ kinds.flatten(0, 1)
        return self.norm(self.network(self.normalise(sums)))


class MoleculeGIN(GraphEncoder):
    """Atom and chirality embeddings, a stack of layers, and the readout of the last.

    Args:
        hidden: D, width of every layer; networks are D - 2D - D.
        layers: number of layers.
        network: "mlp" or "kan", two layers.
        readout: "mean" or "sum" over atoms.
        normalise_input: batch norm without affine parameters before each block's network.
        dropout: after every layer, in training.
        kan: arguments of KANLinear (grid, order, grid_range, base, coefficient_scale).
        generator: source of the initial values.
    """

    def __init__(
        self,
        hidden: int = 300,
        layers: int = 5,
        network: Literal["mlp", "kan"] = "kan",
        readout: Literal["sum", "mean"] = "mean",
        normalise_input: bool = False,
        dropout: float = 0.0,
        kan: dict[str, Any] | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.readout: Literal["sum", "mean"] = readout
        self.join: Literal["concat", "last"] = "last"
        self.out_features = hidden
        self.atoms = _embedding(ATOMS, hidden, generator)
        self.chiralities = _embedding(CHIRALITIES, hidden, generator)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList()
        for _ in range(layers):
            made = update_network(network, (hidden, 2 * hidden, hidden), kan, generator)
            self.blocks.append(MoleculeBlock(made, hidden, normalise_input, generator))

    def nodes(self, batch: GraphBatch) -> Tensor:
        """A batch of molecules, x (N, 2) and edge_attr (E, 2) integers, to the last states (N, D) of their atoms."""
        h = self.atoms(batch.x[:, 0].long()) + self.chiralities(batch.x[:, 1].long())
        counts = bond_counts(batch).to(h.dtype)
        for block in self.blocks:
            h = block(h, batch.edge_index, counts)
            h = self.dropout(h if block is self.blocks[-1] else torch.relu(h))
        return h

    def forward(self, batch: GraphBatch) -> Tensor:
        """A batch of G molecules to z (G, D)."""
        return pool(self.nodes(batch), batch, self.readout)


def bond_counts(batch: GraphBatch) -> Tensor:
    """(N, 18) how many bonds of each kind, 3 * bond + direction, enter each atom; its self-loop is one of them."""
    assert batch.edge_attr is not None, "molecules have bonds with fields"
    bond, direction = batch.edge_attr.long().T
    place = (batch.edge_index[1] * BONDS + bond) * DIRECTIONS + direction
    counts = torch.zeros(batch.num_nodes * BOND_KINDS, device=place.device)
    counts.index_add_(0, place, torch.ones_like(counts[:1]).expand(len(place)))
    counts = counts.view(-1, BOND_KINDS)
    counts[:, SELF_LOOP * DIRECTIONS] += 1
    return counts


def _embedding(rows: int, width: int, generator: torch.Generator | None) -> nn.Embedding:
    """Xavier-uniform, as all embeddings of Hu et al."""
    made = nn.Embedding(rows, width)
    nn.init.xavier_uniform_(made.weight, generator=generator)
    return made
