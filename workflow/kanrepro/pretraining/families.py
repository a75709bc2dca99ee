"""Pre-training of families of graphs beyond TU sets: the same keys as there, with the protocols' other defaults."""

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from kanrepro.contrast.settings import ContrastSettings, ViewKind, ViewSettings
from kanrepro.core.parts import Positive, Share
from kanrepro.models.settings import EncoderSettings
from kanrepro.pretraining.settings import OptimiserSettings, PretrainSettings


class MoleculeEncoderSettings(EncoderSettings):
    """GIN of Hu et al. with bond embeddings (table 5)."""

    family: Literal["tu", "molecule", "superpixel"] = Field(
        default="molecule", description="what the graphs are; fixed here"
    )
    hidden: Positive = Field(default=300, description="width of every layer (table 5), twice that inside")
    layers: Positive = Field(default=5, description="number of layers (table 5)")
    readout: Literal["sum", "mean"] = Field(default="mean", description="over the atoms of a molecule (table 5)")
    join: Literal["concat", "last", "sum"] = Field(
        default="last", description="z is the readout of the last layer; fixed here"
    )

    @pydantic.model_validator(mode="after")
    def _fixed(self) -> "MoleculeEncoderSettings":
        if (self.family, self.join) != ("molecule", "last"):
            raise ValueError("molecules have the encoder family 'molecule' and z from the 'last' layer")
        return self


class MoleculeViewSettings(ViewSettings):
    """Augmentations of molecules: GraphCL's `random`, one of two kinds at 20 %."""

    kinds: Annotated[tuple[ViewKind, ...], Field(min_length=1)] = Field(
        default=("drop_nodes", "subgraph"), description="drawn uniformly for each molecule; GraphCL's choice"
    )
    drop_ratio: Share = Field(default=0.2, description="share of atoms dropped (GraphCL)")
    edge_ratio: Share = Field(default=0.2, description="share of bonds dropped, and as many single bonds added")
    mask_ratio: Share = Field(default=0.2, description="share of atoms masked")


class MoleculeContrastSettings(ContrastSettings):
    """Losses and projection head (eq. 1, 11, 12; table 5; F.2)."""

    temperature: Annotated[float, Field(gt=0)] = Field(default=0.1, description="tau (F.2)")
    head: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(default=(300, 300), description="widths (F.2)")


class MoleculeOptimiserSettings(OptimiserSettings):
    """Adam (F.2)."""

    epochs: Annotated[int, Field(ge=0)] = Field(default=100, description="F.2; 0: the untrained encoder")
    learning_rate: Annotated[float, Field(ge=0)] = Field(default=1e-4, description="F.2")
    batch_size: Annotated[int, Field(ge=2)] = Field(default=256, description="molecules; unstated, GraphCL's")


class MoleculePretrainSettings(PretrainSettings):
    """Pre-training on molecules, but for the data and the seed."""

    encoder: MoleculeEncoderSettings = MoleculeEncoderSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    views: MoleculeViewSettings = MoleculeViewSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    contrast: MoleculeContrastSettings = MoleculeContrastSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    optimiser: MoleculeOptimiserSettings = MoleculeOptimiserSettings()  # pyright: ignore[reportIncompatibleVariableOverride]


class SuperpixelEncoderSettings(EncoderSettings):
    """GIN of GraphCL's MNIST code: a linear embedding, residual layers (table 5)."""

    family: Literal["tu", "molecule", "superpixel"] = Field(
        default="superpixel", description="what the graphs are; fixed here"
    )
    hidden: Positive = Field(default=110, description="width of every layer (table 5)")
    layers: Positive = Field(default=4, description="number of layers (table 5)")
    join: Literal["concat", "last", "sum"] = Field(
        default="sum", description="z sums the readouts of the embedding and of all layers (GraphCL); fixed here"
    )

    @pydantic.model_validator(mode="after")
    def _fixed(self) -> "SuperpixelEncoderSettings":
        if self.family != "superpixel":
            raise ValueError("superpixel graphs have the encoder family 'superpixel'")
        return self


class SuperpixelViewSettings(ViewSettings):
    """Augmentations of superpixel graphs: GraphCL drops a fifth of the nodes, twice."""

    kinds: Annotated[tuple[ViewKind, ...], Field(min_length=1)] = Field(
        default=("drop_nodes",), description="drawn uniformly for each graph; GraphCL's `--aug nn`"
    )
    drop_ratio: Share = Field(default=0.2, description="share of nodes dropped (GraphCL)")
    edge_ratio: Share = Field(default=0.05, description="share of edges dropped, and as many added (GraphCL)")
    mask_ratio: Share = Field(default=0.2, description="share of nodes masked (GraphCL)")
    subgraph_ratio: Share = Field(default=0.6, description="share of nodes kept, plus one node (GraphCL)")
    directed_edges: bool = Field(default=True, description="nearest neighbours are not symmetric; fixed here")

    @pydantic.model_validator(mode="after")
    def _directed(self) -> "SuperpixelViewSettings":
        if not self.directed_edges:
            raise ValueError("edges to nearest neighbours are not symmetric: directed_edges must stay true")
        return self


class SuperpixelContrastSettings(ContrastSettings):
    """Losses and projection head (eq. 1, 11, 12; table 5; GraphCL's MNIST code)."""

    temperature: Annotated[float, Field(gt=0)] = Field(default=0.5, description="tau (GraphCL)")
    head: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        default=(110, 110), description="widths (table 5)"
    )


class SuperpixelOptimiserSettings(OptimiserSettings):
    """Adam (GraphCL's MNIST code)."""

    epochs: Annotated[int, Field(ge=0)] = Field(default=80, description="GraphCL's; 0: the untrained encoder")
    learning_rate: Annotated[float, Field(ge=0)] = Field(default=1e-3, description="GraphCL's")


class SuperpixelPretrainSettings(PretrainSettings):
    """Pre-training on superpixel graphs, but for the data and the seed."""

    encoder: SuperpixelEncoderSettings = SuperpixelEncoderSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    views: SuperpixelViewSettings = SuperpixelViewSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    contrast: SuperpixelContrastSettings = SuperpixelContrastSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    optimiser: SuperpixelOptimiserSettings = SuperpixelOptimiserSettings()  # pyright: ignore[reportIncompatibleVariableOverride]


# encoder.family -> settings that a pre-training starts from
FAMILIES: dict[str, type[PretrainSettings]] = {
    "tu": PretrainSettings,
    "molecule": MoleculePretrainSettings,
    "superpixel": SuperpixelPretrainSettings,
}
