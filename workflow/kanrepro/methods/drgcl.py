"""DRGCL: components of z are weighed by a mask that is learned through a trial step of the encoder.

Paper: Ji et al., Rethinking Dimensional Rationale in Graph Contrastive Learning from Causal Perspective (2024). Public
code: ByronJi/DRGCL@d55c6a0; its habits are the reading `own`, evaluated after the last epoch. What it calls a virtual
step is a second real one, and the copy that should be the trial never is (`virtual_step: literal`).

Shapes: G graphs of a batch, D components of z, P of a head's output.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
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


class DrgclSettings(Part):
    """DRGCL."""

    virtual_step: Literal["repaired", "literal"] = Field(
        default="repaired",
        description="the mask descends the contrast after a trial step; literal: its code, a second real step instead",
    )
    second_order: bool = Field(
        default=True, description="through the trial step; false: at it alone, three passes of 5"
    )
    hvp_radius: Annotated[float, Field(gt=0)] = Field(
        default=0.01, description="length of the two steps whose difference is the second order"
    )
    loss: Literal["one_way", "nt_xent"] = Field(default="one_way", description="the contrast; nt_xent: eq. 1")
    weight_cl: Scale = Field(default=10.0, description="of the contrast in what encoder and heads descend")
    weight_cca: Scale = Field(default=1.0, description="of agreement and decorrelation in it")
    cca_lambda: Scale = Field(default=1e-3, description="of decorrelation in that")
    cca_divisor: Literal["width", "batch"] = Field(
        default="width", description="of products of components: how many there are (its code), or how many graphs"
    )
    heads: Literal["plain", "normed"] = Field(
        default="plain", description="as contrast.head has it; normed: without biases, batch norms inside (its TU code)"
    )
    mask_init: float = Field(default=0.0, description="d, whose sigmoid is the mask")
    mask_lr: Scale = Field(default=1e-3, description="of its descent")
    mask_momentum: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.9, description="of its descent")
    mask_decay: Scale = Field(default=5e-4, description="weight decay of d, to a mask of 0.5")
    mask_schedule_period: Positive | None = Field(
        default=20, description="batches in which its rate falls to 0 by a cosine, and rises again; null: it stays"
    )
    mask_in_main_optimiser: bool = Field(
        default=False, description="Adam moves d with the encoder too, by the whole loss (its code for molecules)"
    )
    mask_kept: Literal["learned", "half", "none"] = Field(
        default="learned", description="what multiplies z of the kept encoder; half: what its fine-tuning comes to"
    )


class DRGCL(Method):
    """Encode, weigh, contrast and decorrelate; then move the weights. A step sees two views."""

    label = "DRGCL"
    place = 5
    network = "mlp"
    with_kan = True
    printed = {"table1": "DRGCL", "table2": "DRGCL"}
    readings = {
        "tu": {
            "own": {
                "encoder": {"normalise_input": False},
                "features": {"unlabelled": "constant", "self_loops": True},
                "views": {"first_view": "original", "subgraph_hops": 1, "add_edges": False, "directed_edges": True},
                "contrast": {"head": [512, 512, 512]},
                "optimiser": {"epochs": 20, "learning_rate": 1e-2, "batch_size": 32, "shuffle": "once"},
                "drgcl": {"virtual_step": "literal", "heads": "normed"},
            }
        },
        "molecule": {
            "own": {
                "encoder": {"normalise_input": False},
                "views": {"subgraph_hops": 1},
                "contrast": {"head": [300, 300]},
                "optimiser": {"epochs": 100, "learning_rate": 1e-3},
                "drgcl": {
                    **{"virtual_step": "literal", "mask_in_main_optimiser": True},
                    **{"mask_schedule_period": 100, "mask_kept": "half"},
                },
            }
        },
    }
    Settings = DrgclSettings
    columns = ("loss_cl", "loss_cca", "mask_slope", "mask_mean", "mask_spread", "mask_least", "mask_most")

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module | Tensor]:
        import torch
        from torch import nn

        own, widths = getattr(settings, self.section), (encoder.out_features, *settings.contrast.head)
        head, other = (made_head(widths, own.heads == "normed", generator) for _ in range(2))
        made = {
            "head": head,
            "other": other,
            "mask": nn.Parameter(torch.full((widths[0],), own.mask_init)),
            "batches": torch.tensor(0),
        }
        if own.virtual_step == "literal":  # the trial that never is one: what the weights were a batch ago
            made["stale"] = nn.ModuleList([deepcopy(encoder), deepcopy(head)]).requires_grad_(False)
        return made

    def loss(
        self, model: Model, view1: GraphBatch, view2: GraphBatch, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Two views of G graphs to what encoder and heads descend."""
        own, u = model.own, self._weighed(model, view1, view2)
        cl = self._contrast(model, u)
        x, y = (model.other(each).float() for each in u)
        agreement = cca(x, y, own.cca_lambda, own.cca_divisor)
        return {"loss": own.weight_cl * cl + own.weight_cca * agreement, "loss_cl": cl, "loss_cca": agreement}

    def contrast(
        self, model: Model, view1: GraphBatch, view2: GraphBatch, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """What the mask descends."""
        return {"loss": self._contrast(model, self._weighed(model, view1, view2))}

    def optimisers(self, model: Model) -> Sequence[torch.optim.Optimizer]:
        import torch

        given, own = model.settings.optimiser, model.own
        learned = [*model.encoder.parameters(), *model.head.parameters(), *model.other.parameters()]
        learned += [model.mask] if own.mask_in_main_optimiser else []
        masking = torch.optim.SGD([model.mask], lr=own.mask_lr, momentum=own.mask_momentum, weight_decay=own.mask_decay)
        return [adam(learned, given.learning_rate, given.weight_decay), masking]

    def step(self, run: Training, seen: tuple[Any, ...], generator: torch.Generator) -> Mapping[str, Tensor]:
        """The encoder's update; then the mask's, with weights and running statistics as that left them."""
        import torch

        from kanrepro.contrast.trial import stale_slope, trial_slope
        from kanrepro.core.resume import kept_buffers

        model, own, (encoding, masking) = run.model, run.model.own, run.optimisers
        encoding.zero_grad(set_to_none=True)
        terms = run.terms(seen, generator)
        terms["loss"].backward()
        encoding.step()
        rate = encoding.param_groups[0]["lr"]
        weights = [*model.encoder.parameters(), *model.head.parameters()]

        def slopes() -> tuple[list[Tensor], Tensor]:
            loss = run.terms(seen, generator, self.contrast)["loss"]
            *found, slope = torch.autograd.grad(loss, [*weights, model.mask], materialize_grads=True)
            return found, slope

        radius = own.hvp_radius if own.second_order else None
        if own.virtual_step == "literal":
            step_again(encoding, weights, slopes()[0])  # its pass moves the running statistics once more
            with kept_buffers(model):
                slope = stale_slope(slopes, weights, list(model.stale.parameters()), rate, radius)
        else:
            with kept_buffers(model):
                slope = trial_slope(slopes, weights, rate, radius)
        model.mask.grad = slope
        for group in masking.param_groups:
            group["lr"] = annealed(group.setdefault("initial_lr", group["lr"]), int(model.batches), own)
        masking.step()
        model.batches += 1
        return {**terms, "mask_slope": slope.norm()}

    def diagnose(self, model: Model, row: Mapping[str, float | None]) -> Mapping[str, float | None]:
        """How far the mask is from a common factor, which an SVM would not see."""
        m = model.mask.detach().sigmoid()
        spread = float(m.std(correction=0))
        return {"mask_mean": float(m.mean()), "mask_spread": spread, "mask_least": float(m.min()),
                "mask_most": float(m.max())}  # fmt: skip

    def kept(self, model: Model) -> Mapping[str, Tensor]:
        m = model.mask.detach().sigmoid()
        factors = {"learned": {"factor": m}, "half": {"factor": m.new_full(m.shape, 0.5)}, "none": {}}
        return {**model.encoder.state_dict(), **factors[model.own.mask_kept]}

    def _weighed(self, model: Model, *views: GraphBatch) -> list[Tensor]:
        """u (G, D) of each view."""
        return [model.mask.sigmoid() * model.z(view) for view in views]

    def _contrast(self, model: Model, u: Sequence[Tensor]) -> Tensor:
        from kanrepro.contrast.loss import nt_xent, one_way_loss

        v1, v2 = (model.head(each).float() for each in u)
        contrast = {"one_way": one_way_loss, "nt_xent": nt_xent}[model.own.loss]
        return contrast(v1, v2, model.settings.contrast.temperature)


def made_head(widths: tuple[int, ...], normed: bool, generator: torch.Generator | None = None) -> nn.Sequential:
    """An MLP; `normed`: without biases, a batch norm before each ReLU."""
    from torch import nn

    from kanrepro.models.graph_encoder import mlp

    made = mlp(widths, generator)
    if not normed:
        return made
    layers: list[nn.Module] = []
    for layer in made:
        if isinstance(layer, nn.Linear):
            layer.bias = None  # type: ignore[assignment]
            layers += [layer, nn.BatchNorm1d(layer.out_features)]
        else:
            layers.append(layer)
    return nn.Sequential(*layers[:-1])


def cca(x: Tensor, y: Tensor, weight: float = 1e-3, divisor: Literal["width", "batch"] = "width") -> Tensor:
    """Two views (G, P) to ||x - y||^2 / P + weight (dec x + dec y), their columns standardised with G - 1.

    dec x = ||I - x^T x / n||^2, n being P or G. A constant column, where the public code divides by 0, becomes 0.
    """
    import torch

    x, y = ((v - v.mean(0)) / v.std(0).clamp_min(1e-6) for v in (x, y))
    graphs, width = x.shape
    n, eye = width if divisor == "width" else graphs, torch.eye(width, device=x.device)
    apart = sum((eye - v.T @ v / n).square().sum() for v in (x, y))
    return (x - y).square().sum() / width + weight * apart


def step_again(optimiser: torch.optim.Optimizer, weights: Sequence[Tensor], slopes: Sequence[Tensor]) -> None:
    """A step of the optimiser up the loss; Adam's moments, full of steps down, make it mostly one more step down."""
    optimiser.zero_grad(set_to_none=True)
    for weight, slope in zip(weights, slopes, strict=True):
        weight.grad = -slope
    optimiser.step()


def annealed(rate: float, batches: int, own: DrgclSettings) -> float:
    """The mask's rate after so many batches."""
    period = own.mask_schedule_period
    return rate if period is None else rate * (1 + math.cos(math.pi * batches / period)) / 2
