"""What the authors' code of Khan-GCL computes on TU sets: contrast beside a target encoder, as a reading of the method.

Public code: zihuwang97/KhanGCL@249b7b1 (kgcl_hardneg.py, gin_saliency.py, layer/MultKAN_type.py). It is another method
than the paper's; docs/findings/released-code.md compares them point by point. Khan-GCL and its variants have it as
their reading `released`; in `released_seeded` seeds count.

Shapes: G graphs of a batch, D components of z.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from kanrepro.core.parts import Part, Positive, Share, merged
from kanrepro.methods.method import Changes, Method

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from kanrepro.models.graph_encoder import GraphEncoder
    from kanrepro.pretraining.model import Model
    from kanrepro.pretraining.settings import PretrainSettings
    from kanrepro.pretraining.training import Seen, Training
    from kanrepro.store.store import GraphBatch

ORDER = ("rho", "delta", "random")  # of the code's if/elif
DRAWN_SEED = 1  # of its KAN layers


class ReleasedSettings(Part):
    """Khan-GCL as its authors' code has it (zihuwang97/KhanGCL@249b7b1); each habit can be left."""

    decay: Share = Field(default=0.8, description="of the target encoder, moved before and after each step")
    share: Share = Field(default=0.6, description="of NT-Xent; the rest: cosine to the target's z of the other view")
    scores: Literal["first", "all"] = Field(
        default="first", description="an if/elif takes one score, the discriminative one; all: each, as in the paper"
    )
    joined: bool = Field(default=True, description="independent score: of the blocks' coefficients as one tensor")
    score_every: Positive = Field(default=10, description="steps; the independent score is made anew")
    refit_every: Positive | None = Field(default=10, description="steps; grids are refitted whatever the flag says")
    count: Literal["epoch", "run"] = Field(
        default="epoch", description="steps from 0 in each epoch, so that sets of less than 11 batches have no refit"
    )
    seed: Literal["fixed", "run"] = Field(
        default="fixed", description="KAN layers set all seeds to 1 when they are made; run: the seed of a run counts"
    )


class Released(Method):
    """Encode twice, predict, agree, repel. A step sees untouched graphs with self-loops and a view without."""

    label = "Khan-GCL's code"
    kind = "objective"
    changes = {"contrast": {"negatives": {"perturbations": ["rho"], "scale": "min_max"}}}
    Settings = ReleasedSettings
    columns = (
        "loss_cl", "loss_hn", "cos_hard", "hn_alignment", "hn_strength", "hn_step", "hn_cosine", "refit_kept",
        "refit_change",
    )  # fmt: skip

    def seed(self, settings: PretrainSettings, seed: int) -> int:
        dead = getattr(settings, self.section).seed == "fixed" and settings.encoder.network == "kan"
        return DRAWN_SEED if dead else seed

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module | Tensor]:
        import torch

        from kanrepro.methods.khan_gcl import check_scored
        from kanrepro.models.graph_encoder import mlp
        from kanrepro.models.initial import xavier_

        check_scored(encoder, settings)
        target = deepcopy(encoder).requires_grad_(False)
        if settings.encoder.network == "mlp":
            xavier_(target, generator)  # one pass draws all linear layers anew, those of both encoders
        size = encoder.out_features
        predictor = mlp((size, *settings.contrast.head[:-1], size), generator)  # its answers are compared with z
        made = {"delta": torch.zeros(size), "steps": torch.tensor(0), "refits": torch.zeros(3)}
        return {"target": target, "predictor": predictor, **made}

    def before_epoch(self, run: Training, generator: torch.Generator) -> None:
        run.model.refits.zero_()
        if run.model.own.count == "epoch":
            run.model.steps.zero_()

    def step(self, run: Training, seen: Seen, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Refit grids and score where it is time, move the target, update the online encoder, move the target."""
        from kanrepro.models.refit import adaptive, follow

        model, own = run.model, run.model.own
        at = int(model.steps)
        if own.refit_every and at and at % own.refit_every == 0 and adaptive(model.encoder):
            _refit(model, seen[0])
        if "delta" in kinds(model) and at % own.score_every == 0:
            model.delta.copy_(independent(model))
        follow(model.target, model.encoder, own.decay)
        terms = super().step(run, seen, generator)
        follow(model.target, model.encoder, own.decay)
        model.steps += 1
        return terms

    def loss(
        self, model: Model, whole: GraphBatch, view: GraphBatch, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Two batches of G graphs to the loss; `loss_cl` holds both terms of agreement."""
        import torch

        terms, _, _ = parts(model, (whole, view), generator)
        weights = {"loss_hn": model.settings.contrast.negatives.weight}
        return {"loss": reduce(torch.add, (weights.get(name, 1.0) * term for name, term in terms.items())), **terms}

    def examine(self, run: Training, seen: Seen, generator: torch.Generator) -> Mapping[str, float | None]:
        from kanrepro.contrast.effect import effect
        from kanrepro.contrast.loss import hard_negative_loss

        model, negatives = run.model, run.settings.contrast.negatives
        terms, (z, t), z_hard = parts(model, seen, generator)
        if z_hard is None:
            return {}
        plain = negatives.weight * hard_negative_loss(z, t, negatives.temperature)
        learned = list(model.encoder.parameters())
        return effect(learned, terms["loss_cl"], negatives.weight * terms["loss_hn"], plain, t, z_hard)

    def diagnose(self, model: Model, row: Mapping[str, float | None]) -> Mapping[str, float | None]:
        """Of the epoch's refits the mean share of splines kept, and the mean |change of z| / |z| on the batch."""
        count, kept, change = model.refits.tolist()
        found: dict[str, float | None] = {"cos_hard": row["loss_hn"]}
        return found | ({"refit_kept": kept / count, "refit_change": change / count} if count else {})


def parts(
    model: Model, seen: Seen, generator: torch.Generator
) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor], Tensor | None]:
    """The terms of the loss; z (2G, D) of both encoders; the hard negatives (2G, D), made of the target's z."""
    import torch

    from kanrepro.contrast.loss import hard_negative_loss
    from kanrepro.contrast.negatives import hard_negatives
    from kanrepro.contrast.target import mixed_loss

    contrast, own = model.settings.contrast, model.own
    z1, z2 = (model.z(view) for view in seen)
    with torch.no_grad():
        t1, t2 = (model.target(view).float() for view in seen)
    p1, p2 = (model.predictor(z).float() for z in (z1, z2))
    terms = {"loss_cl": mixed_loss(p1, p2, t1, t2, own.share, contrast.temperature)}
    z, t = torch.cat([z1, z2]), torch.cat([t1, t2])
    if not kinds(model):
        return terms, (z, t), None
    drawn = [hard_negatives(part, scores(model, generator), contrast.negatives, generator) for part in (t1, t2)]
    z_hard = torch.cat(drawn)
    terms["loss_hn"] = hard_negative_loss(z, z_hard, contrast.negatives.temperature)
    return terms, (z, t), z_hard


