"""Settings of one pre-training, but for the data and the seed."""

from typing import Annotated, Literal

from pydantic import Field

from kanrepro.contrast.settings import ContrastSettings, MaskingSettings, ViewSettings
from kanrepro.core.parts import Part, Positive
from kanrepro.models.settings import EncoderSettings
from kanrepro.store.settings import FeatureSettings


class OptimiserSettings(Part):
    """Adam (F.3)."""

    epochs: Annotated[int, Field(ge=0)] = Field(default=60, description="F.3; 0: the untrained encoder")
    learning_rate: Annotated[float, Field(ge=0)] = Field(
        default=1e-4, description="F.3; 0: weights stay, batch norms move"
    )
    batch_size: Annotated[int, Field(ge=2)] = Field(default=128, description="graphs; unstated, GraphCL's")
    shuffle: Literal["each_epoch", "once"] = Field(default="each_epoch", description="once: GraphCL's code")
    precision: Literal["float32", "tensorfloat32", "bfloat16"] = Field(
        default="float32", description="of a GPU's matrix products; bfloat16: mixed precision"
    )
    compile: bool = Field(default=False, description="torch.compile the encoder; needs a C++ compiler at run time")
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
    """Everything that decides one pre-training, but for the data and the seed."""

    objective: Literal["contrast", "attr_masking", "infograph"] = Field(
        default="contrast", description="what is learned; set by the method"
    )
    encoder: EncoderSettings = EncoderSettings()
    features: FeatureSettings = FeatureSettings()
    views: ViewSettings = ViewSettings()
    contrast: ContrastSettings = ContrastSettings()
    masking: MaskingSettings = MaskingSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    statistics: StatisticsSettings = StatisticsSettings()
