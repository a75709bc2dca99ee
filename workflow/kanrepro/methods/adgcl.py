"""AD-GCL: a learner weighs edges so that a graph and its weighted self disagree; the encoder makes them agree.

Paper: Suresh et al., Adversarial Graph Augmentation to Improve Graph Contrastive Learning (2021), section 3. Public
code: susheels/adgcl@2605ef8, test_minmax_tu.py; its habits are the reading `own`, but for what the frozen z is judged
by: its linear SVM on scaled z, at the epoch that validates best, is not used. Its last layer has no ReLU, ours has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from kanrepro.core.parts import Part, Positive, Scale
from kanrepro.methods.method import Method, adam

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from kanrepro.models.graph_encoder import GraphEncoder
    from kanrepro.pretraining.model import Model
    from kanrepro.pretraining.settings import PretrainSettings
    from kanrepro.pretraining.training import Training
    from kanrepro.store.store import GraphBatch


class AdgclSettings(Part):
    """AD-GCL."""

    regularisation: Scale = Field(default=5.0, description="lambda, what the learner pays for each edge that it drops")
    gate_temperature: Annotated[float, Field(gt=0)] = Field(default=1.0, description="of the noisy gate of an edge")
    noise_bound: Annotated[float, Field(gt=0, lt=0.5)] = Field(default=1e-4, description="its noise is in (d, 1 - d)")
    learner_rate_ratio: Scale = Field(default=1.0, description="the learner's learning rate over the encoder's")
    learner_hidden: Positive = Field(default=64, description="width of the network that reads a pair of nodes")
    edges: Literal["directed", "undirected"] = Field(
        default="directed", description="each direction has a weight of its own (its code), or both share one"
    )
    view_step_mode: Literal["eval", "train"] = Field(
        default="eval", description="of the encoder's batch norms where the learner learns; eval: its code"
    )
    loss: Literal["two_way", "one_way"] = Field(default="two_way", description="contrast of graphs and weighted graphs")


class AdGCL(Method):
    """Weigh against the encoder, then encode against the weights. A step sees untouched graphs."""

    label = "AD-GCL"
    place = 3
    network = "mlp"
    with_kan = True
    families = ("tu",)
    printed = {"table2": "AD-GCL"}
    readings = {
        "tu": {
            "own": {
                "encoder": {"normalise_input": False, "layers": 5, "join": "last", "norm_order": "before_relu"},
                "features": {"unlabelled": "constant", "labels": False},
                "optimiser": {"epochs": 150, "learning_rate": 1e-3, "batch_size": 32},
            }
        }
    }
    Settings = AdgclSettings
    columns = ("weight", "regulariser", "loss_learner")

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module]:
        from kanrepro.models.encoders import build_encoder
        from kanrepro.models.gin import GIN
        from kanrepro.models.graph_encoder import mlp

        assert isinstance(encoder, GIN)
        alike = settings.encoder.model_copy(update={"network": "mlp", "join": "last", "normalise_input": False})
        learner = build_encoder(encoder.in_features, alike, generator)
        hidden = getattr(settings, self.section).learner_hidden
        return {
            "head": mlp((encoder.out_features, *settings.contrast.head), generator),
            "learner": learner,
            "gate": mlp((2 * learner.out_features, hidden, 1), generator),
        }

    def see(
        self, run: Training, index: Tensor, size: int, generator: torch.Generator
    ) -> Sequence[Iterator[GraphBatch]]:
        return [run.graphs.untouched(index, size)]

    def loss(self, model: Model, batch: GraphBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """What encoder and head descend: the contrast of G graphs with themselves under weights that are constants."""
        import torch

        with torch.no_grad():
            weight = edge_weights(model, batch, generator)
        return self._contrast(model, batch, weight)

    def against(self, model: Model, batch: GraphBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """What the learner descends: lambda times the share that it drops, less the contrast."""
        terms = self._contrast(model, batch, edge_weights(model, batch, generator))
        return {"loss": model.own.regularisation * terms["regulariser"] - terms["loss"]}

    def optimisers(self, model: Model) -> Sequence[torch.optim.Optimizer]:
        rate = model.settings.optimiser.learning_rate
        encoder = [*model.encoder.parameters(), *model.head.parameters()]
        learner = [*model.learner.parameters(), *model.gate.parameters()]
        decay = model.settings.optimiser.weight_decay
        return [adam(encoder, rate, decay), adam(learner, rate * model.own.learner_rate_ratio, decay)]

    def step(self, run: Training, seen: tuple[Any, ...], generator: torch.Generator) -> Mapping[str, Tensor]:
        """The learner's update with the encoder in evaluation mode; then, with fresh weights, the encoder's."""
        model, (encoding, learning) = run.model, run.optimisers
        model.encoder.train(model.own.view_step_mode == "train")
        model.learner.train()
        learning.zero_grad(set_to_none=True)
        against = run.terms(seen, generator, self.against)
        against["loss"].backward()
        learning.step()
        model.encoder.train()
        model.learner.eval()
        encoding.zero_grad(set_to_none=True)  # filled in the learner's update
        terms = run.terms(seen, generator)
        terms["loss"].backward()
        encoding.step()
        return {**terms, "loss_learner": against["loss"]}

    def _contrast(self, model: Model, batch: GraphBatch, weight: Tensor) -> dict[str, Tensor]:
        from kanrepro.contrast.loss import one_way_loss, two_way_loss

        x, y = (model.head(model.encoder(batch, w)).float() for w in (None, weight))
        contrast = {"two_way": two_way_loss, "one_way": one_way_loss}[model.own.loss]
        loss = contrast(x, y, model.settings.contrast.temperature)
        dropped = share_dropped(weight, batch)
        return {"loss": loss, "regulariser": dropped, "weight": weight.mean() if len(weight) else 1 - dropped}


def edge_weights(model: Model, batch: GraphBatch, generator: torch.Generator) -> Tensor:
    """(E,) a weight in (0, 1) for each directed edge: a noisy gate of what the learner makes of its two nodes."""
    import torch

    source, target = batch.edge_index
    r = model.learner.nodes(batch)
    logit = model.gate(torch.cat([r[source], r[target]], dim=1)).squeeze(1).float()
    noise = torch.rand((len(source),), generator=generator, device=logit.device)
    if model.own.edges == "undirected":
        reverse = reversed_edges(batch)
        first = torch.arange(len(noise), device=noise.device).minimum(reverse)
        logit, noise = (logit + logit[reverse]) / 2, noise[first]
    return gate(logit, noise, model.own.gate_temperature, model.own.noise_bound)


def gate(logit: Tensor, noise: Tensor, temperature: float = 1.0, bound: float = 1e-4) -> Tensor:
    """sigmoid((log e - log(1 - e) + logit) / temperature), with e = (1 - d) - (1 - 2 d) noise in [d, 1 - d]."""
    e = (1 - bound) - (1 - 2 * bound) * noise
    return ((e.logit() + logit) / temperature).sigmoid()


def share_dropped(weight: Tensor, batch: GraphBatch) -> Tensor:
    """The mean of 1 - w over a graph's edges, in the mean over graphs that have edges; 0 where none has."""
    counts = batch.edge_ptr.diff()
    per_graph = weight.new_zeros(batch.num_graphs).index_add_(0, batch.edge_graph(), 1 - weight) / counts.clamp_min(1)
    return per_graph.sum() / (counts > 0).sum().clamp_min(1)


def reversed_edges(batch: GraphBatch) -> Tensor:
    """(E,) where the opposite of each edge of symmetric graphs stands, in whatever order they lie."""
    import torch

    source, target = batch.edge_index
    number, opposite = source * batch.num_nodes + target, target * batch.num_nodes + source
    order = number.argsort()
    return order[torch.searchsorted(number[order], opposite)]
