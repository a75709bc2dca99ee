"""RGCL: nodes that a scorer finds telling are kept in views and weigh more; what is left over is a negative.

Paper: Li et al., Let Invariant Rationale Discovery Inspire Graph Contrastive Learning (2022), section 3. Public code:
lsh0520/RGCL@807ff9f, unsupervised_TU/; its habits are the reading `own`, evaluated after the last epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

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


class RgclSettings(Part):
    """RGCL."""

    drop: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.1, description="share of nodes dropped from both views")
    drop_count: Literal["exact", "rounded"] = Field(
        default="exact", description="its floor; rounded: int(n * (1 - keep)) of floats, 0 of 10 nodes (its code)"
    )
    dropped: Literal["removed", "isolated"] = Field(
        default="removed", description="what becomes of dropped nodes; isolated: its code before June 2023"
    )
    complement_weight: Scale = Field(default=0.1, description="lambda, of the complement as a negative")
    loss: Literal["sum", "log_of_sum"] = Field(
        default="sum", description="of two logarithms (paper), or the logarithm of a sum (code)"
    )
    score_temperature: Annotated[float, Field(gt=0)] = Field(default=5.0, description="of softmax over a graph's nodes")
    weight_span: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.1, description="a node's state weighs from 1 - span to 1 in z of the training"
    )
    sampling_floor: Annotated[float, Field(gt=0)] = Field(default=1e-3, description="added to each node's probability")


class RGCL(Method):
    """Score, keep, weigh, contrast. A step sees graphs, rationale views, and complements.

    Scores that views are drawn with are made once an epoch, in evaluation mode; those that weigh, afresh in each view.
    """

    label = "RGCL"
    place = 4
    network = "mlp"
    with_kan = True
    families = ("tu",)
    printed = {"table2": "RGCL"}
    readings = {
        "tu": {
            "own": {
                "encoder": {"normalise_input": False},
                "features": {"unlabelled": "constant", "self_loops": True},
                "contrast": {"head": [96, 96]},
                "optimiser": {"epochs": 40, "learning_rate": 1e-2, "shuffle": "once"},
                "rgcl": {"drop_count": "rounded", "loss": "log_of_sum"},
            }
        }
    }
    Settings = RgclSettings
    columns = ("loss_contrast", "loss_complement", "weight_spread", "weight_least")

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module]:
        from kanrepro.models.gin import GIN
        from kanrepro.models.graph_encoder import mlp
        from kanrepro.models.scorer import Scorer

        assert isinstance(encoder, GIN)
        head = mlp((encoder.out_features, *settings.contrast.head), generator)
        return {"head": head, "scorer": Scorer(encoder.in_features, generator)}

    def before_epoch(self, run: Training, generator: torch.Generator) -> None:
        """Score all nodes: what the views of the epoch are drawn with."""
        import torch

        model, graphs = run.model, run.graphs
        model.eval()
        size = run.settings.optimiser.batch_size
        with torch.no_grad():
            scores = [
                model.scorer(graphs.original.batch(index, graphs.x).to(run.device))
                for index in torch.arange(len(graphs.store), device=graphs.home).split(size)
            ]
        model.scores = torch.cat(scores).to(graphs.home)
        model.train()

    def see(
        self, run: Training, index: Tensor, size: int, generator: torch.Generator
    ) -> Sequence[Iterator[GraphBatch]]:
        graphs, own = run.graphs, run.model.own
        # the graphs without self-loops, each node with its score as one more feature
        scored = graphs.store.batch(index, run.model.scores.unsqueeze(1))
        whole = graphs.store.batch(index, graphs.x)
        views = [
            kept(whole, probabilities(scored.x[:, 0], whole, own, complement), own, generator)
            for complement in (False, True)
        ]
        return [graphs.untouched(index, size), *(view.split(size) for view in views)]

    def loss(
        self, model: Model, graph: GraphBatch, rationale: GraphBatch, complement: GraphBatch, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """G graphs, their rationales and complements to the loss of both contrasts."""
        import torch

        from kanrepro.contrast.loss import beside_terms, cosines, info_nce_terms
        from kanrepro.models.graph_encoder import pool

        own, tau, projections, weights = model.own, model.settings.contrast.temperature, [], []
        for view in (graph, rationale, complement):
            h = model.encoder.nodes(view)
            weights.append(node_weights(model.scorer(view).float(), view, own))
            weighed = h * weights[-1].unsqueeze(1).to(h.dtype)
            projections.append(model.head(pool(weighed, view, model.settings.encoder.readout)).float())
        x, a, c = projections
        s = cosines(x, a)
        contrast, beside = info_nce_terms(s, tau), beside_terms(s, cosines(x, c), tau)
        if own.loss == "sum":
            loss = -(contrast + own.complement_weight * beside).mean()
        else:
            loss = -(contrast.exp() + own.complement_weight * beside.exp()).log().mean()
        w = torch.cat(weights).detach()
        spread = {"weight_spread": w.std(correction=0), "weight_least": w.min()}
        return {"loss": loss, "loss_contrast": -contrast.mean(), "loss_complement": -beside.mean(), **spread}


def softmaxes(score: Tensor, batch: GraphBatch) -> tuple[Tensor, Tensor]:
    """(N,) the softmax over each graph's nodes, and the same over the largest of the graph."""
    owner = batch.node_graph()
    most = score.new_full((batch.num_graphs,), -float("inf")).scatter_reduce(0, owner, score, "amax")
    relative = (score - most[owner]).exp()
    total = score.new_zeros(batch.num_graphs).index_add(0, owner, relative)
    return relative / total[owner], relative


