"""The figures of the studies on the page."""

from argparse import Namespace
from pathlib import Path

from kanrepro.core.parser import Parser

# figure -> title and caption
CAPTIONS = {
    "figure5": (
        "Figure 5: sensitivity",
        "Khan-GCL with other sizes of its perturbations, one varied at a time around the default (dotted line); error "
        "bars are one standard deviation over runs.",
    ),
    "figure2b": (
        "Figure 2b: splines and their bounds",
        "Trained splines with their coefficients, and the variance of all splines against that of their coefficients, "
        "with Proposition 1 as printed and as corrected.",
    ),
    "figure3": (
        "Figure 3: neighbours of hard negatives",
        "Nearest neighbours of hard negatives in the whole set, and how often they are of another class, for CKFI, a "
        "random perturbation of the same angle, and none.",
    ),
    "ckfi": (
        "What CKFI picks",
        "The scores of each component beside its variance on data, and beside the accuracy lost without it; the "
        "accuracy left when components are removed by their scores, against random orders.",
    ),
}


def add_options(parser: Parser) -> None:
    """Figures alone need no options."""


def of(given: Namespace, base: Path) -> None:
    """No tables and no records of its own."""
