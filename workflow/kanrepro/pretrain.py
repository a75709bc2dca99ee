"""Pre-train an encoder by graph contrastive learning (Khan-GCL, Algorithm 3).

Reads a graph store. Writes into the output folder
    encoder.safetensors  the encoder's weights, with everything needed to rebuild it; equal runs give equal bytes (CPU)
    history.csv          one row an epoch: losses, CKFI diagnostics, share of inputs outside the grid, seconds
    run.json             cost, versions, code and the command
and while it runs state.safetensors, from which an interrupted run resumes with the loss of at most one epoch.
"""

import argparse
import csv
import hashlib
import json
import math
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from kanrepro import checkpoint, provenance
from kanrepro.contrast.ckfi import discriminative_scores, independent_scores
from kanrepro.contrast.loss import hard_negative_loss, nt_xent, one_way_loss
from kanrepro.contrast.negatives import component_scores, hard_negatives
from kanrepro.contrast.views import draw_view
from kanrepro.data.features import add_self_loops, node_features
from kanrepro.data.store import GraphBatch, GraphStore
from kanrepro.errors import UserError, cli, unknown
from kanrepro.files import atomic, sha256, write_json
from kanrepro.machine import keep_freed_memory, peak_memory_mb, pick_device
from kanrepro.methods import CONTROLS, METHODS, READINGS, Changes, merged, settings_of
from kanrepro.models.gin import GIN, mlp
from kanrepro.settings import EncoderSettings, PretrainSettings, ViewSettings, validate

VIEW_NODES = 100_000
HISTORY: Sequence[str] = (
    "epoch",
    "loss",
    "loss_cl",
    "loss_hn",
    "delta_mean",
    "rho_mean",
    "cos_hard",
    "outside_grid",
    "seconds",
)