def node_weights(score: Tensor, batch: GraphBatch, own: RgclSettings) -> Tensor:
    """(N,) what a node's state weighs: 1 - span + span e^((s - max s) / T)."""
    return 1 - own.weight_span + own.weight_span * softmaxes(score / own.score_temperature, batch)[1]


def probabilities(score: Tensor, batch: GraphBatch, own: RgclSettings, complement: bool) -> Tensor:
    """(N,) the probabilities that nodes are kept with, of a rationale or its complement; 1 over each graph."""
    p, relative = softmaxes(score / own.score_temperature, batch)
    owner = batch.node_graph()
    raw = (p / relative.clamp_min(1e-30) - p if complement else p) + own.sampling_floor
    return raw / raw.new_zeros(batch.num_graphs).index_add(0, owner, raw)[owner]


def counts_kept(sizes: Tensor, own: RgclSettings) -> Tensor:
    """(G,) nodes that graphs of so many nodes (G,) keep."""
    dropped = sizes.double() * (own.drop if own.drop_count == "exact" else 1.0 - (1.0 - own.drop))
    return sizes - (dropped + (1e-9 if own.drop_count == "exact" else 0)).floor().long()


def kept(batch: GraphBatch, q: Tensor, own: RgclSettings, generator: torch.Generator | None) -> GraphBatch:
    """Each graph with nodes drawn without replacement with probabilities q (N,), and the edges among them."""
    import torch

    from kanrepro.contrast.masking import rank_within
    from kanrepro.contrast.views import induced
    from kanrepro.store.store import pointers

    uniform = torch.rand((len(q),), generator=generator, device=q.device, dtype=torch.float64)
    key = q.double().log() - (-uniform.clamp_min(1e-300).log()).log()  # Gumbel noise: the largest keys are the draw
    owner = batch.node_graph()
    down = key.argsort(descending=True)
    rank = rank_within(down[owner[down].argsort(stable=True)], owner, batch.node_ptr)
    stay = rank < counts_kept(batch.node_ptr.diff(), own)[owner]
    if own.dropped == "removed":
        return induced(batch, stay)
    edges = stay[batch.edge_index].all(0)
    counts = torch.bincount(batch.edge_graph()[edges], minlength=batch.num_graphs)
    return replace(batch, edge_index=batch.edge_index[:, edges], edge_ptr=pointers(counts), edge_attr=None)
