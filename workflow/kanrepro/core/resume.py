"""Training that can be broken off: its state as plain tensors, and the loop that saves it and goes on from it."""

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from kanrepro.core import checkpoint
from kanrepro.core.history import Row

SAVING = 0.05  # share of the time that saving states may take: those of wide encoders are large
ALWAYS = math.inf  # a state after each epoch, whatever it takes: epochs are long


def tensors_of(model: nn.Module, *optimisers: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Weights and buffers as `model.<name>`, and what optimisers keep for each weight as `adam.<name>.<slot>`."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    slots = {
        f"adam.{names[parameter]}.{slot}": tensor
        for optimiser in optimisers
        for parameter, kept in optimiser.state.items()
        for slot, tensor in kept.items()
    }
    return {f"model.{name}": t for name, t in model.state_dict().items()} | slots


def put_back(model: nn.Module, tensors: Mapping[str, Tensor], *optimisers: torch.optim.Optimizer) -> None:
    """The other way: load what `tensors_of` made into a model and optimisers that are built alike."""
    model.load_state_dict(below("model", tensors))
    names = {parameter: name for name, parameter in model.named_parameters()}
    kept: dict[str, dict[str, Tensor]] = {}
    for name, tensor in below("adam", tensors).items():
        parameter, slot = name.rsplit(".", 1)
        kept.setdefault(parameter, {})[slot] = tensor
    for optimiser in optimisers:
        parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        state = {
            i: {
                # moments lie in memory as their weights do, channels last: the fused step relies on it
                slot: tensor if slot == "step" else torch.empty_like(parameter).copy_(tensor)
                for slot, tensor in kept[names[parameter]].items()
            }
            for i, parameter in enumerate(parameters)
            if names[parameter] in kept
        }
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


@contextmanager
def kept_buffers(model: nn.Module) -> Iterator[None]:
    """Buffers, such as running statistics, are put back as they were."""
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        for buffer, value in kept:
            buffer.copy_(value)


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(f"{prefix}."): t for name, t in tensors.items() if name.startswith(f"{prefix}.")}


class ByEpochs(Protocol):
    """A training by epochs, with its state as tensors and a document of JSON; its history has a row an epoch."""

    seed: int
    history: Any  # a list of rows

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)

    @property
    def epochs(self) -> int: ...  # at most

    @property
    def finished(self) -> bool:
        """Whether no epoch is to come."""
        return self.epoch >= self.epochs

    def run_epoch(self) -> Row: ...

    def describe(self, row: Row) -> str: ...  # an epoch's row in a few words

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]: ...

    def restore(self, tensors: dict[str, Tensor], kept: dict[str, Any]) -> None: ...


def save(training: ByEpochs, state_file: Path, identity: dict[str, Any]) -> None:
    """Write the state of a run, which `identity` names."""
    tensors, kept = training.state()
    checkpoint.save_state(state_file, tensors, {"identity": identity, **kept})


def train(
    training: ByEpochs,
    state_file: Path,
    identity: dict[str, Any],
    share: float = SAVING,
    first: bool = True,
    watch: Callable[[Row], None] | None = None,
) -> None:
    """Train to the end; resumes from `state_file` where it holds the same run.

    Args:
        training: what is trained, in place.
        state_file: holds the last state saved.
        identity: what must be equal for a state to be this run's.
        share: of the time that saving may take: a state is saved after the last epoch, and after earlier ones as far
            as this goes; `ALWAYS`: after each.
        first: whether this process, of several that train as one, saves states and says how far it is.
        watch: is shown each epoch's row.
    """
    found = checkpoint.load_state(state_file, identity, lambda text: print(text, file=sys.stderr))
    if found:
        training.restore(*found)
        print(f"seed {training.seed}: resuming after epoch {training.epoch}", file=sys.stderr)
    epochs, quiet = training.epochs, None if first else True  # None: no bar where no terminal is
    bar = tqdm(total=epochs, initial=training.epoch, desc=f"seed {training.seed}", unit="epoch", disable=quiet)
    cost, since = 0.0, time.perf_counter()
    while not training.finished:
        row = training.run_epoch()
        if not first:
            continue
        if training.finished or time.perf_counter() - since >= cost / share:
            start = time.perf_counter()
            save(training, state_file, identity)
            since = time.perf_counter()
            cost = since - start
        line = training.describe(row)
        bar.set_postfix_str(line)
        bar.update()
        if bar.disable and (training.epoch % max(1, epochs // 10) == 0 or training.finished):
            print(f"seed {training.seed}  epoch {training.epoch}/{epochs}  {line}", file=sys.stderr)
        if watch:
            watch(row)
    bar.close()