def stream(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own for every seed and purpose: an epoch draws the same whether or not the run was resumed."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def build_encoder(in_features: int, settings: EncoderSettings, generator: torch.Generator | None = None) -> GIN:
    """The encoder that `settings` describe."""
    kan = settings.kan
    return GIN(
        in_features,
        hidden=settings.hidden,
        layers=settings.layers,
        network=settings.network,
        readout=settings.readout,
        join=settings.join,
        normalise_input=settings.normalise_input,
        kan={
            "grid": kan.grid,
            "order": kan.order,
            "grid_range": kan.range,
            "base": kan.base,
            "coefficient_scale": kan.coefficient_scale,
        },
        generator=generator,
    )


@dataclass
class GraphSet:
    """A store on the training device with its features, as the two views want it."""

    store: GraphStore
    original: GraphStore  # what an untouched graph looks like: the store, or with GraphCL's self-loops
    x: Tensor  # (N, D)

    def views(self, index: Tensor, settings: ViewSettings, generator: torch.Generator) -> tuple[GraphBatch, GraphBatch]:
        """Two views of the graphs `index`."""
        if settings.first_view == "original":
            first = self.original.batch(index, self.x)
        else:
            first = draw_view(self.store, self.x, index, settings, generator)
        return first, draw_view(self.store, self.x, index, settings, generator)

    @classmethod
    def prepare(cls, store: GraphStore, settings: PretrainSettings, device: torch.device | str) -> "GraphSet":
        features = settings.features
        x = node_features(store, features.unlabelled, features.degree_cap)
        store = replace(store, edge_index=store.edge_index.long())  # once, not for every batch
        original = add_self_loops(store) if features.self_loops else store
        return cls(store.to(device), original.to(device), x.to(device))


class Contrast(nn.Module):
    """Encoder and projection head, and the loss of one batch of graphs."""

    def __init__(self, encoder: GIN, settings: PretrainSettings, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = mlp((encoder.out_features, *settings.contrast.head), generator)
        self.settings = settings
        self.encode = torch.compile(encoder, dynamic=True) if settings.optimiser.compile else encoder

    def forward(self, view1: GraphBatch, view2: GraphBatch, generator: torch.Generator) -> dict[str, Tensor]:
        """Two views of G graphs to the loss (eq. 12) and its terms: encode, score, perturb, contrast."""
        contrast = self.settings.contrast
        z = torch.cat([self.encode(view1), self.encode(view2)]).float()
        v = self.head(z).float()
        v1, v2 = v.chunk(2)
        contrast_loss = {"nt_xent": nt_xent, "one_way": one_way_loss}[contrast.loss]
        terms = {"loss_cl": contrast_loss(v1, v2, contrast.temperature)}
        if contrast.negatives.perturbations:
            coefficients = self.encoder.scored_coefficients()
            kinds = contrast.negatives.perturbations
            scores = {kind: component_scores(kind, coefficients, contrast.negatives) for kind in kinds}
            z_hard = hard_negatives(z, scores, contrast.negatives, generator)
            with torch.no_grad():
                v_hard = self.head(z_hard)
            terms["loss_hn"] = hard_negative_loss(v, v_hard)
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}


class Training:
    """Model, optimiser and history of one run, with its state as plain tensors."""

    def __init__(self, store: GraphStore, settings: PretrainSettings, seed: int, device: torch.device | str) -> None:
        self.settings, self.seed, self.device = settings, seed, torch.device(device)
        self.graphs = GraphSet.prepare(store, settings, device)
        generator = stream(seed, "initial")
        encoder = build_encoder(self.graphs.x.shape[1], settings.encoder, generator)
        self.model = Contrast(encoder, settings, generator).to(device)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=settings.optimiser.learning_rate, fused=True)
        self.history: list[dict[str, float | None]] = []

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)

    def views(self, generator: torch.Generator) -> Iterator[tuple[GraphBatch, GraphBatch]]:
        """The views of each batch of the coming epoch; a last batch of one graph, without a negative, is left out.

        Views are drawn for many batches at once, up to about VIEW_NODES nodes, and cut: a batch alone is too small to
        keep a processor busy.
        """
        once, size = self.settings.optimiser.shuffle == "once", self.settings.optimiser.batch_size
        store = self.graphs.store
        order = torch.randperm(len(store), generator=stream(self.seed, "order" if once else f"order {self.epoch}"))
        batches = max(1, VIEW_NODES * len(store) // (size * max(store.x.shape[0], 1)))
        for index in order.to(self.device).split(size * batches):
            views = self.graphs.views(index, self.settings.views, generator)
            for start in range(0, index.numel(), size):
                stop = min(start + size, index.numel())
                if stop - start > 1:
                    yield views[0].slice(start, stop), views[1].slice(start, stop)

    def run_epoch(self) -> dict[str, float | None]:
        """Train one epoch and append its row of the history.

        Raises:
            UserError: the loss or a weight is no longer finite.
        """
        start = time.perf_counter()
        generator = stream(self.seed, f"perturbations {self.epoch}", self.device)
        low = self.settings.optimiser.precision == "bfloat16"
        self.model.train()
        totals: dict[str, Tensor] = {}
        steps = 0
        for view1, view2 in self.views(stream(self.seed, f"views {self.epoch}", self.device)):
            self.optimiser.zero_grad(set_to_none=True)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=low):
                terms = self.model(view1, view2, generator)
            terms["loss"].backward()
            self.optimiser.step()
            terms["outside_grid"] = self.model.encoder.outside_share()
            for name, value in terms.items():
                totals[name] = totals.get(name, 0) + value.detach()
            steps += 1
        if not steps:
            raise UserError(
                f"{len(self.graphs.store)} graphs make no batch of two; contrast needs at least two graphs."
            )
        row: dict[str, float | None] = {name: None for name in HISTORY} | {
            name: float(total) / steps for name, total in totals.items()
        }
        self._check(row["loss"])
        if not math.isfinite(row["outside_grid"] or 0.0):
            row["outside_grid"] = None  # an MLP has no grid
        coefficients = self.model.encoder.scored_coefficients()
        if coefficients:
            row["delta_mean"] = float(torch.cat([independent_scores(c) for c in coefficients]).mean())
            row["rho_mean"] = float(torch.cat([discriminative_scores(c) for c in coefficients]).mean())
        row |= {"epoch": self.epoch + 1, "cos_hard": row["loss_hn"], "seconds": time.perf_counter() - start}
        self.history.append(row)
        return row

    def _check(self, loss: float | None) -> None:
        weights = all(bool(p.isfinite().all()) for p in self.model.parameters())
        if loss is None or not math.isfinite(loss) or not weights:
            raise UserError(
                f"training diverged in epoch {self.epoch + 1} (loss {loss}); nothing was written for it. "
                f"Lower optimiser.learning_rate ({self.settings.optimiser.learning_rate}) or use precision float32."
            )

    def state(self) -> dict[str, Tensor]:
        """Weights, buffers and optimiser moments by name."""
        names = [name for name, _ in self.model.named_parameters()]
        slots = self.optimiser.state_dict()["state"]
        moments = {f"adam.{names[i]}.{k}": v for i, slot in slots.items() for k, v in slot.items()}
        return {f"model.{name}": t for name, t in self.model.state_dict().items()} | moments

    def restore(self, tensors: dict[str, Tensor], history: list[dict[str, float | None]]) -> None:
        """Continue from a state."""
        self.model.load_state_dict({n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
        names = {name: i for i, (name, _) in enumerate(self.model.named_parameters())}
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("adam."):
                parameter, slot = name.removeprefix("adam.").rsplit(".", 1)
                slots.setdefault(names[parameter], {})[slot] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": slots})
        self.history = history


def pretrain(training: Training, state_file: Path, identity: dict[str, Any]) -> Training:
    """Train to the last epoch, saving the state after each; resumes from `state_file` where it holds the same run."""
    found = checkpoint.load_state(state_file, identity, lambda text: print(text, file=sys.stderr))
    if found:
        tensors, meta = found
        training.restore(tensors, meta["history"])
        print(f"resuming after epoch {training.epoch}", file=sys.stderr)
    epochs = training.settings.optimiser.epochs
    bar = tqdm(total=epochs, initial=training.epoch, unit="epoch", disable=None)
    while training.epoch < epochs:
        row = training.run_epoch()
        checkpoint.save_state(state_file, training.state(), {"identity": identity, "history": training.history})
        bar.set_postfix_str(f"loss {row['loss']:.4f}")
        bar.update()
        if bar.disable and (training.epoch % max(1, epochs // 10) == 0 or training.epoch == epochs):
            print(f"epoch {training.epoch}/{epochs}  loss {row['loss']:.4f}  {row['seconds']:.2f} s", file=sys.stderr)
    bar.close()
    return training


def write_history(path: Path, history: list[dict[str, float | None]]) -> None:
    """The history as CSV; a value that is not defined for the method stays empty."""
    with atomic(path) as temporary, temporary.open("w", newline="") as stream_:
        writer = csv.DictWriter(stream_, HISTORY, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)


def main(argv: list[str] | None = None) -> None:
    """Command line of the stage."""
    parser = argparse.ArgumentParser(
        prog="python -m kanrepro.pretrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--store", type=Path, required=True, help="graph store, made by kanrepro.data.prepare")
    parser.add_argument("--method", default="khan_gcl", help=f"one of {', '.join([*METHODS, *CONTROLS])}")
    parser.add_argument("--reading", default="repaired", help=f"one of {', '.join(READINGS)}, or your own name")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True, help="folder for the encoder and its history")
    parser.add_argument("--settings", default="{}", help="JSON or a file of it: PretrainSettings to change")
    parser.add_argument("--preset", default="by-hand", help="name that the record will carry")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    arguments = parser.parse_args(argv)
    if arguments.method not in {**METHODS, **CONTROLS}:
        raise unknown("method", arguments.method, [*METHODS, *CONTROLS])
    changes = read_settings(arguments.settings)
    if arguments.reading not in READINGS and not changes:
        raise unknown("reading", arguments.reading, READINGS)
    defaults = PretrainSettings().model_dump(mode="json")
    base = settings_of(defaults, READINGS.get(arguments.reading, {}), arguments.method)
    settings = validate(PretrainSettings, merged(base, changes), "--settings")
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    device = pick_device(arguments.device)

    store = GraphStore.load(arguments.store)
    code, explicit = provenance.code_digest("kanrepro.pretrain"), settings.model_dump(mode="json")
    identity = {"store": sha256(arguments.store), "seed": arguments.seed, "settings": explicit, "code": code}
    state_file = arguments.output / "state.safetensors"
    training = pretrain(Training(store, settings, arguments.seed, device), state_file, identity)

    meta = {
        "dataset": store.meta.get("name", arguments.store.stem),
        "method": arguments.method,
        "reading": arguments.reading,
        "in_features": training.graphs.x.shape[1],
        "history": {k: v for k, v in (training.history or [{}])[-1].items() if k not in ("epoch", "seconds")},
        **identity,
    }
    encoder = {name: t for name, t in training.model.encoder.state_dict().items()}
    checkpoint.save(arguments.output / "encoder.safetensors", encoder, meta)
    write_history(arguments.output / "history.csv", training.history)
    commit, dirty = provenance.commit()
    run = {
        "preset": arguments.preset,
        "seconds": sum(row["seconds"] or 0.0 for row in training.history),
        "peak_memory_mb": peak_memory_mb(device),
        "device": str(device) if device.type == "cpu" else torch.cuda.get_device_name(device),
        "threads": arguments.threads,
        "hardware": provenance.hardware(),
        "commit": commit,
        "dirty": dirty,
        "versions": provenance.versions(),
        "command": shlex.join(["python", "-m", "kanrepro.pretrain", *(sys.argv[1:] if argv is None else argv)]),
    }
    write_json(arguments.output / "run.json", run)
    checkpoint.remove_state(state_file)


def read_settings(text: str) -> Changes:
    """A JSON object, given as it stands or as the path of a file.

    Raises:
        UserError: neither.
    """
    path = Path(text)
    try:
        content = json.loads(text if text.lstrip().startswith("{") else path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--settings {text}: neither a JSON object nor a readable file ({error.strerror}).") from error
    except ValueError as error:
        raise UserError(f"--settings: not valid JSON ({error}).") from error
    if not isinstance(content, dict):
        raise UserError(f"--settings: expected a JSON object, got {type(content).__name__}.")
    return content


if __name__ == "__main__":
    cli(main)
