"""One fine-tuning: encoder and linear head, the loss over labels that are there, epochs, a state to resume from.

Shapes: G molecules of a batch, D components of z, T tasks.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from kanrepro.core.errors import UserError
from kanrepro.core.history import Row
from kanrepro.core.resume import ByEpochs, put_back, tensors_of
from kanrepro.core.streams import stream
from kanrepro.models.graph_encoder import GraphEncoder
from kanrepro.molecules.finetune_settings import FinetuneSettings
from kanrepro.molecules.labelled import LabelledSet
from kanrepro.molecules.record import TaskScores
from kanrepro.store.store import GraphBatch, GraphStore

AT_ONCE = 512  # molecules that are scored, or laid out for training, together


def masked_bce(logits: Tensor, y: Tensor) -> Tensor:
    """Binary cross-entropy of logits (G, T) for labels y (G, T) of 1, -1 and 0: the mean over those that are not 0.

    Without any label it is 0, and so is its gradient.
    """
    present = y != 0
    losses = binary_cross_entropy_with_logits(logits, (y > 0).to(logits.dtype), reduction="none")
    return torch.where(present, losses, 0.0).sum() / present.sum().clamp_min(1)


class Predictor(nn.Module):
    """Molecules to a logit for each task: z of the encoder, then one linear layer."""

    def __init__(self, encoder: GraphEncoder, tasks: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.out_features, tasks)
        bound = 1 / math.sqrt(encoder.out_features)  # as PyTorch and so Hu et al., but out of a generator
        nn.init.uniform_(self.head.weight, -bound, bound, generator=generator)
        nn.init.uniform_(self.head.bias, -bound, bound, generator=generator)

    def forward(self, batch: GraphBatch) -> Tensor:
        """G molecules to logits (G, T)."""
        return self.head(self.encoder(batch))


class Finetuning(ByEpochs):
    """Model, optimiser and history of one run, with its state as plain tensors.

    All molecules are held on the device as integers; batches are made there without a loop over molecules.

    Attributes:
        history: a row an epoch: train_loss, validation and test (mean ROC-AUC), seconds.
        best, last: scores at the best validation epoch so far (the first of equals) and after the last one.
    """

    def __init__(
        self,
        labelled: LabelledSet,
        encoder: GraphEncoder,
        settings: FinetuneSettings,
        seed: int,
        device: torch.device | str,
    ) -> None:
        self.labelled, self.settings, self.seed, self.device = labelled, settings, seed, torch.device(device)
        self.store: GraphStore = labelled.store.to(device)
        self.parts = {
            part: torch.from_numpy(getattr(labelled.split, part)).to(device) for part in ("train", "validation", "test")
        }
        self.model = Predictor(encoder, len(labelled.tasks), stream(seed, "head")).to(device)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=settings.learning_rate, fused=True)
        self.history: list[dict[str, float]] = []
        self.best: TaskScores | None = None
        self.last: TaskScores | None = None

    @property
    def epochs(self) -> int:
        """Epochs that it takes."""
        return self.settings.epochs

    def batches(self) -> Iterator[GraphBatch]:
        """The batches of the coming epoch in random order, many laid out at once and cut.

        A last batch of one molecule is left out: if it has one atom, batch norm can make nothing of it.
        """
        train, size = self.parts["train"], self.settings.batch_size
        order = torch.randperm(len(train), generator=stream(self.seed, f"order {self.epoch}")).to(self.device)
        for index in train[order].split(size * max(1, AT_ONCE // size)):
            for batch in self.store.batch(index).split(size):
                if batch.num_graphs > 1:
                    yield batch

    def run_epoch(self) -> dict[str, float]:
        """Train one epoch, score validation and test molecules, and append a row to the history.

        Raises:
            UserError: the loss or a weight is no longer finite.
        """
        start = time.perf_counter()
        loss = self._train()
        self._check(loss)
        found = self.labelled.scores(self.predict("validation"), self.predict("test"), self.epoch + 1)
        row = {"train_loss": loss, "validation": found.validation, "test": found.test}
        row["seconds"] = time.perf_counter() - start
        self.history.append(row)
        self.last = found
        if self.best is None or found.validation > self.best.validation:
            self.best = found
        return row

    def _train(self) -> float:
        """The mean loss over the steps of an epoch, gathered on the device so that no step waits for it."""
        self.model.train()
        total, steps = torch.zeros((), device=self.device), 0
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(stream(self.seed, f"dropout {self.epoch}").initial_seed())  # dropout takes no generator
            for batch in self.batches():
                assert batch.y is not None
                self.optimiser.zero_grad(set_to_none=True)
                loss = masked_bce(self.model(batch), batch.y)
                loss.backward()
                self.optimiser.step()
                total += loss.detach()
                steps += 1
        if not steps:
            raise UserError(
                f"{self.labelled.name}: the train part makes no batch of two molecules. Take another split."
            )
        return float(total) / steps

    @torch.inference_mode()
    def predict(self, part: str) -> NDArray[np.float64]:
        """Logits (G, T) of a part's molecules, in evaluation mode."""
        self.model.eval()
        made = [self.model(self.store.batch(index)) for index in self.parts[part].split(AT_ONCE)]
        logits = torch.cat(made).double().cpu().numpy()
        if not np.isfinite(logits).all():
            self._diverged(f"a logit of the {part} part is not finite")
        return logits

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss) or not all(bool(p.isfinite().all()) for p in self.model.parameters()):
            self._diverged(f"loss {loss}")

    def _diverged(self, why: str) -> None:
        raise UserError(
            f"{self.labelled.name}: fine-tuning with seed {self.seed} diverged in epoch {self.epoch + 1} ({why}); "
            f"nothing was written for it. Lower learning_rate ({self.settings.learning_rate})."
        )

    def describe(self, row: Row) -> str:
        """An epoch's row in a few words."""
        return f"loss {row['train_loss']:.4f}  validation {row['validation']:.4f}  test {row['test']:.4f}"

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Weights, buffers and optimiser moments by name, and the history with the scores kept; tensors only while
        there are epochs to come."""
        kept = {
            "history": self.history,
            "best": self.best and self.best.model_dump(mode="json"),
            "last": self.last and self.last.model_dump(mode="json"),
        }
        if self.finished:
            return {}, kept
        return tensors_of(self.model, self.optimiser), kept

    def restore(self, tensors: dict[str, Tensor], kept: dict[str, Any]) -> None:
        """Continue from a state."""
        self.history = kept["history"]
        self.best = kept["best"] and TaskScores.model_validate(kept["best"])
        self.last = kept["last"] and TaskScores.model_validate(kept["last"])
        if self.finished:
            return
        put_back(self.model, tensors, self.optimiser)


def curves_of(history: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """The columns of a history that a record keeps."""
    return {name: [row[name] for row in history] for name in ("train_loss", "validation", "test")}
