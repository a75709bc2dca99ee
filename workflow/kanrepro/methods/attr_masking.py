"""Attribute masking: the types of masked atoms are told from the rest of the molecule.

Paper: Hu et al., Strategies for Pre-training Graph Neural Networks (2020), section 3.1. Public code:
snap-stanford/pretrain-gnns, chem/pretrain_masking.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from kanrepro.core.parts import Part, Share
from kanrepro.methods.method import Method

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from kanrepro.models.graph_encoder import GraphEncoder
    from kanrepro.pretraining.model import Model
    from kanrepro.pretraining.settings import PretrainSettings
    from kanrepro.pretraining.training import Training
    from kanrepro.store.store import GraphBatch


class MaskingSettings(Part):
    """Attribute masking (Hu et al., 2020): the types of masked atoms are told from the others."""

    ratio: Share = Field(default=0.15, description="share of atoms masked, plus one atom")


class AttrMasking(Method):
    """A linear head on the states of masked atoms. A molecule needs no other: processes take means over their parts."""

    label = "AttrMasking"
    place = 7
    network = "mlp"
    families = ("molecule",)
    usual = ("molecule",)
    printed = {"table1": "AttrMasking"}
    changes = {"optimiser": {"learning_rate": 1e-3}}
    Settings = MaskingSettings
    key = "masking"
    columns = ("accuracy",)
    many = True

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module]:
        from kanrepro.models.graph_encoder import mlp
        from kanrepro.store.atoms import ATOM_TYPES

        return {"head": mlp((encoder.out_features, ATOM_TYPES), generator)}

    def see(
        self, run: Training, index: Tensor, size: int, generator: torch.Generator
    ) -> Sequence[Iterator[GraphBatch]]:
        """Molecules with masked atoms."""
        from kanrepro.contrast.masking import mask_atoms

        graphs = run.graphs
        batch = graphs.original.batch(index, graphs.x)
        return [mask_atoms(batch, run.model.own.ratio, generator).split(size)]

    def loss(self, model: Model, batch: GraphBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """The cross-entropy over types in the mean over masked atoms, and the share of them that are told.

        The batch has x (N, 3) as `mask_atoms` makes it.
        """
        from torch.nn.functional import cross_entropy

        from kanrepro.store.atoms import MASKED_ATOM

        masked = (batch.x[:, 0] == MASKED_ATOM).nonzero().squeeze(1)
        logits = model.head(model.encoder.nodes(batch)[masked]).float()
        truth = batch.x[masked, 2].long()
        return {"loss": cross_entropy(logits, truth), "accuracy": (logits.argmax(1) == truth).float().mean()}
