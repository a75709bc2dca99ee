"""An isolating row: GraphCL with a batch norm before each MLP; the repaired reading has one before each KAN.

Over this one `w/o hard neg.` has the KAN alone, in the repaired reading; over GraphCL it has a batch norm as well.
"""

from kanrepro.core.parts import merged
from kanrepro.methods.graphcl import GraphCL


class GraphCLNormed(GraphCL):
    """Normalise, encode and contrast."""

    label = "GraphCL, input norm"
    kind = "method"
    place = 30
    usual = ()
    printed = {}
    readings = {}
    changes = merged(GraphCL.changes, {"encoder": {"normalise_input": True}})
