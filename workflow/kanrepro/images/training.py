"""One training of an image classifier: batches on the device, epochs, the best of them kept, a state to resume from."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from kanrepro.core.errors import UserError
from kanrepro.core.history import Row
from kanrepro.core.resume import ByEpochs, below, put_back, tensors_of
from kanrepro.core.streams import stream
from kanrepro.images.augment import augment, channel_statistics, normalise
from kanrepro.images.outputs import outputs
from kanrepro.images.schedule import learning_rate
from kanrepro.images.settings import ClassifySettings
from kanrepro.images.splits import Split
from kanrepro.images.store import ImageSet
from kanrepro.models.classifier import Classifier
from kanrepro.models.equilibrium import Health

HISTORY: Sequence[str] = (
    "epoch",
    "train_loss",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "gradient_norm",
    "steps",
    "residual",
    "converged",
    "seconds",
    "gradient_converged",
)
AT_ONCE = 1 << 22  # values of images that are augmented together: a batch of 16 alone keeps no processor busy


class ImageTraining(ByEpochs):
    """Model, optimiser and history of one run, with its state as plain tensors.

    All training and validation images are held on the device as bytes; means and deviations of the channels come from
    the training images alone.

    Raises:
        UserError: a class without a training image, or no image to validate on.
    """

    def __init__(
        self, images: ImageSet, split: Split, settings: ClassifySettings, seed: int, device: torch.device | str
    ) -> None:
        self.settings, self.seed, self.device = settings.training, seed, torch.device(device)
        train, validation = torch.from_numpy(split.train), torch.from_numpy(split.validation)
        counts = torch.bincount(images.y[train], minlength=len(images.classes))
        self._check_split(images.classes, counts, len(validation))
        mean, std = channel_statistics(images.pixels, train)
        self.mean, self.std = mean.to(device), std.to(device)
        self.train = images.pixels[train].to(device), images.y[train].to(device)
        self.validation = images.pixels[validation].to(device), images.y[validation].to(device)
        weights = len(train) / (len(counts) * counts)  # inverse class frequency, 1 in the mean over images
        self.weights = weights.to(device) if self.settings.class_weights else None

        _, channels, size, _ = images.pixels.shape
        self.model = Classifier(settings.model, channels, len(counts), size, stream(seed, "initial")).to(device)
        self.model.low_precision = self.settings.precision == "bfloat16"
        self.parameters = list(self.model.parameters())
        self.optimiser = torch.optim.Adam(self.parameters, weight_decay=self.settings.weight_decay, fused=True)
        self.history: list[dict[str, float | None]] = []
        self.best: dict[str, Tensor] = {}

    def _check_split(self, classes: Sequence[str], counts: Tensor, validation: int) -> None:
        for name, count in zip(classes, counts.tolist(), strict=True):
            if not count:
                raise UserError(f"the split has no training image of class {name!r}. Make it again, or take another.")
        if not validation:
            raise UserError("the split has no validation image, so that no epoch can be chosen. Make it again.")

    @property
    def epochs(self) -> int:
        """Epochs at most."""
        return self.settings.epochs

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest validation loss, the earliest of several; 0 before the first."""
        losses = [row["validation_loss"] for row in self.history]
        return losses.index(min(losses)) + 1 if losses else 0  # type: ignore[type-var]

    @property
    def finished(self) -> bool:
        """Whether the last epoch is done, or the best one was too long ago."""
        return super().finished or self.epoch - self.best_epoch >= self.settings.patience

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and labels of each batch of the coming epoch, augmented many batches at once.

        A last batch of one image is left out: batch norm needs two.
        """
        pixels, labels = self.train
        size = self.settings.batch_size
        together = size * max(1, AT_ONCE // (size * pixels[0].numel()))
        order = torch.randperm(len(labels), generator=stream(self.seed, f"order {self.epoch}"))
        generator = stream(self.seed, f"augmentation {self.epoch}", self.device)
        for index in order.to(self.device).split(together):
            images = normalise(pixels[index], self.mean, self.std)
            images = augment(images, self.settings.augmentation, generator)
            for batch in zip(images.split(size), labels[index].split(size), strict=True):
                if len(batch[1]) > 1:
                    yield batch

    def run_epoch(self) -> dict[str, float | None]:
        """Train one epoch, validate, keep the weights if they are the best, and append a row to the history.

        Solver columns are means over the images of the epoch; they stay None for a model without an iteration.

        Raises:
            UserError: a loss or a weight is no longer finite.
        """
        start = time.perf_counter()
        rate = learning_rate(self.epoch + 1, self.settings)
        self.optimiser.param_groups[0]["lr"] = rate
        trained, validated = self._train(), self._validate()
        self._check([trained["train_loss"], validated["validation_loss"]])
        row: dict[str, float | None] = {name: None for name in HISTORY}
        row |= {name: value for name, value in trained.items() if math.isfinite(value)} | validated
        row |= {"epoch": self.epoch + 1, "learning_rate": rate, "seconds": time.perf_counter() - start}
        self.history.append(row)
        if self.best_epoch == self.epoch:
            self.best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        return row

    def _train(self) -> dict[str, float]:
        """Train one epoch; means over its images, gathered on the device so that no step waits for them."""
        totals: dict[str, Tensor] = {}
        seen = 0
        self.model.train()
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(stream(self.seed, f"dropout {self.epoch}").initial_seed())  # dropout takes no generator
            for images, labels in self.batches():
                self.optimiser.zero_grad(set_to_none=True)
                logits, health = self.model(images)
                loss = cross_entropy(logits, labels, self.weights)
                loss.backward()
                norm = nn.utils.clip_grad_norm_(self.parameters, self.settings.clip)
                self.optimiser.step()
                found = {"train_loss": loss.detach() * len(labels), "gradient_norm": norm * len(labels)}
                for name, value in (found | _sums(health)).items():
                    totals[name] = totals.get(name, 0) + value
                seen += len(labels)
        if not seen:
            raise UserError("one training image makes no batch of two. Take a larger set or another split.")
        return {name: float(total) / seen for name, total in totals.items()}

    def _validate(self) -> dict[str, float]:
        pixels, labels = self.validation
        logits = outputs(self.model, pixels, self.mean, self.std).logits
        return {
            "validation_loss": float(cross_entropy(logits, labels, self.weights)),
            "validation_accuracy": float((logits.argmax(dim=1) == labels).double().mean()),
        }

    def _check(self, losses: Sequence[float]) -> None:
        weights = all(bool(p.isfinite().all()) for p in self.parameters)
        if not weights or not all(map(math.isfinite, losses)):
            raise UserError(
                f"training diverged in epoch {self.epoch + 1} (losses {losses[0]}, {losses[1]}); nothing was written "
                f"for it. Lower training.learning_rate ({self.settings.learning_rate}) or use precision float32."
            )

    def describe(self, row: Row) -> str:
        """An epoch's row in a few words."""
        return f"loss {row['train_loss']:.4f}  validation {row['validation_loss']:.4f}  {row['seconds']:.2f} s"

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Weights, buffers, optimiser moments, and the best epoch's weights and buffers, by name; the history."""
        best = {f"best.{name}": t for name, t in self.best.items()}
        return tensors_of(self.model, self.optimiser) | best, {"history": self.history}

    def restore(self, tensors: dict[str, Tensor], kept: dict[str, Any]) -> None:
        """Continue from a state."""
        put_back(self.model, tensors, self.optimiser)
        self.best = {name: tensor.to(self.device) for name, tensor in below("best", tensors).items()}
        self.history = kept["history"]


def _sums(health: Health | None) -> dict[str, Tensor]:
    """What a batch adds to the solver's columns."""
    if health is None:
        return {}
    sums = {
        "steps": health.steps.sum(),
        "residual": health.residuals.sum(),
        "converged": health.converged.sum(),
    }
    return sums | ({"gradient_converged": health.backward.converged.sum()} if health.backward else {})
