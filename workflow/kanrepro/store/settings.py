"""Settings of node features."""

from typing import Literal

from pydantic import Field

from kanrepro.core.parts import Part, Positive


class FeatureSettings(Part):
    """Node features of TU sets."""

    unlabelled: Literal["constant", "degree"] = Field(
        default="constant", description="sets without labels; set by the reading"
    )
    labels: bool = Field(
        default=True, description="false: the labels of nodes are not seen, all sets are unlabelled; AD-GCL's code"
    )
    degree_cap: Positive = Field(default=64, description="larger degrees count as this one; unstated")
    degree_of: Literal["graph", "view"] = Field(
        default="graph", description="a node of a view keeps the degree that it has in its graph, or gets its own"
    )
    self_loops: bool = Field(
        default=False, description="GraphCL's habit: on all nodes but a graph's last, in untouched graphs"
    )
