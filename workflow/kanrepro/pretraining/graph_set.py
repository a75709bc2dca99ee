"""The data of a pre-training: a store where its views are drawn, with the features that encoders see."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from kanrepro.contrast.views import draw_views
from kanrepro.core.errors import UserError
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.store.features import add_self_loops, node_features, with_own_degrees
from kanrepro.store.store import GraphBatch, GraphStore

ROOM = 0.5  # share of an accelerator's free memory that the graphs may take
KINDS = {"molecule": "molecules", "superpixel": "superpixel graphs", "tu": "graphs with labels or none"}


@dataclass
class GraphSet:
    """A store with its features, on the training device or, where it does not fit there, in memory-mapped files.

    Attributes:
        store: all graphs.
        original: what an untouched graph looks like: the store, or with GraphCL's self-loops.
        x: (N, D) features, or fields that an encoder embeds.
        settings: of the pre-training.
        device: where batches go.
    """

    store: GraphStore
    original: GraphStore
    x: Tensor
    settings: PretrainSettings
    device: torch.device

    @property
    def home(self) -> torch.device:
        """Where the graphs lie, and views are drawn."""
        return self.x.device

    def untouched(self, index: Tensor, size: int) -> Iterator[GraphBatch]:
        """The graphs `index` in batches of `size`; the index at home."""
        return self.with_degrees(self.original.batch(index, self.x).split(size))

    def views(
        self, index: Tensor, size: int, generator: torch.Generator, drawn: Tensor | None = None
    ) -> Iterator[GraphBatch]:
        """A view of each of the graphs `index`, in batches of `size`; index and generator at home.

        `drawn` (G,): the place in `views.kinds` of each graph's kind, where they are not drawn uniformly.
        """
        return self.with_degrees(draw_views(self.store, self.x, index, size, self.settings.views, generator, drawn))

    def with_degrees(self, batches: Iterator[GraphBatch]) -> Iterator[GraphBatch]:
        """The same, with degrees of their own where the settings say so."""
        features = self.settings.features
        labelled = self.store.x.shape[1] and features.labels
        own = features.degree_of == "view" and features.unlabelled == "degree" and not labelled
        return map(with_own_degrees, batches) if own else batches

    @classmethod
    def prepare(cls, store: GraphStore, settings: PretrainSettings, device: torch.device | str) -> "GraphSet":
        """A set as its family wants it.

        Raises:
            UserError: the store holds graphs of another family.
        """
        device = torch.device(device)
        found = family_of(store)
        if found != settings.encoder.family:
            raise UserError(
                f"the store {store.meta.get('name', '')} holds {KINDS[found]}, but encoder.family is "
                f"{settings.encoder.family!r}. Name another store, or another family in --settings."
            )
        if found == "molecule":
            held = store.to(device) if _resident(store, settings, device) else store
            return cls(held, held, held.x, settings, device)
        features = settings.features
        x = node_features(store, features.unlabelled, features.degree_cap, features.labels)
        store = replace(store, edge_index=store.edge_index.long(), edge_attr=None)  # once, not for every batch
        original = add_self_loops(store) if features.self_loops else store
        return cls(store.to(device), original.to(device), x.to(device), settings, device)


def family_of(store: GraphStore) -> str:
    """What the graphs of a store are, as `encoder.family` names it."""
    if store.edge_attr is not None and (store.x.shape[1], store.edge_attr.shape[1]) == (2, 2):
        return "molecule"
    return "superpixel" if store.x.is_floating_point() else "tu"


def _resident(store: GraphStore, settings: PretrainSettings, device: torch.device) -> bool:
    """Whether the graphs are held on the device."""
    if settings.optimiser.residence != "auto" or device.type == "cpu":
        return settings.optimiser.residence == "device"
    size = sum(tensor.nbytes for tensor in vars(store).values() if isinstance(tensor, Tensor))
    return size < ROOM * torch.cuda.mem_get_info(device)[0]
