"""One fine-tuning of a digit classifier on few labels: epochs until the rate is small, a state to resume from."""

import math
import time
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from kanrepro.core.errors import UserError
from kanrepro.core.history import Row
from kanrepro.core.resume import ByEpochs, put_back, tensors_of
from kanrepro.core.streams import stream
from kanrepro.models.digit_classifier import DigitClassifier
from kanrepro.store.store import GraphStore
from kanrepro.superpixels.settings import DigitFinetuneSettings
from kanrepro.superpixels.splits import DigitSplit

BATCH = 512  # graphs at a time where nothing is trained


class DigitTraining(ByEpochs):
    """Model, optimiser and history of one run (GraphCL's MNIST code).

    Args:
        model: a pre-trained encoder with new heads; trained in place.
        graphs: those of the training part, on the device of the model.
        split: which of them are trained on, and which watch over the rate.
        settings: of the fine-tuning.
        seed: of the order of the graphs.

    Attributes:
        history: a row an epoch: loss, valid_loss, valid_accuracy, and the rate that the epoch had.
        seconds: what all epochs took, those before an interruption too.
    """

    def __init__(
        self, model: DigitClassifier, graphs: GraphStore, split: DigitSplit, settings: DigitFinetuneSettings, seed: int
    ) -> None:
        self.model, self.graphs, self.settings, self.seed = model, graphs, settings, seed
        self.labelled, self.valid = torch.tensor(split.labelled), torch.tensor(split.valid)
        self.optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, fused=True)
        self.plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimiser, factor=settings.factor, patience=settings.patience
        )
        self.history: list[dict[str, float]] = []
        self.seconds = 0.0

    @property
    def epochs(self) -> int:
        """Epochs at most."""
        return self.settings.epochs

    @property
    def finished(self) -> bool:
        return super().finished or self._rate < self.settings.least_rate

    @property
    def _rate(self) -> float:
        return self.optimiser.param_groups[0]["lr"]

    def run_epoch(self) -> dict[str, float]:
        """Train one epoch, look at the validation images, lower the rate at a plateau, and append a row.

        Raises:
            UserError: the loss is no longer finite.
        """
        start = time.perf_counter()
        loss, rate = self._train(), self._rate
        scores, truth = predict(self.model, self.graphs, self.valid)
        watched = float(cross_entropy(scores, truth))
        if not math.isfinite(loss):
            raise UserError(
                f"fine-tuning diverged in epoch {self.epoch + 1}; nothing was written. Lower "
                f"superpixels.finetune.learning_rate ({self.settings.learning_rate})."
            )
        right = float((scores.argmax(1) == truth).float().mean())
        row = {"loss": loss, "valid_loss": watched, "valid_accuracy": right, "rate": rate}
        self.history.append(row)
        self.plateau.step(watched)
        self.seconds += time.perf_counter() - start
        return row

    def _train(self) -> float:
        """The mean loss over the labelled images of one epoch, gathered on the device so that no step waits for it."""
        self.model.train()
        order = self.labelled[torch.randperm(len(self.labelled), generator=stream(self.seed, f"order {self.epoch}"))]
        total = torch.zeros((), device=self.graphs.x.device)
        for index in order.split(self.settings.batch_size):
            if len(index) < 2:
                continue  # a batch norm needs two
            self.optimiser.zero_grad(set_to_none=True)
            batch = self.graphs.batch(index.to(self.graphs.x.device))
            assert batch.y is not None
            loss = cross_entropy(self.model(batch), batch.y[:, 0])
            loss.backward()
            self.optimiser.step()
            total += loss.detach() * len(index)
        return float(total) / len(order)

    def describe(self, row: Row) -> str:
        """An epoch's row in a few words."""
        return f"loss {row['loss']:.4f}  validation {row['valid_loss']:.4f}  rate {row['rate']:.1e}"

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Weights, buffers and moments by name; the history."""
        return tensors_of(self.model, self.optimiser), {"history": self.history, "seconds": self.seconds}

    def restore(self, tensors: dict[str, Tensor], kept: dict[str, Any]) -> None:
        """Continue from a state; the history tells the rate and how long it has waited."""
        put_back(self.model, tensors, self.optimiser)
        self.history, self.seconds = kept["history"], kept["seconds"]
        for row in self.history:
            self.plateau.step(row["valid_loss"])


@torch.inference_mode()
def predict(model: DigitClassifier, graphs: GraphStore, index: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (G, classes) and classes (G,) of the graphs `index` in evaluation mode."""
    model.eval()
    scores, truth = [], []
    for part in index.to(graphs.x.device).split(BATCH):
        batch = graphs.batch(part)
        assert batch.y is not None
        scores.append(model(batch))
        truth.append(batch.y[:, 0])
    return torch.cat(scores), torch.cat(truth)
