"""Where the time of a training epoch goes, measured inside the stage's own loop."""

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from kanrepro.methods.folder import find
from kanrepro.methods.readings import changes_of, settings_of
from kanrepro.pretraining.settings import PretrainSettings, of_run
from kanrepro.pretraining.training import Seen, Training
from kanrepro.store.store import GraphStore


def settings_for(method: str, reading: str = "repaired") -> PretrainSettings:
    """The stage's settings for a method."""
    changes = settings_of(PretrainSettings().model_dump(mode="json"), changes_of("tu", reading, method), method)
    return of_run(PretrainSettings, changes, find(method), method)


class ClockedTraining(Training):
    """A Training that keeps a clock of each part of its epochs; what is trained is the same.

    Parts, in seconds: views (drawn, batched, cut), encoder (its forward and its backward, which begins when the
    gradient of z is there and is the last of a backward pass), optimiser; what is left of the epoch is the rest (head,
    losses, scores, bookkeeping).
    """

    def __init__(self, store: GraphStore, settings: PretrainSettings, limit: int | None = None) -> None:
        super().__init__(store, settings, seed=0, device="cpu", limit=limit)
        self.clocks: list[dict[str, float]] = []  # one an epoch
        self._begun: dict[str, float] = {}
        encoder = self.model.encoder
        encoder.register_forward_pre_hook(lambda *_: self._start("encoder"))
        encoder.register_forward_hook(self._encoded)
        for optimiser in self.optimisers:
            optimiser.register_step_pre_hook(self._differentiated)
            optimiser.register_step_post_hook(lambda *_: self._stop("optimiser"))

    def run_epoch(self) -> dict[str, float | None]:
        self.clocks.append(dict.fromkeys(("views", "encoder", "optimiser", "epoch", "steps"), 0.0))
        self._start("epoch")
        row = super().run_epoch()
        self._stop("epoch")
        return row

    def fastest_epoch(self) -> dict[str, float]:
        """The clock of the fastest epoch; the first one only warms up, and does not count."""
        return min(self.clocks[1:], key=lambda clock: clock["epoch"])

    def views(self, generator: torch.Generator) -> Iterator[Seen]:
        made = super().views(generator)
        while True:
            self._start("views")
            pair = next(made, None)
            self._stop("views")
            if pair is None:
                return
            self.clocks[-1]["steps"] += 1
            yield pair

    def _encoded(self, module: Any, given: Any, z: Tensor) -> None:
        self._stop("encoder")
        if z.requires_grad:
            z.register_hook(lambda _: self._start("encoder", again=False))

    def _differentiated(self, *_: Any) -> None:
        self._stop("encoder")
        self._start("optimiser")

    def _start(self, part: str, again: bool = True) -> None:
        if again or part not in self._begun:
            self._begun[part] = time.perf_counter()

    def _stop(self, part: str) -> None:
        if part in self._begun:  # attribute masking asks the encoder for nodes, which its clock does not see
            self.clocks[-1][part] += time.perf_counter() - self._begun.pop(part)
