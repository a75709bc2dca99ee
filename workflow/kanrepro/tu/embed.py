"""Embed all graphs of a set with a frozen encoder."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json, sha256
from kanrepro.models.encoders import load_encoder
from kanrepro.pretraining.graph_set import GraphSet
from kanrepro.pretraining.settings import recorded
from kanrepro.store.store import GraphStore


@torch.inference_mode()
def embed(
    checkpoint_path: Path,
    store_path: Path,
    device: str | torch.device = "cpu",
    batch_size: int = 512,
    epoch: int | None = None,
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """z of every graph in evaluation mode, without augmentation and before the projection head.

    Args:
        checkpoint_path: encoder.safetensors of a pre-training; run.json is read beside it.
        store_path: the graph store that it was trained on.
        batch_size: graphs at a time.
        epoch: an earlier one whose encoder was kept; None: the last.

    Returns:
        z (G, D) float64; y (G,) int64; and the checkpoint's document with `run` (run.json) in it.

    Raises:
        UserError: a file is missing or damaged, or the encoder was trained on another store.
    """
    encoder, meta = load_encoder(checkpoint_path, device=device, epoch=epoch)
    if meta["store"] != sha256(store_path):
        raise UserError(
            f"{checkpoint_path} was trained on another version of {meta['dataset']} than {store_path} holds. "
            "Pre-train again, or prepare the set as it was."
        )
    settings = recorded(meta["settings"])
    store = GraphStore.load(store_path)
    graphs = GraphSet.prepare(store, settings, device)
    encoder.eval()
    z = [
        encoder(graphs.original.batch(index, graphs.x)).double().cpu()
        for index in torch.arange(len(store), device=graphs.x.device).split(batch_size)
    ]
    run = read_json(Path(checkpoint_path).with_name("run.json"))
    return torch.cat(z).numpy(), store.y[:, 0].numpy(), {**meta, "run": run}
