"""JOAOv2: GraphCL whose views are drawn from a distribution that moves to those that contrast finds hardest.

Paper: You et al., Graph Contrastive Learning Automated (2021), section 4. Public code:
Shen-Lab/GraphCL_Automated@8f3c2ac, unsupervised_TU/joaov2.py; its habits are the reading `own`, with gamma fixed where the code searches it on each set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from kanrepro.core.parts import Part, Scale, Share
from kanrepro.methods.method import Method

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from kanrepro.models.graph_encoder import GraphEncoder
    from kanrepro.pretraining.model import Model
    from kanrepro.pretraining.settings import PretrainSettings
    from kanrepro.pretraining.training import Training

KINDS = ("drop_nodes", "perturb_edges", "subgraph", "mask_attributes", "identity")


class JoaoSettings(Part):
    """JOAOv2."""

    gamma: Scale = Field(
        default=0.1, description="pull of the distribution to the uniform one; its code: 0.01, 0.1 or 1"
    )
    beta: Scale = Field(default=1.0, description="step of the distribution after an epoch; 0: it stays uniform")
    score_share: Share = Field(
        default=0.2, description="share of an epoch's batches, plus one, that kinds are scored on"
    )
    score_mode: Literal["eval", "train"] = Field(
        default="eval", description="of the encoder's batch norms; train: its code, which moves their statistics too"
    )
    head: Literal["graph", "epoch", "shared"] = Field(
        default="graph",
        description="a view's head is that of its kind; or one drawn for the epoch, and the first for first views and "
        "for scores (its code); or there is one for all",
    )
    projection: Literal["exact", "bisection"] = Field(
        default="exact", description="onto distributions; its code bisects until the sum is 1 within 0.01, and rescales"
    )


class Joao(Method):
    """Draw kinds, contrast, score kinds, move their distribution. A step sees two views, and the kind of each.

    Of one view, where the first is the untouched graph, the distribution p is over kinds, else over pairs of kinds.
    """

    label = "JOAOv2"
    place = 2
    network = "mlp"
    with_kan = True
    printed = {"table1": "JOAOv2", "table2": "JOAOv2"}
    changes = {"views": {"kinds": list(KINDS)}}
    readings = {
        "tu": {
            "own": {
                "encoder": {"normalise_input": False},
                "features": {"unlabelled": "constant", "self_loops": True},
                "views": {
                    **{"first_view": "original", "drop_isolated": True, "add_edges": False, "directed_edges": True},
                    **{
                        "drop_ratio": 0.2,
                        "edge_ratio": 0.2,
                        "mask_ratio": 0.2,
                        "subgraph_ratio": 0.8,
                        "subgraph_hops": 1,
                    },
                },
                "contrast": {"loss": "one_way", "head": [96, 96]},
                "optimiser": {"epochs": 40, "learning_rate": 1e-3, "shuffle": "once"},
                "joao": {"score_mode": "train", "head": "epoch", "projection": "bisection"},
            }
        }
    }
    Settings = JoaoSettings
    columns = ("entropy", *(f"p_{kind}" for kind in KINDS))

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module | Tensor]:
        import torch
        from torch import nn

        from kanrepro.models.graph_encoder import mlp

        kinds = len(settings.views.kinds)
        choices = kinds if settings.views.first_view == "original" else kinds**2
        heads = 1 if getattr(settings, self.section).head == "shared" else kinds
        widths = (encoder.out_features, *settings.contrast.head)
        return {
            "heads": nn.ModuleList(mlp(widths, generator) for _ in range(heads)),
            "p": torch.full((choices,), 1 / choices),
            "turn": torch.zeros(1, dtype=torch.long),  # whose head the epoch takes, where it takes one
        }

    def before_epoch(self, run: Training, generator: torch.Generator) -> None:
        run.model.turn.copy_(run.model.p.multinomial(1, generator=generator))

    def see(self, run: Training, index: Tensor, size: int, generator: torch.Generator) -> Sequence[Iterator[Any]]:
        p = run.model.p.to(index.device)
        return self._shown(run, index, size, generator, p.multinomial(len(index), True, generator=generator))

    def loss(
        self, model: Model, view1: Any, view2: Any, kind1: Tensor, kind2: Tensor, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Two views of G graphs and their kinds (G,), as places in `views.kinds`, to GraphCL's loss."""
        import torch

        from kanrepro.contrast.loss import nt_xent, one_way_loss

        contrast, kinds = model.settings.contrast, len(model.settings.views.kinds)
        if model.own.head == "epoch":
            drawn = model.turn.expand_as(kind2)
            kind1, kind2 = drawn // kinds, drawn % kinds
        v1, v2 = (
            torch.stack([head(z) for head in model.heads])[kind % len(model.heads), torch.arange(len(z))].float()
            for z, kind in ((model.z(view1), kind1), (model.z(view2), kind2))
        )
        return {"loss": {"nt_xent": nt_xent, "one_way": one_way_loss}[contrast.loss](v1, v2, contrast.temperature)}

    def after_epoch(self, run: Training, generator: torch.Generator) -> None:
        """Move p to what the encoder, as it is now, finds hard."""
        own, p = run.model.own, run.model.p
        if own.beta and len(p) > 1:
            project = {"exact": projected, "bisection": bisected}[own.projection]
            p.copy_(project(p + own.beta * (self._scores(run) - own.gamma * (p - 1 / len(p)))))

    def diagnose(self, model: Model, row: Mapping[str, float | None]) -> Mapping[str, float | None]:
        """The entropy of p over its largest, and how often the second view is of each kind."""
        kinds = model.settings.views.kinds
        second = model.p.view(-1, len(kinds)).sum(0).tolist()
        entropy = float(-(model.p * model.p.clamp_min(1e-30).log()).sum())
        most = float(model.p.new_tensor(len(model.p)).log())
        return {"entropy": entropy / most if most else 1.0} | {f"p_{k}": v for k, v in zip(kinds, second, strict=True)}

    def _shown(
        self, run: Training, index: Tensor, size: int, generator: torch.Generator, drawn: Tensor
    ) -> Sequence[Iterator[Any]]:
        """Both views of graphs for which places in p (G,) were drawn, and the kinds of the views."""
        import torch

        kinds, graphs = run.settings.views.kinds, run.graphs
        second = drawn % len(kinds)
        if run.settings.views.first_view == "original":
            first = torch.full_like(drawn, kinds.index("identity") if "identity" in kinds else 0)
            views = [graphs.untouched(index, size)]
        else:
            first = drawn // len(kinds)
            views = [graphs.views(index, size, generator, first)]
        return [*views, graphs.views(index, size, generator, second), iter(first.split(size)), iter(second.split(size))]

    def _scores(self, run: Training) -> Tensor:
        """(K,) the loss on some batches of the epoch with each choice of kinds alone, without gradient."""
        import torch

        from kanrepro.core.streams import stream

        model, size, home = run.model, run.settings.optimiser.batch_size, run.graphs.home
        order = run.order().to(home)
        count = int(model.own.score_share * -(-len(order) // size)) + 1
        index = order[: count * size]
        generator = stream(run.seed, f"scores {run.epoch}", home)
        model.turn.zero_()
        model.train(model.own.score_mode == "train")
        found = []
        with torch.no_grad():
            for choice in range(len(model.p)):
                shown = zip(*self._shown(run, index, size, generator, torch.full_like(index, choice)), strict=True)
                seen = [[part.to(run.device) for part in parts] for parts in shown if parts[0].num_graphs > 1]
                found.append(torch.stack([model(self.loss, *parts, generator)["loss"] for parts in seen]).mean())
        model.train()
        return torch.stack(found).float()


def projected(b: Tensor) -> Tensor:
    """The distribution (K,) nearest to b: max(b - mu, 0), mu such that the sum is 1."""
    import torch

    down = b.sort(descending=True)[0]
    mu = (down.cumsum(0) - 1) / torch.arange(1, len(b) + 1, device=b.device)
    return (b - mu[(down > mu).sum() - 1]).clamp_min(0)


def bisected(b: Tensor) -> Tensor:
    """The same as the public code finds it, to about two digits."""
    low, high = b.min() - 1 / len(b), b.max() - 1 / len(b)
    while True:
        mu = (low + high) / 2
        found = (b - mu).clamp_min(0)
        if abs(float(found.sum()) - 1) <= 1e-2:
            return found / found.sum()
        low, high = (mu, high) if found.sum() > 1 else (low, mu)
