"""Training that can be broken off: its state as plain tensors, and the loop that saves it and goes on from it."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from kanrepro import checkpoint

SAVING = 0.05  # share of the time that saving states may take: those of wide encoders are large


def tensors_of(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Weights and buffers as `model.<name>`, and what Adam keeps for each weight as `adam.<name>.<slot>`."""
    names = [name for name, _ in model.named_parameters()]
    slots = optimiser.state_dict()["state"]
    moments = {f"adam.{names[i]}.{k}": v for i, slot in slots.items() for k, v in slot.items()}
    return {f"model.{name}": t for name, t in model.state_dict().items()} | moments


def put_back(model: nn.Module, optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The other way: load what `tensors_of` made into a model and optimiser that are built alike."""
    model.load_state_dict(below("model", tensors))
    parameters = dict(model.named_parameters())
    index = {name: i for i, name in enumerate(parameters)}
    slots: dict[int, dict[str, Tensor]] = {}
    for name, tensor in below("adam", tensors).items():
        parameter, slot = name.rsplit(".", 1)
        if slot != "step":  # moments lie in memory as their weights do, channels last: the fused step relies on it
            tensor = torch.empty_like(parameters[parameter]).copy_(tensor)
        slots.setdefault(index[parameter], {})[slot] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(f"{prefix}."): t for name, t in tensors.items() if name.startswith(f"{prefix}.")}


class Resumable(Protocol):
    """A training by epochs, with its state as tensors and a document of JSON."""

    seed: int

    @property
    def epoch(self) -> int: ...  # epochs done

    @property
    def epochs(self) -> int: ...  # at most

    @property
    def finished(self) -> bool: ...

    def run_epoch(self) -> Mapping[str, float]: ...

    def describe(self, row: Mapping[str, float]) -> str: ...  # an epoch's row in a few words

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]: ...

    def restore(self, tensors: dict[str, Tensor], kept: dict[str, Any]) -> None: ...


def train(training: Resumable, state_file: Path, identity: dict[str, Any]) -> None:
    """Train to the end; resumes from `state_file` where it holds the same run.

    The state is saved after an epoch where that keeps saving below its share of the time, and after the last one.
    """
    found = checkpoint.load_state(state_file, identity, lambda text: print(text, file=sys.stderr))
    if found:
        training.restore(*found)
        print(f"seed {training.seed}: resuming after epoch {training.epoch}", file=sys.stderr)
    epochs = training.epochs
    bar = tqdm(total=epochs, initial=training.epoch, desc=f"seed {training.seed}", unit="epoch", disable=None)
    cost, since = 0.0, time.perf_counter()
    while not training.finished:
        line = training.describe(training.run_epoch())
        if training.finished or time.perf_counter() - since >= cost / SAVING:
            start = time.perf_counter()
            tensors, kept = training.state()
            checkpoint.save_state(state_file, tensors, {"identity": identity, **kept})
            since = time.perf_counter()
            cost = since - start
        bar.set_postfix_str(line)
        bar.update()
        if bar.disable and (training.epoch % max(1, epochs // 5) == 0 or training.finished):
            print(f"seed {training.seed}  epoch {training.epoch}/{epochs}  {line}", file=sys.stderr)
    bar.close()
