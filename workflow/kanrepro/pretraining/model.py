"""The model of a pre-training: the encoder, and what its method adds to it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from kanrepro.core.distributed import gathered
from kanrepro.methods.method import Method
from kanrepro.models.graph_encoder import GraphEncoder
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.store.store import GraphBatch


class Model(nn.Module):
    """An encoder with the networks and tensors that a method names; its forward pass is the loss of one step.

    With `accumulate` = A a view is encoded in A parts, one after the other, whose activations are not kept but made
    anew in the backward pass: memory holds those of one part. The loss sees the z of the whole batch, so that every
    view keeps its negatives; what differs from one part is that batch norms see G / A graphs. Several processes share a
    batch in the same way, a part each.

    Attributes:
        encoder: what is kept when training is done.
        settings: of the pre-training.
        own: the settings that its method has of its own.
    """

    encoder: GraphEncoder
    encode: Callable[[GraphBatch], Tensor]
    own: Any

    def __init__(
        self,
        method: Method,
        encoder: GraphEncoder,
        settings: PretrainSettings,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.method, self.settings, self.encoder = method, settings, encoder
        self.own = getattr(settings, method.section, None)
        for name, part in method.networks(encoder, settings, generator).items():
            if isinstance(part, Tensor) and not isinstance(part, nn.Parameter):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)
        encode = torch.compile(encoder, dynamic=True) if settings.optimiser.compile else encoder
        object.__setattr__(self, "encode", encode)  # the encoder is a part of this module once, not twice

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What the method named."""

    def forward(self, loss: Callable[..., Mapping[str, Tensor]], *seen: Any) -> Mapping[str, Tensor]:
        """`loss` of what a step saw, a generator at its end."""
        return loss(self, *seen)

    def z(self, view: GraphBatch) -> Tensor:
        """z (G, D) of a view in float32, encoded in as many parts as the settings say, from all processes."""
        return gathered(self._in_parts(view)).float()

    def _in_parts(self, view: GraphBatch) -> Tensor:
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
