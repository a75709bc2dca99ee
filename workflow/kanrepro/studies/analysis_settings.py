"""Typed settings of what is asked of trained encoders: Figure 2b, and whether critical features are critical."""

from typing import Annotated

import pydantic
from pydantic import Field

from kanrepro.core.parts import Part, once


class AnalysisSettings(Part):
    """A look into the encoders that Khan-GCL trained on TU sets: figure 2b, and what CKFI picks."""

    datasets: tuple[str, ...] = Field(default=(), description="those of tu.datasets to look into")
    readings: tuple[str, ...] = Field(default=("literal", "repaired"), description="of tu.readings")
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = Field(
        default=(0,), description="of encoders; the first is that of figure 2b"
    )

    _once = pydantic.field_validator("datasets", "readings", "seeds")(once)
