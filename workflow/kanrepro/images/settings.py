"""Typed settings of the experiments on medical images: DEQ-KAN and what it is compared with."""

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from kanrepro.core.errors import unknown
from kanrepro.core.parts import Part, Positive, Scale, Share, merged, once, validate
from kanrepro.images.variants import IMAGE_MODELS, SPLITS, changes_of
from kanrepro.models.classifier_settings import ModelSettings


class AugmentationSettings(Part):
    """Of training images only, in batches on the device."""

    flip: Share = Field(default=0.5, description="probability of a left-right flip (its code)")
    rotation: Annotated[float, Field(ge=0, le=180)] = Field(
        default=15.0, description="degrees at most (README's table; its code: 10)"
    )


class ImageTrainingSettings(Part):
    """Adam, warm-up, step decay, early stopping."""

    epochs: Positive = Field(default=20, description="at most (its code)")
    batch_size: Annotated[int, Field(ge=2)] = Field(default=16, description="images (its code)")
    learning_rate: Annotated[float, Field(gt=0)] = Field(default=3e-4, description="base rate (its code means 3e-4)")
    schedule: Literal["warmup_step", "shipped"] = Field(
        default="warmup_step",
        description="linear warm-up to the base rate, then steps; shipped: its code, which never reaches it",
    )
    warmup: Annotated[int, Field(ge=0)] = Field(default=2, description="epochs to the base rate (its code)")
    step_size: Positive = Field(default=5, description="epochs between decays; unstated")
    step_factor: Annotated[float, Field(gt=0, le=1)] = Field(default=0.5, description="unstated")
    weight_decay: Scale = Field(default=1e-5, description="its code")
    clip: Annotated[float, Field(gt=0)] = Field(default=2.0, description="norm of the gradient (its code)")
    patience: Positive = Field(default=4, description="epochs without a better validation loss (its code)")
    class_weights: bool = Field(default=True, description="weigh the loss by inverse class frequency; unstated")
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="of matrix products on the backbone"
    )
    augmentation: AugmentationSettings = AugmentationSettings()


class EvaluationSettings(Part):
    """Metrics and robustness."""

    bootstrap: Annotated[int, Field(ge=0)] = Field(default=1000, description="resamples of the test images")
    bins: Positive = Field(default=15, description="of the calibration error")
    corruptions: tuple[Literal["noise", "blur", "contrast", "resolution"], ...] = Field(
        default=("noise", "blur", "contrast", "resolution"), description="each at five strengths"
    )


class MemorySettings(Part):
    """Memory of a training step against the solver's iterations, measured on random features."""

    width: Positive = Field(default=512, description="of u and z")
    batch: Positive = Field(default=256, description="samples")
    steps: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(default=(5, 25, 100), description="iterations")


class ClassifySettings(Part):
    """Everything that decides one classifier, but for the data, the split and the seed."""

    model: ModelSettings = ModelSettings()
    training: ImageTrainingSettings = ImageTrainingSettings()


class ImageSettings(Part):
    """DEQ-KAN on medical images."""

    datasets: tuple[str, ...] = Field(default=(), description="names in the image catalogue")
    size: Annotated[int, Field(ge=8, le=1024)] = Field(default=224, description="pixels along an edge (its code)")
    models: tuple[str, ...] = Field(default=tuple(IMAGE_MODELS), description="rows of the comparison")
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = Field(
        default=(0, 1, 2), description="runs; also seeds of the split"
    )
    split: Literal["grouped", "random", "source"] = Field(
        default="grouped",
        description="grouped: no patient, tile or picture on both sides; random: its code; source: the set's own",
    )
    checks: dict[str, tuple[str, ...]] = Field(
        default={}, description="further runs, <data set>/<split> to models: what leaks and imbalance do"
    )
    classify: ClassifySettings = ClassifySettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    memory: MemorySettings = MemorySettings()

    @pydantic.field_validator("models")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in IMAGE_MODELS:
                raise ValueError(str(unknown("model", name, IMAGE_MODELS)))
        return value

    _once = pydantic.field_validator("datasets", "models", "seeds")(once)

    @pydantic.field_validator("checks")
    @classmethod
    def _tasks(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for task, models in value.items():
            dataset, slash, split = task.partition("/")
            if not (dataset and slash):
                raise ValueError(f"{task!r} is not <data set>/<split>")
            if split not in SPLITS:
                raise ValueError(str(unknown("split", split, SPLITS)))
            cls._known(models)
        return value

    @property
    def tasks(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """(data set, split) -> models: the comparison, then the checks."""
        made = {(dataset, self.split): self.models for dataset in self.datasets}
        for task, models in self.checks.items():
            dataset, _, split = task.partition("/")
            made[dataset, split] = tuple(dict.fromkeys([*made.get((dataset, split), ()), *models]))
        return made

    def classify_settings(self, model: str) -> ClassifySettings:
        """The settings of one classifier: the base, changed by the model.

        Raises:
            UserError: an impossible value.
        """
        made = merged(self.classify.model_dump(mode="json"), changes_of(model))
        return validate(ClassifySettings, made, f"images.classify for {model}")
