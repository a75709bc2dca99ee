"""One training: epochs over what the views of a set show, with a history and a state that can be resumed."""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from kanrepro.core.distributed import Ranks
from kanrepro.core.errors import UserError
from kanrepro.core.history import Row
from kanrepro.core.resume import ByEpochs, kept_buffers, put_back, tensors_of
from kanrepro.core.streams import stream
from kanrepro.methods.folder import fault, learner
from kanrepro.methods.method import Method
from kanrepro.models.encoders import build_encoder
from kanrepro.models.spline_share import spline_shares
from kanrepro.pretraining.calibration import calibrate
from kanrepro.pretraining.graph_set import GraphSet
from kanrepro.pretraining.model import Model
from kanrepro.pretraining.plateau import lower_rates
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.store.store import GraphBatch, GraphStore

VIEW_NODES = {"cpu": 100_000, "cuda": 500_000}  # drawn at once: what fits into caches, or makes launches rare
Seen = tuple[Any, ...]  # what one step sees: two views, or one batch with masked atoms, ...


def columns(method: Method) -> tuple[str, ...]:
    """The columns of a history."""
    return ("epoch", "loss", *method.columns, "outside_grid", "spline_share", "seconds")


class Training(ByEpochs):
    """Model, optimisers and history of one run, with its state as plain tensors.

    Attributes:
        method: whose objective is learned.
        model: the encoder, and what the method has beside it.
        optimisers: of the model, in the method's order.
        graphs: what is seen.
        kept: the encoder's tensors after earlier epochs as `epoch.<number>.<name>`, where the settings ask for them.

    Args:
        store: the graphs.
        settings: of the pre-training.
        seed: of initial weights, order, views and perturbations.
        device: where the model is.
        limit: at most so many graphs of the store, drawn once, the same for all seeds; None: all of them.
        ranks: this process among those that train as one; each takes its part of every batch.
    """

    def __init__(
        self,
        store: GraphStore,
        settings: PretrainSettings,
        seed: int,
        device: torch.device | str,
        limit: int | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.settings, self.device = settings, torch.device(device)
        self.method = learner(settings.objective)
        self.seed = self.method.seed(settings, seed)
        self.ranks = ranks or Ranks()
        self.graphs = GraphSet.prepare(store, settings, device)
        some = limit is not None and limit < len(store)
        self.subset = torch.randperm(len(store), generator=stream(0, "subset"))[:limit].sort()[0] if some else None
        if self.ranks.world > 1 and not self.method.many:
            raise UserError(f"{self.method.name} trains in one process, not in {self.ranks.world}: set processes to 1.")
        generator = stream(self.seed, "initial")
        encoder = build_encoder(self.graphs.x.shape[1], settings.encoder, generator)
        with self._told():
            self.model = Model(self.method, encoder, settings, generator).to(device)
            self.optimisers = self.method.optimisers(self.model)
            self.method.prepare(self)
        self.shared = self.model if self.ranks.world == 1 else DistributedDataParallel(self.model)
        self.history: list[dict[str, float | None]] = []
        self.kept: dict[str, Tensor] = {}

    @property
    def epochs(self) -> int:
        """Epochs that it takes."""
        return self.settings.optimiser.epochs

    @property
    def size(self) -> int:
        """Graphs that are trained on."""
        return len(self.graphs.store) if self.subset is None else len(self.subset)

    def order(self) -> Tensor:
        """The graphs in the order in which the coming epoch takes them."""
        once = self.settings.optimiser.shuffle == "once"
        order = torch.randperm(self.size, generator=stream(self.seed, "order" if once else f"order {self.epoch}"))
        return order if self.subset is None else self.subset[order]

    def views(self, generator: torch.Generator) -> Iterator[Seen]:
        """What each step of the coming epoch sees; a last batch of one graph, without a negative, is left out.

        Views are drawn for many batches at once, up to about VIEW_NODES nodes: a batch alone is too small to keep a
        processor busy. Of several processes each draws its part of every batch, parts of equal size: what is left of a
        batch is left out.
        """
        store, ranks = self.graphs.store, self.ranks
        size = self.settings.optimiser.batch_size // ranks.world
        order = self.order()
        if ranks.world > 1:
            parts = order.split(size * ranks.world)
            order = torch.cat([part[: len(part) // ranks.world * ranks.world].chunk(ranks.world)[ranks.rank]
                               for part in parts if len(part) >= ranks.world])  # fmt: skip
        nodes = VIEW_NODES[self.graphs.home.type]
        batches = max(1, nodes * len(store) // (size * max(store.x.shape[0], 1)))
        for index in order.to(self.graphs.home).split(size * batches):
            for seen in zip(*self.method.see(self, index, size, generator), strict=True):
                if seen[0].num_graphs * ranks.world > 1:
                    yield seen if self.graphs.home == self.device else tuple(part.to(self.device) for part in seen)

    def terms(self, seen: Seen, generator: torch.Generator, loss: Any = None) -> Mapping[str, Tensor]:
        """The loss of what a step saw and its terms, in the precision of the settings.

        Args:
            loss: another one of the method's.

        Raises:
            UserError: the method gives no loss that can be minimised.
        """
        low = self.settings.optimiser.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=low):
            terms = self.shared(loss or self.method.loss, *seen, generator)
        value = terms.get("loss") if isinstance(terms, Mapping) else None
        if not isinstance(value, Tensor) or value.dim() or not value.requires_grad:
            found = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) and value.dim() else "none"
            raise UserError(f"{self.method.word}: loss() must give a scalar named 'loss' with a gradient, not {found}.")
        return terms

    def run_epoch(self) -> dict[str, float | None]:
        """Train one epoch and append its row of the history.

        Raises:
            UserError: the loss or a weight is no longer finite, or a user's own method fails.
        """
        start = time.perf_counter()
        lower_rates(self.optimisers, [row["loss"] or 0.0 for row in self.history], self.settings.optimiser.patience)
        own = f" of {self.ranks.rank}" if self.ranks.rank else ""
        generator = stream(self.seed, f"perturbations {self.epoch}", self.device)
        self.model.train()
        totals: dict[str, Tensor] = {}
        steps = 0
        with self._told():
            self.method.before_epoch(self, stream(self.seed, f"before {self.epoch}", self.device))
            for seen in self.views(stream(self.seed, f"views {self.epoch}{own}", self.graphs.home)):
                terms = self.method.step(self, seen, generator)
                for name, value in {**terms, "outside_grid": self.model.encoder.outside_share()}.items():
                    totals[name] = totals.get(name, 0) + value.detach()
                steps += 1
            if not steps:
                raise UserError(f"{self.size} graphs make no batch of two; contrast needs at least two graphs.")
            self.method.after_epoch(self, stream(self.seed, f"after {self.epoch}", self.device))
        row: dict[str, float | None] = {name: None for name in columns(self.method)}
        row |= {name: float(total) / steps for name, total in totals.items()}
        self._check(row["loss"])
        if not math.isfinite(row["outside_grid"] or 0.0):
            row["outside_grid"] = None  # an MLP has no grid
        with self._told():
            row |= self.method.diagnose(self.model, row)
            with kept_buffers(self.model):
                row |= self.method.examine(self, seen, stream(self.seed, f"examined {self.epoch}", self.device))
        shares = [share for share in spline_shares(self.model.encoder, seen[0]) if share is not None]
        row["spline_share"] = sum(shares) / len(shares) if shares else None
        row |= {"epoch": self.epoch + 1, "seconds": time.perf_counter() - start}
        unnamed = row.keys() - {*columns(self.method)}
        if unnamed:
            raise UserError(f"{self.method.word}: {min(unnamed)!r} is no column of its history: name it in `columns`.")
        self.history.append(row)
        every = self.settings.optimiser.keep_every
        if every and self.epoch % every == 0 and not self.finished:
            tensors = self.method.kept(self.model).items()
            self.kept |= {f"epoch.{self.epoch}.{name}": tensor.clone() for name, tensor in tensors}
        return row

    def calibrate(self) -> None:
        """Make the running statistics of the encoder anew where the settings ask for it, once training is done."""
        if self.settings.statistics.of != "training":
            calibrate(self.model.encoder, self._passes())

    def spline_shares(self) -> dict[str, float | None]:
        """The share of the splines in the output of each KAN layer, on the first untouched graphs."""
        index = torch.arange(min(self.settings.optimiser.batch_size, len(self.graphs.store)))
        batch = self.graphs.original.batch(index.to(self.graphs.home), self.graphs.x).to(self.device)
        return {f"spline_share_{i}": share for i, share in enumerate(spline_shares(self.model.encoder, batch), 1)}

    def _passes(self) -> Iterator[GraphBatch]:
        """The batches that statistics are taken of: every view, or every untouched graph, so many times over."""
        given, size = self.settings.statistics, self.settings.optimiser.batch_size
        for number in range(given.passes):
            if given.of == "views":
                for seen in self.views(stream(self.seed, f"calibration {number}", self.graphs.home)):
                    yield from (part for part in seen if isinstance(part, GraphBatch))
            else:
                for index in self.order().to(self.graphs.home).split(size):
                    yield self.graphs.original.batch(index, self.graphs.x).to(self.device)

    def _check(self, loss: float | None) -> None:
        weights = torch.stack([p.isfinite().all() for p in self.model.parameters()]).all()
        if loss is None or not math.isfinite(loss) or not bool(weights):
            raise UserError(
                f"training diverged in epoch {self.epoch + 1} (loss {loss}); nothing was written for it. "
                f"Lower optimiser.learning_rate ({self.settings.optimiser.learning_rate}) or use precision float32."
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong in a user's own method is told as one line that names its file."""
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            if self.method.file is None:
                raise
            raise fault(self.method.file, error) from error

    def describe(self, row: Row) -> str:
        """An epoch's row in a few words."""
        return f"loss {row['loss']:.4f}  {row['seconds']:.2f} s"

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Weights, buffers and optimiser moments by name; the history."""
        return tensors_of(self.model, *self.optimisers) | self.kept, {"history": self.history}

    def restore(self, tensors: dict[str, Tensor], kept: dict[str, Any]) -> None:
        """Continue from a state."""
        put_back(self.model, tensors, *self.optimisers)
        self.history = kept["history"]
        self.kept = {name: tensor for name, tensor in tensors.items() if name.startswith("epoch.")}
