"""Batch norms calibrated without training: running statistics as averages over passes, no gradient, no optimiser."""

from collections.abc import Iterable

import torch
from torch import nn

from kanrepro.models.graph_encoder import GraphEncoder
from kanrepro.store.store import GraphBatch


@torch.no_grad()
def calibrate(encoder: GraphEncoder, batches: Iterable[GraphBatch]) -> None:
    """Set the running statistics of all batch norms to the mean of those of `batches`; weights stay as they are.

    An encoder whose norms never saw a graph (mean 0, variance 1) differs from a trained one in its normalisation as
    well as in its weights; this one differs in its weights alone.
    """
    norms = [norm for norm in encoder.modules() if isinstance(norm, nn.BatchNorm1d)]
    momenta, mode = [norm.momentum for norm in norms], encoder.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over batches
    encoder.train()
    for batch in batches:
        encoder(batch)
    encoder.train(mode)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
