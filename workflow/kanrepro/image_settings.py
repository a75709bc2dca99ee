"""Typed settings of the experiments on medical images: DEQ-KAN and what it is compared with."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from kanrepro.errors import unknown
from kanrepro.image_models import IMAGE_MODELS, SPLITS, changes_of
from kanrepro.methods import merged
from kanrepro.parts import Part, Positive, Scale, Share, validate


class BasisSettings(Part):
    """Basis of a KAN layer (DEQ-KAN's code: 10 Gaussians of unit width on [-3, 3])."""

    kind: Literal["gaussian", "bspline"] = Field(default="gaussian", description="Gaussians (its code) or B-splines")
    knots: Annotated[int, Field(ge=2)] = Field(default=10, description="K, functions on an edge (its code)")
    range: tuple[float, float] = Field(default=(-3.0, 3.0), description="first and last knot (its code)")
    width: Annotated[float, Field(gt=0)] = Field(default=1.0, description="standard deviation of a Gaussian (its code)")
    coefficient_scale: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="std of initial coefficients; null: Xavier (the README); 0.01: its code"
    )

    @pydantic.field_validator("range")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] >= value[1]:
            raise ValueError("the lower end must be below the upper end")
        return value


class SolverSettings(Part):
    """Fixed-point solver of the equilibrium."""

    kind: Literal["anderson", "broyden", "damped"] = Field(default="anderson", description="unstated")
    tolerance: Annotated[float, Field(gt=0)] = Field(
        default=1e-4, description="residual norm over norm of F(z) (its code: 1e-4, absolute)"
    )
    max_steps: Positive = Field(default=50, description="evaluations of the map; its code: 25")
    damping: Annotated[float, Field(gt=0, le=1)] = Field(default=1.0, description="alpha; its code 0.1, README 0.5")
    memory: Positive = Field(default=5, description="iterates that Anderson and Broyden look back on")
    gradient: Literal["implicit", "one_step"] = Field(
        default="implicit", description="implicit function theorem, or its first term alone"
    )


class HeadSettings(Part):
    """What stands between u = Linear(CNN(image)) and the classifier; set by the model."""

    kind: Literal["none", "feedforward", "unrolled", "equilibrium"] = Field(
        default="equilibrium", description="set by the model"
    )
    core: Literal["kan", "mlp"] = Field(default="kan", description="what the map is made of; set by the model")
    form: Literal["shipped", "repaired", "certified"] = Field(
        default="repaired", description="of the map; set by the model"
    )
    hidden: Positive = Field(default=128, description="width of u and z (its code)")
    mlp_hidden: Positive | None = Field(
        default=None, description="width inside an MLP core; null: as many parameters as the KAN core"
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.2, description="on the inputs of each KAN layer (its code)"
    )
    steps: Positive = Field(default=10, description="iterations of an unrolled map")
    contraction: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.9, description="Lipschitz constant that the certified form is scaled to"
    )
    basis: BasisSettings = BasisSettings()
    solver: SolverSettings = SolverSettings()


class BackboneSettings(Part):
    """CNN (DEQ-KAN's code: residual, 7x7/2 then five blocks) or Vision Transformer."""

    kind: Literal["cnn", "vit"] = Field(default="cnn", description="set by the model")
    channels: Positive = Field(
        default=32, description="of the CNN's first layer; the last has four times as many (its code: 32)"
    )
    patches: Positive = Field(default=8, description="of the ViT: patches along an edge of the image")
    width: Positive = Field(default=64, description="of the ViT; unstated, chosen for a like number of parameters")
    depth: Positive = Field(default=4, description="of the ViT, blocks")
    heads: Positive = Field(default=4, description="of the ViT")


class ModelSettings(Part):
    """One classifier."""

    backbone: BackboneSettings = BackboneSettings()
    head: HeadSettings = HeadSettings()


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

    @pydantic.field_validator("datasets", "models", "seeds")
    @classmethod
    def _once(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        twice = [v for v in value if value.count(v) > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} stands there twice")
        return value

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
