"""InfoGraph: nodes are told whether they belong to a graph, by what they and the graph have in common.

Paper: Sun et al., InfoGraph (2020), section 3. Public code: fanyun-sun/InfoGraph@673a065, unsupervised/; its habits are
the reading `own`, at one depth, rate and epoch, where its script takes those of the best test accuracy. Table 7 prints
it as InfoMax; `form: dgi` is what Hu et al. call so (chem/pretrain_deepgraphinfomax.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from kanrepro.core.parts import Part, Scale
from kanrepro.methods.method import Method

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from kanrepro.models.graph_encoder import GraphEncoder
    from kanrepro.pretraining.model import Model
    from kanrepro.pretraining.settings import PretrainSettings
    from kanrepro.pretraining.training import Training
    from kanrepro.store.store import GraphBatch


class InfoGraphSettings(Part):
    """InfoGraph."""

    form: Literal["infograph", "dgi"] = Field(
        default="infograph", description="nodes against all graphs of a batch, or against their own and the next one"
    )
    discriminator: Literal["deep_skip", "linear2"] = Field(
        default="deep_skip",
        description="its code's networks f and g, or two layers as in GraphCL's semi-supervised code",
    )
    prior: bool = Field(default=False, description="z is told from uniform noise as well, which it is helped with")
    prior_weight: Scale = Field(default=0.1, description="of that term in the loss")


class InfoGraph(Method):
    """Two discriminators f and g; T(n, G) = <f(h_n), g(z_G)>. A step sees untouched graphs."""

    label = "InfoGraph"
    place = 0
    network = "mlp"
    with_kan = True
    usual = ("superpixel",)
    printed = {"table2": "InfoGraph", "table7": "InfoMax"}
    readings = {
        "tu": {
            "own": {
                "encoder": {"normalise_input": False},
                "features": {"unlabelled": "constant"},
                "optimiser": {"epochs": 20, "learning_rate": 1e-3, "shuffle": "once"},
            }
        }
    }
    Settings = InfoGraphSettings
    columns = ("accuracy", "saturated", "loss_prior")
    many = True

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module | Tensor]:
        import torch
        from torch import nn

        from kanrepro.models.discriminator import Discriminator
        from kanrepro.models.graph_encoder import mlp

        own, width = getattr(settings, self.section), encoder.out_features
        if own.form == "dgi":
            bound = width**-0.5
            return {"bilinear": nn.Parameter((2 * torch.rand((width, width), generator=generator) - 1) * bound)}
        kinds = {"deep_skip": Discriminator, "linear2": lambda width, generator: mlp((width,) * 3, generator)}
        made = {name: kinds[own.discriminator](width, generator) for name in ("local", "whole")}
        return made | ({"prior": mlp((width, width, width, 1), generator)} if own.prior else {})

    def see(
        self, run: Training, index: Tensor, size: int, generator: torch.Generator
    ) -> Sequence[Iterator[GraphBatch]]:
        return [run.graphs.untouched(index, size)]

    def loss(self, model: Model, batch: GraphBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """G graphs of N nodes to the loss, the share of pairs that are told right, both kinds alike, and of scores
        beyond 20, which a sigmoid cannot tell from certainty.
        """
        import torch
        from torch.nn.functional import softplus

        from kanrepro.contrast.loss import jensen_shannon_loss, shifted_loss
        from kanrepro.models.graph_encoder import pool

        h, terms = model.encoder.nodes(batch), {}
        own = batch.node_graph().unsqueeze(1) == torch.arange(batch.num_graphs, device=h.device)
        if model.own.form == "dgi":
            scores = (h @ model.bilinear @ torch.sigmoid(pool(h, batch, "mean")).T).float()  # (N, G)
            others, loss = scores[own.roll(1, dims=1)], shifted_loss(scores, own)
        else:
            z = pool(h, batch, model.settings.encoder.readout)
            scores = (model.local(h) @ model.whole(z).T).float()  # (N, G)
            others, loss = scores[~own], jensen_shannon_loss(scores, own)
            if model.own.prior:
                u = torch.rand(tuple(z.shape), generator=generator, device=z.device)
                # -log d(u) - log(1 - d(z)) with d = sigmoid(prior)
                prior = softplus(-model.prior(u).float()).mean() + softplus(model.prior(z).float()).mean()
                loss, terms = loss + model.own.prior_weight * prior, {"loss_prior": prior}
        accuracy = ((scores[own] > 0).float().mean() + (others <= 0).float().mean()) / 2
        return {"loss": loss, "accuracy": accuracy, "saturated": (scores.abs() > 20).float().mean(), **terms}
