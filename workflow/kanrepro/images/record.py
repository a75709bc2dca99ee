"""The record of one image classifier on one split: scores, predictions, cost, and everything that made them."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from kanrepro.core.parts import Part, Share
from kanrepro.core.record import Artefact, Document

Count = Annotated[int, Field(ge=0)]


class Score(Part):
    """A metric and its 95 % bootstrap interval over test images; None where undefined. Shares are fractions."""

    value: float | None
    low: float | None = None
    high: float | None = None


class ClassScores(Part):
    """A class against the rest; `support` is its number of test images."""

    precision: float | None
    recall: float | None
    specificity: float | None
    f1: float | None
    auc: float | None
    support: Count


class Clean(Part):
    """Scores on the test images of which nothing leaked into training or validation, and their number."""

    images: Count
    metrics: dict[str, Score]


class Harmed(Part):
    """Scores on corrupted test images; `converged` is the share of iterations that met the tolerance, if there are."""

    strength: Annotated[int, Field(ge=1, le=5)]
    accuracy: float | None
    auc: float | None
    f1: float | None
    ece: float | None
    converged: Share | None


class Equilibrium(Part):
    """How the head's iteration went on the test images.

    Attributes:
        steps_mean, steps_max: evaluations of the map.
        residual_median: |F(z) - z| / |F(z)| where it stopped; None where that is not finite.
        converged: share of images below the tolerance.
        bound: Lipschitz constant that the certified form guarantees; None for other forms.
        rate: median over images of the factor by which |F(z) - z| changes in a step of the plain damped iteration;
            above 1 it runs away; None where it was not finite or had nothing to measure.
    """

    steps_mean: float
    steps_max: Count
    residual_median: float | None
    converged: Share
    bound: float | None
    rate: float | None


class ModelSize(Part):
    """Trainable parameters, and floating-point operations of one image forward (2 a multiply-add) at the mean steps."""

    parameters: Count
    flops: Count


class Predictions(Part):
    """Test images by their number in the set, with class ids and probabilities (M, C) to four decimals.

    `units`: how many patients, tiles or pictures they are of; bootstrap intervals resample these.
    """

    index: list[int]
    y: list[int]
    p: list[list[float]]
    units: Count


class Training(Part):
    """How long it trained and which epoch was kept."""

    epochs: Count
    best_epoch: Count
    validation_loss: float


class ImageData(Part):
    """The prepared set."""

    path: str
    sha256: str
    content: str | None = None  # its digest apart from what the file says of its making
    source_sha256: str | None = None
    images: Count


class ImageCode(Part):
    """The code that ran: digests of the stages' import closures, and the checkout's commit."""

    classify: str
    assess: str
    commit: str | None = None
    dirty: bool = False


class ImageCost(Part):
    """What the result took, in seconds and MB."""

    hardware: str
    device: str
    train_seconds: float
    assess_seconds: float
    peak_memory_mb: float


class ImageRecord(Document):
    """One classifier: scores with and without leaked images, robustness, health, cost, and the commands to remake it.

    `metrics` has the names of kanrepro.images.metrics.METRICS; rows of `confusion` are the truth, in the
    order of `classes`.
    """

    model_config = pydantic.ConfigDict(protected_namespaces=())  # `model_size` is a field
    experiment: Literal["images"] = "images"
    dataset: str
    split: str
    model: str
    seed: int
    preset: str
    size: int
    classes: list[str]
    demo: bool
    metrics: dict[str, Score]
    per_class: dict[str, ClassScores]
    confusion: list[list[int]]
    without_leaks: Clean | None
    robustness: dict[str, list[Harmed]]
    equilibrium: Equilibrium | None
    model_size: ModelSize
    test: Predictions
    history: Training
    settings: dict[str, Any]
    data: ImageData
    checkpoint: Artefact
    split_file: Artefact
    code: ImageCode
    versions: dict[str, str]
    cost: ImageCost
    commands: list[str]
