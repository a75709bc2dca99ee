"""Typed settings of the experiments on superpixel graphs: Table 7 and Figure 3."""

from typing import Annotated

from pydantic import Field

from kanrepro.parts import Part, Positive


class SegmentSettings(Part):
    """Superpixel graphs of images (the settings of the published MNIST graphs, GraphCL's `mnist_75sp`)."""

    nodes: Positive = Field(default=75, description="most superpixels of an image; fewer are asked for until it holds")
    asked: Positive = Field(default=95, description="superpixels that SLIC is first asked for")
    compactness: Annotated[float, Field(gt=0)] = Field(
        default=0.25, description="of SLIC: weight of position against intensity"
    )
    neighbours: Positive = Field(default=8, description="nearest superpixels that each is connected to")


class SuperpixelSettings(Part):
    """Superpixel graphs of digits: table 7, figure 3, and a row of table 4."""

    dataset: str | None = Field(default=None, description="name in the catalogue of images for superpixel graphs")
    segments: SegmentSettings = SegmentSettings()
