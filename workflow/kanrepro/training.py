"""One training: the data as views want it, the contrast of a batch, and epochs with a state that can be resumed."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from kanrepro.contrast.ckfi import discriminative_scores, independent_scores
from kanrepro.contrast.loss import hard_negative_loss, nt_xent, one_way_loss
from kanrepro.contrast.negatives import component_scores, hard_negatives
from kanrepro.contrast.views import draw_view
from kanrepro.data.features import add_self_loops, node_features
from kanrepro.data.store import GraphBatch, GraphStore
from kanrepro.errors import UserError
from kanrepro.graph_settings import EncoderSettings, PretrainSettings, ViewSettings
from kanrepro.models.gin import GIN, mlp
from kanrepro.streams import stream

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

    encode: Callable[[GraphBatch], Tensor]

    def __init__(self, encoder: GIN, settings: PretrainSettings, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = mlp((encoder.out_features, *settings.contrast.head), generator)
        self.settings = settings
        encode = torch.compile(encoder, dynamic=True) if settings.optimiser.compile else encoder
        object.__setattr__(self, "encode", encode)  # the encoder is a part of this module once, not twice

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
            first, second = self.graphs.views(index, self.settings.views, generator)
            for pair in zip(first.split(size), second.split(size), strict=True):
                if pair[0].num_graphs > 1:
                    yield pair

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
