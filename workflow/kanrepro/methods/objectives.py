"""What a pre-training minimises: contrast with hard negatives (Khan-GCL), attribute masking (Hu et al.), InfoGraph.

An objective is a module with the encoder and its own head; its forward takes what a step sees of G graphs
(`GraphSet.draw`) to the loss and its terms.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus
from torch.utils.checkpoint import checkpoint

from kanrepro.contrast.loss import hard_negative_loss, nt_xent, one_way_loss
from kanrepro.contrast.negatives import component_scores, hard_negatives
from kanrepro.core.distributed import gathered
from kanrepro.core.errors import UserError
from kanrepro.models.graph_encoder import GraphEncoder, mlp, pool
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.store.atoms import ATOM_TYPES, MASKED_ATOM
from kanrepro.store.store import GraphBatch


class Contrast(nn.Module):
    """Encoder and projection head, and the loss of one batch of graphs.

    With `accumulate` = A a view is encoded in A parts, one after the other, whose activations are not kept but made
    anew in the backward pass: memory holds those of one part. The loss sees the z of the whole batch, so that every
    view keeps its 2G - 2 negatives; what differs from one part is that batch norms see G / A graphs. Several processes
    share a batch in the same way, a part each.
    """

    encode: Callable[[GraphBatch], Tensor]

    def __init__(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = mlp((encoder.out_features, *settings.contrast.head), generator)
        self.settings = settings
        encode = torch.compile(encoder, dynamic=True) if settings.optimiser.compile else encoder
        object.__setattr__(self, "encode", encode)  # the encoder is a part of this module once, not twice

    def forward(self, view1: GraphBatch, view2: GraphBatch, generator: torch.Generator) -> dict[str, Tensor]:
        """Two views of G graphs to the loss (eq. 12) and its terms: encode, score, perturb, contrast."""
        contrast = self.settings.contrast
        z = torch.cat([gathered(self.in_parts(view1)), gathered(self.in_parts(view2))]).float()
        v = self.head(z).float()
        v1, v2 = v.chunk(2)
        contrast_loss = {"nt_xent": nt_xent, "one_way": one_way_loss}[contrast.loss]
        terms = {"loss_cl": contrast_loss(v1, v2, contrast.temperature)}
        if contrast.negatives.perturbations:
            coefficients = self.encoder.scored_coefficients(contrast.negatives.layer)
            kinds = contrast.negatives.perturbations
            scores = {kind: component_scores(kind, coefficients, contrast.negatives) for kind in kinds}
            z_hard = hard_negatives(z, scores, contrast.negatives, generator)
            with torch.no_grad():
                v_hard = self.head(z_hard)
            terms["loss_hn"] = hard_negative_loss(v, v_hard, contrast.negatives.temperature)
        weights = {"loss_hn": contrast.negatives.weight}
        return {"loss": reduce(torch.add, (weights.get(name, 1.0) * term for name, term in terms.items())), **terms}

    def in_parts(self, view: GraphBatch) -> Tensor:
        """z (G, D) of a view, encoded in as many parts as the settings say."""
        accumulate = self.settings.optimiser.accumulate
        if accumulate == 1:
            return self.encode(view)
        parts = view.split(-(-view.num_graphs // accumulate))
        contexts = lambda: (nullcontext(), unmoved_statistics(self.encoder))  # noqa: E731
        return torch.cat([checkpoint(self.encode, part, use_reentrant=False, context_fn=contexts) for part in parts])


@contextmanager
def unmoved_statistics(module: nn.Module) -> Iterator[None]:
    """Batch norms that do not move their running statistics, as when activations are made a second time."""
    norms = [norm for norm in module.modules() if isinstance(norm, nn.BatchNorm1d)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, kept, strict=True):
            norm.momentum = momentum


class Masking(nn.Module):
    """Encoder and a linear head that tells which atoms stand behind masks.

    The loss is the cross-entropy over 119 types of atoms, in the mean over masked atoms. It needs no other molecule:
    with several processes each takes the mean over its own part of the batch.
    """

    def __init__(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = mlp((encoder.out_features, ATOM_TYPES), generator)
        self.settings = settings

    def forward(self, batch: GraphBatch, generator: torch.Generator) -> dict[str, Tensor]:
        """A batch with x (N, 3) as `mask_atoms` makes it to the loss, and the share of masked atoms that are told."""
        masked = (batch.x[:, 0] == MASKED_ATOM).nonzero().squeeze(1)
        logits = self.head(self.encoder.nodes(batch)[masked]).float()
        truth = batch.x[masked, 2].long()
        return {"loss": cross_entropy(logits, truth), "accuracy": (logits.argmax(1) == truth).float().mean()}


class InfoGraph(nn.Module):
    """What a graph and its nodes have in common (InfoGraph, Sun et al.): nodes are told whether they belong to a graph.

    With T(n, G) = <f(h_n), g(z_G)> the loss is the Jensen-Shannon estimator of mutual information, over G graphs of N
    nodes: mean over (n, G), n not in G, of softplus(-T) + T - log 2, minus the mean over (n, G), n in G, of
    log 2 - softplus(-T).
    """

    def __init__(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        if settings.encoder.family == "tu":
            raise UserError("infograph needs the states of nodes: encoder.family must be superpixel or molecule.")
        self.encoder = encoder
        self.local = Discriminator(encoder.out_features, generator)
        self.whole = Discriminator(encoder.out_features, generator)
        self.settings = settings

    def forward(self, batch: GraphBatch, generator: torch.Generator) -> dict[str, Tensor]:
        """A batch of G untouched graphs to the loss, and the share of pairs that are told right, both kinds alike."""
        h = self.encoder.nodes(batch)
        z = pool(h, batch, self.settings.encoder.readout)
        scores = (self.local(h) @ self.whole(z).T).float()  # (N, G)
        own = batch.node_graph().unsqueeze(1) == torch.arange(batch.num_graphs, device=h.device)
        inside, others = scores[own], scores[~own]
        loss = (softplus(-others) + others - math.log(2)).mean() - (math.log(2) - softplus(-inside)).mean()
        accuracy = ((inside > 0).float().mean() + (others <= 0).float().mean()) / 2
        return {"loss": loss, "accuracy": accuracy}


class Discriminator(nn.Module):
    """(., D) to (., D): three linear layers, each with a ReLU, beside a linear one."""

    def __init__(self, width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.deep = nn.Sequential(*mlp((width,) * 4, generator), nn.ReLU())
        self.linear = mlp((width, width), generator)

    def forward(self, x: Tensor) -> Tensor:
        return self.deep(x) + self.linear(x)


Objective = Contrast | Masking | InfoGraph
OBJECTIVES: dict[str, type[Objective]] = {"contrast": Contrast, "attr_masking": Masking, "infograph": InfoGraph}