def kinds(model: Model) -> tuple[str, ...]:
    """The scores that hard negatives follow: of those that the method has, the first of the code's if/elif, or all."""
    asked = [kind for kind in ORDER if kind in model.settings.contrast.negatives.perturbations]
    return tuple(asked if model.own.scores == "all" else asked[:1])


def scores(model: Model, generator: torch.Generator) -> dict[str, Tensor]:
    """Kind to score (D,): `rho` of the target encoder, `delta` as it was last made, `random` drawn anew for each view.

    Scaled to 0 ... 1, a variance with 1 / (K - 1) summed over inputs is the mean of variances with 1 / K: so `rho` is
    the paper's.
    """
    import torch

    from kanrepro.contrast.negatives import component_scores

    negatives = model.settings.contrast.negatives
    found: dict[str, Tensor] = {}
    for kind in kinds(model):
        if kind == "rho":
            found[kind] = component_scores(kind, model.target.scored_coefficients(negatives.layer), negatives)
        else:
            like = model.delta
            found[kind] = like if kind == "delta" else torch.randn(like.shape, generator=generator, device=like.device)
    return found


def independent(model: Model) -> Tensor:
    """`delta` (D,) of the online encoder, its blocks' coefficients joined along outputs or each by itself."""
    import torch

    from kanrepro.contrast.negatives import component_scores

    negatives = model.settings.contrast.negatives
    coefficients = model.encoder.scored_coefficients(negatives.layer)
    whole = [torch.cat(coefficients, dim=1)] if model.own.joined else coefficients
    return component_scores("delta", whole, negatives)


def _refit(model: Model, batch: GraphBatch) -> None:
    """Refit the grids of both encoders on untouched graphs, and add up what became of the online one."""
    import torch

    from kanrepro.core.resume import kept_buffers
    from kanrepro.models.refit import refit_grids

    with torch.no_grad(), kept_buffers(model):
        before = model.encoder(batch)
    kept = refit_grids(model.encoder, batch)
    with torch.no_grad(), kept_buffers(model):
        change = (model.encoder(batch) - before).norm() / before.norm()
    refit_grids(model.target, batch)
    model.refits += torch.stack([torch.ones_like(kept), kept, change]).to(model.refits)


_CODE: dict[str, Any] = {
    "objective": "released",
    "encoder": {
        "normalise_input": False,
        "kan": {
            "range": [-1.0, 1.0], "base": True, "layers": 2, "noise": 0.5, "scale": True, "adaptive": 0.02,
            "alike": True,
        },
    },
    "features": {"unlabelled": "constant", "self_loops": True},
    # int(n (1.0 - 0.9)) nodes are dropped: of ten nodes none, of twenty one
    "views": {"kinds": ["drop_nodes"], "drop_ratio": 0.0999999, "drop_isolated": "last", "first_view": "original"},
    "contrast": {
        "loss": "nt_xent",
        "temperature": 1.0,
        "head": [96, 96],
        "negatives": {
            "scale": "min_max", "ranks": [10, 20, 5], "iterations": 100,
            "epsilon_delta": 0.2, "epsilon_rho": 0.2, "epsilon_random": 0.2,
        },
    },
    "optimiser": {"epochs": 40, "learning_rate": 0.01, "batch_size": 128, "keep_every": 5},
}  # fmt: skip
READINGS: dict[str, Changes] = {
    "released": _CODE,
    "released_seeded": merged(_CODE, {"released": {"seed": "run"}}),
}
