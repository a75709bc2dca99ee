"""Views, losses, critical features and hard negatives."""

from typing import TYPE_CHECKING

from kanrepro.core import lazy

if TYPE_CHECKING:
    from kanrepro.contrast.ckfi import discriminative_scores as discriminative_scores
    from kanrepro.contrast.ckfi import independent_scores as independent_scores
    from kanrepro.contrast.loss import hard_negative_loss as hard_negative_loss
    from kanrepro.contrast.loss import nt_xent as nt_xent
    from kanrepro.contrast.views import drop_nodes as drop_nodes
    from kanrepro.contrast.views import mask_attributes as mask_attributes
    from kanrepro.contrast.views import perturb_edges as perturb_edges
    from kanrepro.contrast.views import subgraph as subgraph

_HOMES = {
    "discriminative_scores": "ckfi",
    "independent_scores": "ckfi",
    "hard_negative_loss": "loss",
    "nt_xent": "loss",
    "drop_nodes": "views",
    "mask_attributes": "views",
    "perturb_edges": "views",
    "subgraph": "views",
}
__getattr__ = lazy.names(__name__, _HOMES)
