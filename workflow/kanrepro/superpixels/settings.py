"""Typed settings of the experiments on superpixel graphs: Table 7 and Figure 3."""

from typing import Annotated, Any

from pydantic import Field, SerializeAsAny

from kanrepro.core.parts import Part, Positive
from kanrepro.methods.folder import find, of, usual
from kanrepro.methods.readings import names, readings_of
from kanrepro.pretraining.choice import MethodChoice
from kanrepro.pretraining.families import SuperpixelPretrainSettings
from kanrepro.pretraining.settings import with_all_keys

AllSuperpixelPretrainSettings = with_all_keys(SuperpixelPretrainSettings)


class SegmentSettings(Part):
    """Superpixel graphs of images (the settings of the published MNIST graphs, GraphCL's `mnist_75sp`)."""

    nodes: Positive = Field(default=75, description="most superpixels of an image; fewer are asked for until it holds")
    asked: Positive = Field(default=95, description="superpixels that SLIC is first asked for")
    compactness: Annotated[float, Field(gt=0)] = Field(
        default=0.25, description="of SLIC: weight of position against intensity"
    )
    neighbours: Positive = Field(default=8, description="nearest superpixels that each is connected to")


class DigitFinetuneSettings(Part):
    """Fine-tuning on few labels (GraphCL's MNIST code; section 5.1)."""

    epochs: Positive = Field(default=1000, description="at most (GraphCL)")
    learning_rate: Annotated[float, Field(gt=0)] = Field(default=1e-3, description="of Adam (GraphCL)")
    batch_size: Annotated[int, Field(ge=2)] = Field(default=128, description="graphs (GraphCL)")
    factor: Annotated[float, Field(gt=0, lt=1)] = Field(default=0.5, description="of the rate at a plateau (GraphCL)")
    patience: Positive = Field(default=5, description="epochs without a lower validation loss (GraphCL)")
    least_rate: Annotated[float, Field(gt=0)] = Field(default=1e-5, description="ends the training (GraphCL)")


class RetrievalSettings(Part):
    """Hard negatives and their nearest neighbours: figure 3."""

    queries: Positive = Field(default=100, description="images whose hard negatives are looked up, drawn once")
    neighbours: Positive = Field(default=5, description="of each (figure 3)")
    distances: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1)] = Field(
        default=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3), description="cosine distances at which directions are compared"
    )
    method: str = Field(default="khan_gcl", description="whose encoder embeds")


class SuperpixelSettings(MethodChoice):
    """Superpixel graphs of digits: table 7, figure 3, and a row of table 4."""

    section, family, shared = "superpixels", "superpixel", SuperpixelPretrainSettings

    dataset: str | None = Field(default=None, description="name in the catalogue of images for superpixel graphs")
    segments: SegmentSettings = SegmentSettings()
    methods: tuple[str, ...] = Field(
        default=usual("superpixel", "variant", "method"), description="of table 7, and variants of the ablation"
    )
    controls: tuple[str, ...] = Field(default=usual("superpixel", "control"), description="rows without pre-training")
    readings: dict[str, dict[str, Any]] = Field(
        default={name: {} for name in names("superpixel")},
        description="changes to readings, or new ones, `like` one that there is; null drops one",
    )
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = Field(
        default=(0, 1, 2, 3, 4), description="fine-tunings, each with its labelled images (5: unstated, as on TU)"
    )
    pretrain_seed: Annotated[int, Field(ge=0)] = Field(
        default=0, description="one pre-training serves all fine-tunings, as in GraphCL"
    )
    limit: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="at most so many training images to pre-train on, drawn once; null: all"
    )
    labels: Annotated[float, Field(gt=0, le=1)] = Field(default=0.01, description="share of labelled images (table 7)")
    valid: Positive = Field(default=5000, description="validation images, the first of the training part (GraphCL)")
    test_images: Positive | None = Field(default=None, description="test images, drawn once; null: all")
    pretrain: SerializeAsAny[AllSuperpixelPretrainSettings] = AllSuperpixelPretrainSettings()  # pyright: ignore[reportInvalidTypeForm]
    finetune: DigitFinetuneSettings = DigitFinetuneSettings()
    retrieval: RetrievalSettings = RetrievalSettings()

    def readings_of(self, method: str) -> list[str]:
        """The readings in which a method or control is run: an MLP has one, the first."""
        found = readings_of(method, list(self.readings), labelled=True, family=self.family)
        return found[:1] if find(method).network == "mlp" else found

    def seed_of(self, method: str, seed: int) -> int:
        """The seed of the encoder that fine-tuning `seed` begins with: without training each has one of its own."""
        return seed if method in of("control") else self.pretrain_seed
