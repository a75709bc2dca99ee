"""What a classifier says of images: logits, and how its head's iteration went."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanrepro.images.augment import normalise
from kanrepro.models.classifier import Classifier

AT_ONCE = 1 << 22  # values of images in one forward pass


class Outputs(NamedTuple):
    """Of M images. What concerns the iteration is empty, (0,), where the head has none."""

    u: Tensor  # (M, D) features
    logits: Tensor  # (M, classes)
    steps: Tensor  # (M,) evaluations of the map
    residuals: Tensor  # (M,) |F(z) - z| / |F(z)|
    converged: Tensor  # (M,) bool

    def probabilities(self) -> NDArray[np.float64]:
        """(M, classes)."""
        return self.logits.double().softmax(dim=1).cpu().numpy()


@torch.no_grad()
def outputs(
    model: Classifier, pixels: Tensor, mean: Tensor, std: Tensor, change: Callable[[Tensor], Tensor] | None = None
) -> Outputs:
    """Outputs for the bytes of M images (M, C, S, S), M at least 1, in evaluation mode and without augmentation.

    Args:
        mean, std: (C,) of the training images; on the pixels' device, as the model.
        change: what is done to the bytes of some images before the model sees them; called once for each of them.
    """
    model.eval()
    features, logits, healths = [], [], []
    for part in pixels.split(max(1, AT_ONCE // pixels[0].numel())):
        u = model.features(normalise(change(part) if change else part, mean, std))
        made, health = model.decide(u)
        features.append(u)
        logits.append(made)
        healths += [health] if health else []
    iteration = (
        torch.cat([getattr(health, name) for health in healths]) if healths else pixels.new_empty(0)
        for name in ("steps", "residuals", "converged")
    )
    return Outputs(torch.cat(features), torch.cat(logits), *iteration)
