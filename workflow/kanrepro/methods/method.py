"""What a method is: the one class of its file. What it leaves out is what contrast of two views does with one Adam.

The file is read wherever methods are named, so nothing at its top loads torch: functions import what they compute with.
What changes in training lies in the model, so that a run that was broken off goes on from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from kanrepro.core.parts import Part

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from kanrepro.models.graph_encoder import GraphEncoder
    from kanrepro.pretraining.model import Model
    from kanrepro.pretraining.settings import PretrainSettings
    from kanrepro.pretraining.training import Seen, Training

Changes = Mapping[str, Any]  # of the settings of a pre-training
FAMILIES = ("tu", "molecule", "superpixel")


class Method:
    """One way to pre-train an encoder; an instance is made for its file and keeps no state of any run.

    Attributes:
        label: its name in tables.
        kind: a variant of the ablation (figure 4), another method, a control that a number must beat, or sit at, or an
            objective that readings of other methods choose, without rows of its own.
        place: where it stands among the others in lists and tables.
        network: what updates a node of its encoder, or features in its place.
        families: of graphs that it can learn from.
        usual: those of them where it is run unless the settings name other methods.
        printed: table -> its row in the paper.
        readings: family -> reading -> changes, of readings that are this method's alone.
        changes: what it changes in the settings.
        objective: what settings say is learned; None: the method's name. Methods of one objective share it.
        Settings: keys of its own, None where it has none; they stand under `key` (None: the method's name).
        columns: of the history: the terms of its loss, and what `diagnose` and `examine` add.
        many: whether several processes can train as one.
        with_kan: whether there is a second one of this file, named with `_kan`, whose encoder is of KANs.
        on_kans: whether it is that second one.
        encoder_of: a method whose encoder is evaluated in its place.
    """

    label: ClassVar[str]
    kind: ClassVar[Literal["variant", "method", "control", "objective"]] = "method"
    place: ClassVar[int] = 100
    network: ClassVar[Literal["mlp", "kan", "histogram", "statistics"]] = "kan"
    families: ClassVar[Sequence[str]] = FAMILIES
    usual: ClassVar[Sequence[str]] = ()
    printed: ClassVar[Mapping[str, str]] = {}
    readings: ClassVar[Mapping[str, Mapping[str, Changes]]] = {}
    changes: ClassVar[Changes] = {}
    objective: ClassVar[str | None] = None
    Settings: ClassVar[type[Part] | None] = None
    key: ClassVar[str | None] = None
    columns: ClassVar[Sequence[str]] = ()
    many: ClassVar[bool] = False
    with_kan: ClassVar[bool] = False
    on_kans: ClassVar[bool] = False
    encoder_of: ClassVar[str | None] = None

    def __init__(self, name: str, file: Path | None = None) -> None:
        """`name`: that of its file without suffix; `file`: where a user's own lies, None for one of this package."""
        self.name, self.file = name, file

    # what is learned; a step sees streams of batches, evaluates the loss, and updates the weights

    def seed(self, settings: PretrainSettings, seed: int) -> int:
        """The seed that everything is drawn from, in a run of this seed."""
        return seed

    def networks(
        self, encoder: GraphEncoder, settings: PretrainSettings, generator: torch.Generator | None
    ) -> Mapping[str, nn.Module | Tensor]:
        """What the model has beside the encoder, by name: networks, parameters, and tensors that are kept with them."""
        return {}

    def prepare(self, run: Training) -> None:
        """Once before the first epoch, and again in a run that goes on: what is worked out of each graph and cached."""

    def before_epoch(self, run: Training, generator: torch.Generator) -> None:
        """What is drawn or scored once an epoch."""

    def see(self, run: Training, index: Tensor, size: int, generator: torch.Generator) -> Sequence[Iterator[Any]]:
        """What steps see of the graphs `index`: streams of batches of `size` graphs, or of tensors, taken in parallel.

        The first stream is of batches of graphs.
        """
        graphs = run.graphs
        first = run.settings.views.first_view
        views = [graphs.views(index, size, generator) for _ in range(1 if first == "original" else 2)]
        return [graphs.untouched(index, size), *views] if first == "original" else views

    def loss(self, model: Model, *seen: Any) -> Mapping[str, Tensor]:
        """What a step saw, and a generator on its device, to `loss`, a scalar, and the terms in `columns`."""
        raise NotImplementedError

    def optimisers(self, model: Model) -> Sequence[torch.optim.Optimizer]:
        """The optimisers, each with weights that no other has; the first has the encoder's."""
        given = model.settings.optimiser
        return [adam(model.parameters(), given.learning_rate, given.weight_decay)]

    def step(self, run: Training, seen: tuple[Any, ...], generator: torch.Generator) -> Mapping[str, Tensor]:
        """One step: updates in their order. `run.terms(seen, generator)` is the loss in the settings' precision."""
        (optimiser,) = run.optimisers
        optimiser.zero_grad(set_to_none=True)
        terms = run.terms(seen, generator)
        terms["loss"].backward()
        optimiser.step()
        return terms

    def after_epoch(self, run: Training, generator: torch.Generator) -> None:
        """What is updated once an epoch."""

    def diagnose(self, model: Model, row: Mapping[str, float | None]) -> Mapping[str, float | None]:
        """Columns of an epoch's row that no term of the loss gives; `row` has the means of the terms."""
        return {}

    def examine(self, run: Training, seen: Seen, generator: torch.Generator) -> Mapping[str, float | None]:
        """Columns of an epoch's row that a look at the last step's batch gives, in training mode.

        Nothing of it reaches the training: buffers are put back, and the generator is of no other use.
        """
        return {}

    def kept(self, model: Model) -> Mapping[str, Tensor]:
        """The tensors that are kept as the encoder; `factor` (D,), if it is there, multiplies its z from then on."""
        return model.encoder.state_dict()

    # where it stands

    @property
    def word(self) -> str:
        """What names it in settings: its name, or the path of a user's own file."""
        return self.name if self.file is None else str(self.file)

    @property
    def learned(self) -> str:
        """`objective` in the settings of its runs."""
        return self.objective or self.word

    @property
    def section(self) -> str:
        """The key of its own settings."""
        return self.key or self.name

    @property
    def source(self) -> str | Path:
        """What the digest of its code is made from: a module's name, or a file."""
        return self.file or type(self).__module__


def adam(parameters: Any, rate: float, decay: float = 0.0) -> torch.optim.Optimizer:
    """Adam for those of the parameters that have gradients."""
    import torch

    return torch.optim.Adam([p for p in parameters if p.requires_grad], lr=rate, weight_decay=decay, fused=True)
