"""Settings of views, hard negatives and losses."""

from typing import Annotated, Literal

from pydantic import Field

from kanrepro.core.parts import Part, Positive, Scale, Share

ViewKind = Literal["drop_nodes", "perturb_edges", "mask_attributes", "subgraph", "identity"]


class ViewSettings(Part):
    """Augmentations (GraphCL's four kinds at its ratios)."""

    kinds: Annotated[tuple[ViewKind, ...], Field(min_length=1)] = Field(
        default=("drop_nodes", "subgraph", "perturb_edges", "mask_attributes"),
        description="drawn uniformly for each graph",
    )
    drop_ratio: Share = Field(default=0.1, description="share of nodes dropped")
    edge_ratio: Share = Field(default=0.1, description="share of edges dropped, and as many added")
    mask_ratio: Share = Field(default=0.1, description="share of nodes masked")
    subgraph_ratio: Share = Field(default=0.2, description="share of nodes kept, plus one node")
    subgraph_hops: Positive | None = Field(
        default=None, description="reach of the subgraph; null: unbounded, 1: GraphCL's code"
    )
    add_edges: bool = Field(default=True, description="false: edges are only dropped, as in GraphCL's code")
    directed_edges: bool = Field(default=False, description="true: each direction is an edge, as in GraphCL's code")
    drop_isolated: bool | Literal["last"] = Field(
        default=False,
        description="true: nodes of a view without an edge are left out, as in GraphCL's code on TU sets; last: of "
        "each graph the last node alone, as in Khan-GCL's, where all others keep a self-loop until then",
    )
    first_view: Literal["augmented", "original"] = Field(default="augmented", description="original: GraphCL's code")


class NegativeSettings(Part):
    """Hard negatives (eq. 9, appendix E.2, F.3)."""

    perturbations: tuple[Literal["delta", "rho", "random"], ...] = Field(default=(), description="set by the method")
    epsilon_delta: Scale = Field(default=0.075, description="F.3")
    sigma_delta: Scale = Field(default=0.05, description="F.3")
    epsilon_rho: Scale = Field(default=0.075, description="F.3")
    sigma_rho: Scale = Field(default=0.05, description="F.3")
    epsilon_random: Scale = Field(default=0.075, description="unstated; as the others")
    sigma_random: Scale = Field(default=0.05, description="unstated; as the others")
    weight: Scale = Field(default=1.0, description="of L_HN in the loss; eq. 12: 1, Algorithm 3: 2")
    scale: Literal["raw", "relative", "min_max"] = Field(
        default="raw", description="of the scores; set by the reading; min_max: Khan-GCL's code"
    )
    temperature: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="that L_HN's cosine is divided by; null: none, as in eq. 11"
    )
    per: Literal["graph", "batch"] = Field(
        default="graph", description="a perturbation of its own for every graph (text) or one a batch (Algorithm 3)"
    )
    draws: Positive = Field(default=1, description="independent draws of each perturbation that are added up")
    layer: Literal["last", "first"] = Field(
        default="last", description="KAN layer of each block whose coefficients are scored; unstated"
    )
    components: Literal["all", "top", "bottom"] = Field(
        default="all",
        description="top, bottom: a quarter of them by score, all moved alike; an ablation",
    )
    shared_alpha: bool = Field(
        default=False, description="one sign for both perturbations (Algorithm 3) or one each (eq. 9)"
    )
    ranks: tuple[Positive, Positive, Positive] | None = Field(
        default=None, description="multilinear ranks; null: full (slow if set)"
    )
    iterations: Annotated[int, Field(ge=0)] = Field(
        default=0, description="with ranks: rounds of alternating least squares after the HOSVD, at most"
    )


class ContrastSettings(Part):
    """Losses and projection head (eq. 1, 11, 12; table 5; F.3)."""

    loss: Literal["nt_xent", "one_way"] = Field(default="nt_xent", description="eq. 1, or GraphCL's own")
    temperature: Annotated[float, Field(gt=0)] = Field(default=0.2, description="tau (F.3)")
    head: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(default=(32, 32), description="widths (table 5)")
    negatives: NegativeSettings = NegativeSettings()
