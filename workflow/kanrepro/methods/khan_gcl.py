"""Khan-GCL: contrast of two views by KAN encoders, with hard negatives along the critical components of z.

Paper: Khan-GCL, sections 4.1 to 4.3, Algorithm 3. Public code: zihuwang97/KhanGCL@249b7b1, which computes another
method: the reading `released` (methods/released.py). The other variants of the ablation (section 5.2, appendix E.2) are
this one with fewer perturbations, or with MLPs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING

from kanrepro.core.errors import UserError
from kanrepro.methods.method import Changes, Method
from kanrepro.methods.released import READINGS

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from kanrepro.models.graph_encoder import GraphEncoder
    from kanrepro.pretraining.model import Model
    from kanrepro.pretraining.settings import PretrainSettings
    from kanrepro.pretraining.training import Seen, Training
    from kanrepro.store.store import GraphBatch


def perturbed_by(*perturbations: str) -> Changes:
    """The change that makes these the perturbations of hard negatives; none: no hard negatives."""
    return {"contrast": {"negatives": {"perturbations": list(perturbations)}}}


class KhanGCL(Method):
    """Encode, score, perturb, contrast. A step sees two views of every graph."""

    label = "Khan-GCL"
    kind = "variant"
    place = 6
    usual = ("tu", "molecule", "superpixel")
    printed = {"table1": "Khan-GCL", "table2": "Khan-GCL", "table3": "Khan-GCL", "table7": "Khan-GCL"}
    changes = perturbed_by("delta", "rho")
    objective = "contrast"
    columns = (
        "loss_cl", "loss_hn", "delta_mean", "rho_mean", "cos_hard", "hn_alignment", "hn_strength", "hn_step",
        "hn_cosine",
    )  # fmt: skip
    readings = {"tu": READINGS}
    many = True

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module]:
        from kanrepro.models.graph_encoder import mlp

        check_scored(encoder, settings)
        return {"head": mlp((encoder.out_features, *settings.contrast.head), generator)}

    def loss(
        self, model: Model, view1: GraphBatch, view2: GraphBatch, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Two views of G graphs to the loss (eq. 12) and its terms."""
        import torch

        terms = parts(model, (view1, view2), generator)[0]
        weights = {"loss_hn": model.settings.contrast.negatives.weight}
        return {"loss": reduce(torch.add, (weights.get(name, 1.0) * term for name, term in terms.items())), **terms}

    def examine(self, run: Training, seen: Seen, generator: torch.Generator) -> Mapping[str, float | None]:
        """What hard negatives do to the encoder, on one batch."""
        from kanrepro.contrast.effect import effect
        from kanrepro.contrast.loss import hard_negative_loss

        model, negatives = run.model, run.settings.contrast.negatives
        if not negatives.perturbations or run.ranks.world > 1:
            return {}
        terms, z, v, z_hard = parts(model, seen, generator)
        plain = negatives.weight * hard_negative_loss(v, v, negatives.temperature)
        learned = list(model.encoder.parameters())
        return effect(learned, terms["loss_cl"], negatives.weight * terms["loss_hn"], plain, z, z_hard)

    def diagnose(self, model: Model, row: Mapping[str, float | None]) -> Mapping[str, float | None]:
        """The means of both scores over the components of z, and the cosine of views and hard negatives."""
        import torch

        from kanrepro.contrast.ckfi import discriminative_scores, independent_scores

        found: dict[str, float | None] = {"cos_hard": row["loss_hn"]}
        coefficients = model.encoder.scored_coefficients()
        if coefficients:
            found["delta_mean"] = float(torch.cat([independent_scores(c) for c in coefficients]).mean())
            found["rho_mean"] = float(torch.cat([discriminative_scores(c) for c in coefficients]).mean())
        return found


def check_scored(encoder: GraphEncoder, settings: PretrainSettings) -> None:
    """Refuse hard negatives of an encoder without scores. Raises UserError."""
    if settings.contrast.negatives.perturbations and not encoder.scored_coefficients():
        raise UserError(
            "hard negatives are perturbed by the scores of splines, which an MLP encoder has not: "
            "set encoder.network to kan, or contrast.negatives.perturbations to []."
        )


def parts(model: Model, seen: Seen, generator: torch.Generator) -> tuple[dict[str, Tensor], Tensor, Tensor, Tensor]:
    """The terms of the loss; z (2G, D) and v (2G, P) of two views; their hard negatives (2G, D), or z without any."""
    import torch

    from kanrepro.contrast.loss import hard_negative_loss, nt_xent, one_way_loss
    from kanrepro.contrast.negatives import component_scores, hard_negatives

    contrast = model.settings.contrast
    z = torch.cat([model.z(view) for view in seen])
    v = model.head(z).float()
    contrast_loss = {"nt_xent": nt_xent, "one_way": one_way_loss}[contrast.loss]
    v1, v2 = v.chunk(2)
    terms = {"loss_cl": contrast_loss(v1, v2, contrast.temperature)}
    kinds = contrast.negatives.perturbations
    if not kinds:
        return terms, z, v, z
    coefficients = model.encoder.scored_coefficients(contrast.negatives.layer)
    scores = {kind: component_scores(kind, coefficients, contrast.negatives) for kind in kinds}
    z_hard = hard_negatives(z, scores, contrast.negatives, generator)
    with torch.no_grad():
        v_hard = model.head(z_hard)
    terms["loss_hn"] = hard_negative_loss(v, v_hard, contrast.negatives.temperature)
    return terms, z, v, z_hard
