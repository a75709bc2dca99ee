"""GraphACL: a graph is told from negatives that are learned themselves, against the encoder, and share no batch.

Paper: Luo et al., Self-Supervised Graph-Level Representation Learning with Adversarial Contrastive Learning (2023).
Public code: liamgu06/GraphACL@abb590b; its habits are the reading `own`, but for what its encoder has beside ours (a
linear layer first, ReLU of messages, a learned epsilon, no ReLU at the end) and for what the frozen z is judged by: a
linear SVM on z scaled by all graphs, at the epoch that tests best. It has no code for molecules.

Shapes: G graphs of a batch, D components of z, K negatives of the bank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from kanrepro.core.errors import UserError
from kanrepro.core.parts import Part, Positive, Scale, Share
from kanrepro.methods.method import Method, adam

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from kanrepro.models.graph_encoder import GraphEncoder
    from kanrepro.pretraining.model import Model
    from kanrepro.pretraining.settings import PretrainSettings
    from kanrepro.pretraining.training import Training
    from kanrepro.store.store import GraphBatch

DIFFUSED = "diffused"
Temperature = Annotated[float, Field(gt=0)]


class GraphaclSettings(Part):
    """GraphACL."""

    variant: Literal["infonce", "star"] = Field(
        default="infonce", description="softmax over the positive and the bank, or cosines alone (GraphACL*)"
    )
    star_weight: Scale = Field(default=1.0, description="alpha, of the bank in GraphACL*; 0: no negatives")
    bank_size: Annotated[int, Field(ge=2, le=16_384)] = Field(
        default=512, description="K, learned negatives; their spread takes K^2 numbers"
    )
    bank_temperature: Temperature = Field(default=0.12, description="of graphs against the bank")
    in_batch_negatives: bool = Field(default=False, description="the targets of the other graphs are negatives too")
    set_temperature: Temperature = Field(default=0.2, description="of the bank against itself")
    lambda_cols: Scale = Field(default=1.0, description="of the term that parts the negatives")
    lambda_rows: Scale = Field(default=1.0, description="of the term that parts their components")
    adversarial: Scale = Field(default=1.0, description="of the contrast in what the bank climbs; 0: it only spreads")
    bank_update: Literal["simultaneous", "alternate"] = Field(
        default="simultaneous", description="encoder and bank move at once (its code), or the bank first (abstract)"
    )
    bank_rate_ratio: Scale = Field(default=1.0, description="the bank's learning rate over the encoder's")
    ema_decay: Share = Field(default=0.99, description="of the target encoder, moved after each step")
    target_bn: Literal["own", "copied"] = Field(
        default="own", description="the target's norms: of its own batches (its code), or the encoder's moving averages"
    )
    predictor_hidden: Positive | None = Field(
        default=None, description="width inside of the predictor; null: 64 on TU sets (its code), elsewhere that of z"
    )
    diffusion: bool = Field(
        default=False, description="one more kind of view: edges by PageRank, all pairs up to 64 nodes (its code)"
    )


class GraphACL(Method):
    """Predict a target's view among a bank that is moved against it. A step sees two views."""

    label = "GraphACL"
    place = 5
    network = "mlp"
    with_kan = True
    printed = {"table1": "GraphACL", "table3": "GraphACL"}
    readings = {
        "tu": {
            "own": {
                "encoder": {
                    **{"normalise_input": False, "hidden": 512, "layers": 2},
                    **{"join": "last", "norm_order": "before_relu"},
                },
                "features": {"unlabelled": "constant", "self_loops": True},
                "views": {
                    **{"kinds": ["perturb_edges", "mask_attributes"], "first_view": "original"},
                    **{"add_edges": False, "directed_edges": True},
                },
                "optimiser": {"epochs": 50, "learning_rate": 1e-4, "batch_size": 32},
                "graphacl": {"diffusion": True},
            }
        }
    }
    Settings = GraphaclSettings
    columns = ("cos_positive", "cos_bank", "bank_share", "bank_cols", "bank_rows", "target_gap")

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module | Tensor]:
        import torch
        from torch import nn

        from kanrepro.models.graph_encoder import mlp

        own, width = getattr(settings, self.section), encoder.out_features
        hidden = own.predictor_hidden or (64 if settings.encoder.family == "tu" else width)
        first, last = mlp((width, hidden), generator), mlp((hidden, width), generator)
        bank = nn.init.xavier_uniform_(torch.empty(own.bank_size, width), generator=generator)
        return {
            "predictor": nn.Sequential(first, nn.BatchNorm1d(hidden), nn.ReLU(), last),
            "target": deepcopy(encoder).requires_grad_(False),
            "bank": nn.Parameter(bank),  # (K, D)
        }

    def prepare(self, run: Training) -> None:
        from kanrepro.contrast.diffusion import diffused

        if run.model.own.diffusion:
            if run.settings.encoder.family == "molecule":
                raise UserError(f"{self.section}.diffusion joins atoms without bonds: set it to false for molecules.")
            setattr(run.model, DIFFUSED, diffused(run.graphs.original))  # no tensor: nothing of the state

    def see(
        self, run: Training, index: Tensor, size: int, generator: torch.Generator
    ) -> Sequence[Iterator[GraphBatch]]:
        if not run.model.own.diffusion:
            return super().see(run, index, size, generator)
        graphs, first = run.graphs, run.settings.views.first_view
        views = [
            graphs.with_degrees(self._view(run, index, generator).split(size))
            for _ in range(1 if first == "original" else 2)
        ]
        return [graphs.untouched(index, size), *views] if first == "original" else views

    def loss(
        self, model: Model, view1: GraphBatch, view2: GraphBatch, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Two views of G graphs to what encoder and predictor descend, and how the bank stands."""
        return {name: term for name, term in self._encoded(model, view1, view2).items() if name not in ("p", "y")}

    def optimisers(self, model: Model) -> Sequence[torch.optim.Optimizer]:
        given = model.settings.optimiser
        rate, decay = given.learning_rate, given.weight_decay
        online = [*model.encoder.parameters(), *model.predictor.parameters()]
        return [adam(online, rate, decay), adam([model.bank], rate * model.own.bank_rate_ratio, decay)]

    def step(self, run: Training, seen: tuple[Any, ...], generator: torch.Generator) -> Mapping[str, Tensor]:
        """One pass of encoder and target; then both updates, and the target follows."""
        from kanrepro.models.refit import follow

        model, own, (encoding, banking) = run.model, run.model.own, run.optimisers
        encoding.zero_grad(set_to_none=True)
        banking.zero_grad(set_to_none=True)
        terms = dict(run.terms(seen, generator, lambda model, *seen: self._encoded(model, *seen[:-1])))
        p, y = terms.pop("p"), terms.pop("y")
        at_once = own.bank_update == "simultaneous"
        (terms if at_once else similarity(p.detach(), y, model.bank, own))["loss"].backward()
        model.bank.grad.mul_(-own.adversarial)  # the bank climbs
        cols, rows = spread(model.bank, own)
        (own.lambda_cols * cols + own.lambda_rows * rows).backward()
        banking.step()
        if not at_once:
            similarity(p, y, model.bank.detach(), own)["loss"].backward()
        encoding.step()
        follow(model.target, model.encoder, own.ema_decay)
        return {**terms, "bank_cols": cols, "bank_rows": rows}

    def diagnose(self, model: Model, row: Mapping[str, float | None]) -> Mapping[str, float | None]:
        """How far the target's weights are from the encoder's, over the length of these."""
        import torch
        from torch.nn.utils import parameters_to_vector

        with torch.no_grad():
            online, target = (parameters_to_vector(net.parameters()) for net in (model.encoder, model.target))
            return {"target_gap": float((online - target).norm() / online.norm())}

    def _encoded(self, model: Model, view1: GraphBatch, view2: GraphBatch) -> dict[str, Tensor]:
        """The terms of the loss, with predictions p (2, G, D) of both views and the targets y (2, G, D) across."""
        import torch

        own = model.own
        model.target.train(own.target_bn == "own")
        if own.target_bn == "copied":
            copy_statistics(model.target, model.encoder)
        p = torch.stack([model.predictor(model.z(view)).float() for view in (view1, view2)])
        with torch.no_grad():
            y = torch.stack([model.target(view).float() for view in (view2, view1)])
        return {**similarity(p, y, model.bank, own), "p": p, "y": y}

    def _view(self, run: Training, index: Tensor, generator: torch.Generator) -> GraphBatch:
        """A view of each of the graphs `index`, drawn uniformly from the kinds of the settings and diffusion.

        Self-loops that graphs have are edges like others, also to be dropped.
        """
        import torch

        from kanrepro.contrast.views import draw_view, joined

        graphs, views = run.graphs, run.settings.views
        drawn = torch.randint(0, len(views.kinds) + 1, index.shape, generator=generator, device=index.device)
        others, rest = (drawn < len(views.kinds)).nonzero().flatten(), (drawn == len(views.kinds)).nonzero().flatten()
        parts = [getattr(run.model, DIFFUSED).batch(index[rest], graphs.x)]
        if len(others):
            parts.insert(0, draw_view(graphs.original, graphs.x, index[others], views, generator, drawn[others]))
        return joined(parts).select(torch.cat([others, rest]).argsort())


def similarity(p: Tensor, y: Tensor, bank: Tensor, own: GraphaclSettings) -> dict[str, Tensor]:
    """L_sim of predictions p (V, G, D), their targets y (V, G, D) and the bank (K, D), all of them as directions.

    Returns:
        The loss; the mean cosine with targets and with the bank; the softmax's mean share of all that is no positive.
    """
    import torch
    from torch.nn.functional import normalize

    t = own.bank_temperature
    p, y = normalize(p, dim=2), normalize(y, dim=2) / t
    c = p @ (normalize(bank, dim=1) / t).T  # (V, G, K) cosines over t
    positive = (p * y).sum(2, keepdim=True)
    terms = {"cos_positive": t * positive.detach().mean(), "cos_bank": t * c.detach().mean()}
    if own.variant == "star":
        alpha = own.star_weight
        return {"loss": 2 * t * (alpha * c.mean() - positive.mean()) + 2 - 2 * alpha, **terms}
    others = p @ y.mT if own.in_batch_negatives else positive  # positives on its diagonal
    logs = positive.squeeze(2) - torch.cat([others, c], dim=2).logsumexp(2)
    return {"loss": -logs.mean(), **terms, "bank_share": 1 - logs.detach().exp().mean()}


def spread(bank: Tensor, own: GraphaclSettings) -> tuple[Tensor, Tensor]:
    """How alike negatives are, and how alike their components."""
    return set_loss(bank, own.set_temperature), set_loss(bank.T, own.set_temperature)


def set_loss(rows: Tensor, temperature: float) -> Tensor:
    """Of rows (M, W): the mean over them of log sum_{j != i} e^(cos_ij / t), less 1 / t.

    Its gradient is written down: of M^2 numbers it takes half the passes that autograd would.
    """
    import torch
    from torch.nn.functional import normalize

    directions = normalize(rows, dim=1) / temperature**0.5
    with torch.no_grad():
        logits = (directions @ directions.T).fill_diagonal_(-torch.inf)
        total = logits.logsumexp(dim=1, keepdim=True)
        p = logits.sub_(total).exp_()
        slope = (p + p.T) @ directions / len(p)
        value = total.mean() - 1 / temperature
    linear = (slope * directions).sum()  # of the same slope
    return linear - linear.detach() + value


def copy_statistics(target: nn.Module, online: nn.Module) -> None:
    """Give the target the moving averages of the online network's batch norms."""
    for name, norm in online.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            target.get_buffer(name).copy_(norm)
