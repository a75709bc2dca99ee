"""Khan-GCL: contrast of two views by KAN encoders, with hard negatives along the critical components of z.

Paper: Khan-GCL, sections 4.1 to 4.3, Algorithm 3. Public code: zihuwang97/KhanGCL@249b7b1, which differs from the paper
(docs/findings); this is the paper's method. The other variants of the ablation (section 5.2, appendix E.2) are this one
with fewer perturbations, or with MLPs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING

from kanrepro.core.errors import UserError
from kanrepro.methods.method import Changes, Method

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from kanrepro.models.graph_encoder import GraphEncoder
    from kanrepro.pretraining.model import Model
    from kanrepro.pretraining.settings import PretrainSettings
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
    columns = ("loss_cl", "loss_hn", "delta_mean", "rho_mean", "cos_hard")
    many = True

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module]:
        from kanrepro.models.graph_encoder import mlp

        if settings.contrast.negatives.perturbations and not encoder.scored_coefficients():
            raise UserError(
                "hard negatives are perturbed by the scores of splines, which an MLP encoder has not: "
                "set encoder.network to kan, or contrast.negatives.perturbations to []."
            )
        return {"head": mlp((encoder.out_features, *settings.contrast.head), generator)}

    def loss(
        self, model: Model, view1: GraphBatch, view2: GraphBatch, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Two views of G graphs to the loss (eq. 12) and its terms."""
        import torch

        from kanrepro.contrast.loss import hard_negative_loss, nt_xent, one_way_loss
        from kanrepro.contrast.negatives import component_scores, hard_negatives

        contrast = model.settings.contrast
        z = torch.cat([model.z(view1), model.z(view2)])
        v = model.head(z).float()
        contrast_loss = {"nt_xent": nt_xent, "one_way": one_way_loss}[contrast.loss]
        v1, v2 = v.chunk(2)
        terms = {"loss_cl": contrast_loss(v1, v2, contrast.temperature)}
        kinds = contrast.negatives.perturbations
        if kinds:
            coefficients = model.encoder.scored_coefficients(contrast.negatives.layer)
            scores = {kind: component_scores(kind, coefficients, contrast.negatives) for kind in kinds}
            z_hard = hard_negatives(z, scores, contrast.negatives, generator)
            with torch.no_grad():
                v_hard = model.head(z_hard)
            terms["loss_hn"] = hard_negative_loss(v, v_hard, contrast.negatives.temperature)
        weights = {"loss_hn": contrast.negatives.weight}
        return {"loss": reduce(torch.add, (weights.get(name, 1.0) * term for name, term in terms.items())), **terms}

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
