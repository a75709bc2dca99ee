"""Settings of graph encoders."""

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from kanrepro.core.parts import Interval, Part, Positive, Scale, Share


class KanSettings(Part):
    """KAN layers (Khan-GCL section 3, appendix F.1)."""

    grid: Positive = Field(default=5, description="intervals of the grid (F.1)")
    order: Annotated[int, Field(ge=1, le=5)] = Field(default=3, description="spline degree; 3 = cubic (F.1)")
    range: Interval = Field(
        default=(-1.0, 1.0), description="interval that the grid covers; unstated, set by the reading"
    )
    base: bool = Field(default=True, description="SiLU branch of the original KAN; unstated")
    bias: bool = Field(default=False, description="a bias on every edge; unstated")
    layers: Positive = Field(default=2, description="KAN layers of a block (as many as an MLP has); unstated")
    coefficient_scale: Scale = Field(
        default=0.1, description="std of initial coefficients times sqrt(inputs); unstated"
    )
    noise: Scale | None = Field(
        default=None, description="pykan's: initial splines fitted to noise of this width / grid; null: drawn as above"
    )
    scale: bool = Field(default=False, description="pykan's: a trainable scale of every edge's spline, 1 at first")
    adaptive: Share | None = Field(
        default=None, description="pykan's: grids may be moved to quantiles with this share of a uniform grid; null: no"
    )
    alike: bool = Field(
        default=False, description="blocks of one size start with the same weights, as in Khan-GCL's code, on TU sets"
    )


class EncoderSettings(Part):
    """GIN (table 5)."""

    family: Literal["tu", "molecule", "superpixel"] = Field(
        default="tu", description="what the graphs are; decides the form of GIN"
    )
    network: Literal["mlp", "kan", "histogram", "statistics"] = Field(
        default="kan", description="what updates a node, or on TU sets features that nobody learned; set by the method"
    )
    hidden: Positive = Field(default=32, description="width of every layer (table 5)")
    layers: Positive = Field(default=3, description="number of layers (table 5)")
    readout: Literal["sum", "mean"] = Field(default="sum", description="over the nodes of a graph (table 5)")
    join: Literal["concat", "last", "sum"] = Field(
        default="concat", description="z from all layers or the last; GraphCL concatenates on TU, sums on superpixels"
    )
    normalise_input: bool = Field(default=False, description="batch norm before each block's KAN; set by the reading")
    normalised_layers: Literal["first", "each"] = Field(
        default="first", description="with normalise_input: norm before the first KAN layer of a block, or before each"
    )
    norm_order: Literal["after_relu", "before_relu"] = Field(
        default="after_relu", description="of a block's batch norm, on TU sets; GraphCL's: after"
    )
    dropout: Share = Field(default=0.0, description="after every layer, of molecules alone; GraphCL pre-trains without")
    kan: KanSettings = KanSettings()

    @pydantic.model_validator(mode="after")
    def _joined(self) -> "EncoderSettings":
        if (self.join == "sum") != (self.family == "superpixel"):
            raise ValueError("z is the 'sum' over all layers for the family 'superpixel', and for it alone")
        if self.network in ("histogram", "statistics") and self.family != "tu":
            raise ValueError(f"the features '{self.network}' are of TU sets; take 'mlp' or 'kan'")
        return self
