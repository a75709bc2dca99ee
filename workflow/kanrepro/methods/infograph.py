"""InfoGraph: nodes are told whether they belong to a graph, by what they and the graph have in common.

Paper: Sun et al., InfoGraph (2020), section 3. Public code: fanyun-sun/InfoGraph@673a065, unsupervised/. Table 7 prints
it as InfoMax.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kanrepro.methods.method import Method

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from kanrepro.models.graph_encoder import GraphEncoder
    from kanrepro.pretraining.model import Model
    from kanrepro.pretraining.settings import PretrainSettings
    from kanrepro.pretraining.training import Training
    from kanrepro.store.store import GraphBatch


class InfoGraph(Method):
    """Two discriminators f and g; T(n, G) = <f(h_n), g(z_G)>. A step sees untouched graphs."""

    label = "InfoGraph"
    place = 0
    network = "mlp"
    usual = ("superpixel",)
    printed = {"table7": "InfoMax"}
    columns = ("accuracy",)
    many = True

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module]:
        from kanrepro.models.discriminator import Discriminator

        return {name: Discriminator(encoder.out_features, generator) for name in ("local", "whole")}

    def see(
        self, run: Training, index: Tensor, size: int, generator: torch.Generator
    ) -> Sequence[Iterator[GraphBatch]]:
        return [run.graphs.untouched(index, size)]

    def loss(self, model: Model, batch: GraphBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """G graphs of N nodes to the loss, and the share of pairs that are told right, both kinds alike."""
        import torch

        from kanrepro.contrast.loss import jensen_shannon_loss
        from kanrepro.models.graph_encoder import pool

        h = model.encoder.nodes(batch)
        z = pool(h, batch, model.settings.encoder.readout)
        scores = (model.local(h) @ model.whole(z).T).float()  # (N, G)
        own = batch.node_graph().unsqueeze(1) == torch.arange(batch.num_graphs, device=h.device)
        accuracy = ((scores[own] > 0).float().mean() + (scores[~own] <= 0).float().mean()) / 2
        return {"loss": jensen_shannon_loss(scores, own), "accuracy": accuracy}
