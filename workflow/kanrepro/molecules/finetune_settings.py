"""Typed settings of what is done with pre-trained molecule encoders: fine-tuning, its control, clocked steps."""

from typing import Annotated, Literal

from pydantic import Field

from kanrepro.core.parts import Part, Positive


class FinetuneSettings(Part):
    """Fine-tuning end to end with a linear head (E.2; what it leaves open as in the code of Hu et al.)."""

    epochs: Positive = Field(default=100, description="unstated; Hu et al. 100")
    learning_rate: Annotated[float, Field(gt=0)] = Field(default=1e-3, description="Adam; unstated, Hu et al.")
    batch_size: Annotated[int, Field(ge=2)] = Field(default=32, description="molecules; unstated, Hu et al.")
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.5, description="after each layer of the encoder; unstated, Hu et al."
    )
    precision: Literal["float32", "tensorfloat32"] = Field(default="float32", description="of a GPU's matrix products")


class FingerprintSettings(Part):
    """The control without a network: ECFP and a classifier of scikit-learn, a model for each task."""

    model: Literal["random_forest", "logistic_regression"] = Field(
        default="random_forest", description="logistic_regression gives every seed the same"
    )
    radius: Positive = Field(default=2, description="bonds; 2 is ECFP4")
    bits: Annotated[int, Field(ge=16)] = Field(default=2048, description="length of the fingerprint")
    trees: Positive = Field(default=200, description="of a random forest")
    inverse_penalty: Annotated[float, Field(gt=0)] = Field(default=1.0, description="C of a logistic regression")


class MeasureSettings(Part):
    """Seconds of a step of pre-training (table 6)."""

    warm_up: Annotated[int, Field(ge=1)] = Field(default=3, description="steps of each method that do not count")
    steps: Annotated[int, Field(ge=2)] = Field(default=20, description="steps of each method that count, in turn")
    batch_size: Annotated[int, Field(ge=2)] = Field(default=256, description="molecules; unstated, GraphCL's")
    widths: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        default=(300,), description="encoder widths, a measurement each (300: table 5)"
    )
