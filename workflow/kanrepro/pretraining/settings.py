"""Settings of one pre-training, but for the data and the seed: what all methods share, and the keys of a method."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

import pydantic
from pydantic import Field

from kanrepro.contrast.settings import ContrastSettings, ViewSettings
from kanrepro.core.parts import Part, Positive, validate
from kanrepro.methods.folder import built_in, every, learner
from kanrepro.methods.method import Method
from kanrepro.models.settings import EncoderSettings
from kanrepro.store.settings import FeatureSettings


class OptimiserSettings(Part):
    """Adam (F.3)."""

    epochs: Annotated[int, Field(ge=0)] = Field(default=60, description="F.3; 0: the untrained encoder")
    learning_rate: Annotated[float, Field(ge=0)] = Field(
        default=1e-4, description="F.3; 0: weights stay, batch norms move"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="added to the gradient; GraphCL's code for superpixels: 1e-6"
    )
    patience: Positive | None = Field(
        default=None,
        description="epochs without a lower loss after which rates are halved; null: never; GraphCL's code for "
        "superpixels: 5",
    )
    batch_size: Annotated[int, Field(ge=2)] = Field(default=128, description="graphs; unstated, GraphCL's")
    shuffle: Literal["each_epoch", "once"] = Field(default="each_epoch", description="once: GraphCL's code")
    precision: Literal["float32", "tensorfloat32", "bfloat16"] = Field(
        default="float32", description="of a GPU's matrix products; bfloat16: mixed precision"
    )
    compile: bool = Field(default=False, description="torch.compile the encoder; needs a C++ compiler at run time")
    keep_every: Positive | None = Field(
        default=None, description="epochs between encoders that are kept and evaluated too, on TU sets; null: the last"
    )
    accumulate: Positive = Field(
        default=1, description="parts that a view is encoded in; the loss sees all, memory holds one"
    )
    residence: Literal["auto", "device", "host"] = Field(
        default="auto", description="where the graphs lie: with the model, or streamed to it; auto: with it if they fit"
    )


class StatisticsSettings(Part):
    """Running statistics of the encoder's batch norms, with which z is computed."""

    of: Literal["training", "views", "graphs"] = Field(
        default="training",
        description="moving averages that training leaves (untrained: mean 0, variance 1), or averages over passes "
        "without gradient after it: over views, or over untouched graphs; unstated",
    )
    passes: Positive = Field(default=3, description="over all graphs, for `views` and `graphs`")


class PretrainSettings(Part):
    """Everything that decides one pre-training, but for the data and the seed; a method's own keys stand beside it."""

    objective: str = Field(default="contrast", description="what is learned; set by the method")
    encoder: EncoderSettings = EncoderSettings()
    features: FeatureSettings = FeatureSettings()
    views: ViewSettings = ViewSettings()
    contrast: ContrastSettings = ContrastSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    statistics: StatisticsSettings = StatisticsSettings()


Shared = TypeVar("Shared", bound=PretrainSettings)


def with_keys(shared: type[Shared], methods: Iterable[Method]) -> type[Shared]:
    """The settings that methods share, with the keys that each of `methods` has of its own."""
    return _with_keys(shared, tuple(methods))


@cache
def _with_keys(shared: type[Shared], methods: tuple[Method, ...]) -> type[Shared]:
    keys: dict[str, Any] = {m.section: (m.Settings, m.Settings()) for m in methods if m.Settings is not None}
    return pydantic.create_model(
        shared.__name__, __base__=shared, __doc__=shared.__doc__, __module__=shared.__module__, **keys
    )


def with_all_keys(shared: type[Shared]) -> type[Shared]:
    """What a user can type: the shared settings, and the keys of every method of this package."""
    return with_keys(shared, built_in().values())


def of_run(shared: type[Shared], settings: Mapping[str, Any], method: Method, where: str) -> Shared:
    """The settings of one run: the keys of other methods are left out, so that a change to them reruns nothing.

    Where a reading chooses another method's objective, that method's keys are kept in place of its own.

    Raises:
        UserError: a key or value at fault; `where` says where it comes from.
    """
    objective = settings.get("objective", method.learned)
    method = method if objective == method.learned or method.file else learner(objective)
    others = {other.section for other in every()} - {method.section}
    own = {key: value for key, value in settings.items() if key not in others}
    return validate(with_keys(shared, [method]), own, where)


def recorded(settings: Mapping[str, Any]) -> PretrainSettings:
    """What all methods share of the settings in a document; keys that came after it have the default."""
    shared = {key: value for key, value in settings.items() if key in PretrainSettings.model_fields}
    return PretrainSettings.model_validate(shared)
