"""The graph encoder that settings describe, new or out of a checkpoint: one constructor for every family of graphs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from kanrepro.core import checkpoint
from kanrepro.core.errors import UserError
from kanrepro.core.resume import below
from kanrepro.models.gin import GIN
from kanrepro.models.graph_encoder import GraphEncoder
from kanrepro.models.handmade import Handmade
from kanrepro.models.molecule_gin import MoleculeGIN
from kanrepro.models.settings import EncoderSettings
from kanrepro.models.superpixel_gin import SuperpixelGIN


def build_encoder(
    in_features: int, settings: EncoderSettings, generator: torch.Generator | None = None
) -> GraphEncoder:
    """The encoder that `settings` describe.

    Args:
        in_features: width of the node features; of the fields for families that embed them.
        generator: source of the initial values.
    """
    made = {"tu": _tu, "molecule": _molecule, "superpixel": _superpixel}
    return made[settings.family](in_features, settings, generator)


def _tu(in_features: int, settings: EncoderSettings, generator: torch.Generator | None) -> GraphEncoder:
    if settings.network == "histogram" or settings.network == "statistics":
        return Handmade(in_features, settings.network)
    return GIN(
        in_features,
        hidden=settings.hidden,
        layers=settings.layers,
        network=_updates(settings),
        readout=settings.readout,
        join="concat" if settings.join == "concat" else "last",
        normalise_input=settings.normalise_input,
        kan=_kan(settings),
        generator=generator,
        norm_order=settings.norm_order,
        alike=settings.kan.alike and settings.network == "kan",
    )


def _updates(settings: EncoderSettings) -> Literal["mlp", "kan"]:
    assert settings.network in ("mlp", "kan")  # the settings refuse others
    return settings.network


def _molecule(in_features: int, settings: EncoderSettings, generator: torch.Generator | None) -> MoleculeGIN:
    return MoleculeGIN(
        hidden=settings.hidden,
        layers=settings.layers,
        network=_updates(settings),
        readout=settings.readout,
        normalise_input=settings.normalise_input,
        dropout=settings.dropout,
        kan=_kan(settings),
        generator=generator,
    )


def _superpixel(in_features: int, settings: EncoderSettings, generator: torch.Generator | None) -> SuperpixelGIN:
    return SuperpixelGIN(
        in_features,
        hidden=settings.hidden,
        layers=settings.layers,
        network=_updates(settings),
        readout=settings.readout,
        normalise_input=settings.normalise_input,
        kan=_kan(settings),
        generator=generator,
    )


def _kan(settings: EncoderSettings) -> dict[str, Any]:
    """Arguments of `update_network`."""
    kan = settings.kan
    return {
        "layers": kan.layers,
        "normalised": settings.normalise_input and settings.normalised_layers == "each",
        "grid": kan.grid,
        "order": kan.order,
        "grid_range": kan.range,
        "base": kan.base,
        "edge_bias": kan.bias,
        "coefficient_scale": kan.coefficient_scale,
        "edge_scale": kan.scale,
        "noise": kan.noise,
        "adaptive": kan.adaptive,
    }


def load_encoder(
    path: Path | str, dropout: float | None = None, device: torch.device | str = "cpu", epoch: int | None = None
) -> tuple[GraphEncoder, dict[str, Any]]:
    """A pre-trained encoder and the document of its checkpoint (see kanrepro.pretraining.pretrain).

    Args:
        dropout: in place of that of its pre-training, for a fine-tuning.
        epoch: an earlier one that was kept; None: the last.

    Raises:
        UserError: the file is missing, damaged, or not the checkpoint of an encoder.
    """
    tensors, meta = checkpoint.load(path)
    try:
        settings = EncoderSettings.model_validate(meta["settings"]["encoder"])
        if dropout is not None:
            settings = settings.model_copy(update={"dropout": dropout})
        encoder = build_encoder(meta["in_features"], settings)
        found = of_epoch(tensors, epoch)
        factor = found.pop("factor", None)
        encoder.load_state_dict(found)
        if factor is not None:
            scale(encoder, factor)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{path} is not a checkpoint of this version's encoders ({error}). Pre-train again.") from error
    return encoder.to(device), meta


def scale(encoder: GraphEncoder, factor: Tensor) -> None:
    """From now on the encoder's z is multiplied by `factor` (D,), which is one of its tensors."""
    encoder.register_buffer("factor", factor)
    encoder.register_forward_hook(_scaled)


def _scaled(encoder: GraphEncoder, given: tuple[Any, ...], z: Tensor) -> Tensor:
    return z * encoder.get_buffer("factor").to(z.dtype)


def of_epoch(tensors: Mapping[str, Tensor], epoch: int | None) -> dict[str, Tensor]:
    """The encoder's tensors after an earlier epoch that was kept beside it, or (None) the last."""
    if epoch is not None:
        return below(f"epoch.{epoch}", tensors)
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("epoch.")}
