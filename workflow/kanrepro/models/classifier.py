"""One image classifier: backbone, projection to u, a head (feed-forward, unrolled, equilibrium, or none), logits."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from kanrepro.core import checkpoint
from kanrepro.core.errors import UserError
from kanrepro.models.classifier_settings import BackboneSettings, ModelSettings
from kanrepro.models.cnn import CNN
from kanrepro.models.deq import EquilibriumHead
from kanrepro.models.initial import xavier_
from kanrepro.models.vit import VisionTransformer

if TYPE_CHECKING:
    from kanrepro.models.equilibrium import Health


def build_backbone(
    settings: BackboneSettings, channels: int, size: int, generator: torch.Generator | None = None
) -> CNN | VisionTransformer:
    """The backbone that `settings` describe, for images (B, C, S, S) with C = channels and S = size."""
    if settings.kind == "cnn":
        return CNN(channels, settings.channels, generator)
    return VisionTransformer(
        channels, size, settings.patches, settings.width, settings.depth, settings.heads, generator
    )


class Classifier(nn.Module):
    """logits = Linear(head(u)) with u = Linear(backbone(images)); without a head, Linear(u).

    u is computed once, whatever the head iterates. DEQ-KAN's code runs the CNN anew in each iteration: the same u and
    gradient in training, but batch norm's running statistics then follow the last batch (docs/image-tables.md).

    Args:
        settings: of backbone and head.
        channels: C of the images.
        classes: logits.
        size: S, pixels along an edge.
        generator: source of the initial values.
    """

    def __init__(
        self,
        settings: ModelSettings,
        channels: int,
        classes: int,
        size: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        hidden = settings.head.hidden
        self.low_precision = False  # bfloat16 for the backbone while training, where the training sets it
        self.backbone = build_backbone(settings.backbone, channels, size, generator)
        self.project = nn.Linear(self.backbone.out_features, hidden)
        xavier_(self.project, generator)
        self.head = None if settings.head.kind == "none" else EquilibriumHead(settings.head, generator)
        self.classify = nn.Linear(hidden, classes)
        xavier_(self.classify, generator)

    def features(self, images: Tensor) -> Tensor:
        """Normalised images (B, C, S, S) to u (B, D)."""
        low = self.low_precision and self.training
        with torch.autocast(images.device.type, torch.bfloat16, enabled=low):
            pooled = self.backbone(images)
        return self.project(pooled.float())

    def decide(self, u: Tensor) -> "tuple[Tensor, Health | None]":
        """u (B, D) to logits (B, classes) and how the head's iteration went, where it has one."""
        z, health = (u, None) if self.head is None else self.head(u)
        return self.classify(z), health

    def forward(self, images: Tensor) -> "tuple[Tensor, Health | None]":
        """Normalised images (B, C, S, S) to logits (B, classes) and the head's health."""
        return self.decide(self.features(images))


def count_parameters(model: nn.Module) -> int:
    """Trainable numbers."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def count_flops(model: Classifier, channels: int, size: int, steps: float | None = None) -> int:
    """Floating-point operations of matrix products and convolutions for one image forward, 2 a multiply-add.

    Args:
        model: in any mode; it is left as it was.
        channels: C of the images.
        size: S, pixels along an edge.
        steps: evaluations of the map to count, for instance the mean that a solver took; what follows from the weights
            alone, as the scale of the certified form, is not counted then. Without it, one forward pass on a blank
            image is counted as it goes.
    """
    device, training = next(model.parameters()).device, model.training
    image = torch.zeros(1, channels, size, size, device=device)
    model.eval()  # with gradients on: fused kernels that hide their products are for inference alone
    try:
        if steps is None or model.head is None:
            return _counted(model, image)
        u = model.features(image).detach()
        once = _counted(model.head.bind(u), torch.zeros_like(u))
        return _counted(model.features, image) + round(steps * once) + _counted(model.classify, u)
    finally:
        model.train(training)


def _counted(function: Any, *inputs: Tensor) -> int:
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # fused attention counts as nothing
        function(*inputs)
    return counter.get_total_flops()


def load_classifier(path: Path | str, device: torch.device | str = "cpu") -> tuple[Classifier, dict[str, Any]]:
    """A trained classifier in evaluation mode, and the document of its checkpoint (see kanrepro.images.classify).

    Raises:
        UserError: the file is missing, damaged, or not the checkpoint of a classifier.
    """
    tensors, meta = checkpoint.load(path)
    try:
        settings = ModelSettings.model_validate(meta["settings"]["model"])
        model = Classifier(settings, meta["channels"], len(meta["classes"]), meta["size"])
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{path} is not a checkpoint of this version's classifier ({error}). Train again.") from error
    return model.to(device).eval(), meta
