"""Tables 2 and 3 from records and printed numbers."""

from dataclasses import dataclass

from kanrepro.report.document import Document
from kanrepro.report.layout import Layout, Row
from kanrepro.report.published import AVERAGES, RUNS
from kanrepro.report.scores import Builder


@dataclass
class UnsupervisedBuilder(Builder):
    """Table 2 in the making."""

    heading = "Table 2: unsupervised learning, SVM accuracy in %"
    averaged = AVERAGES
    controls_lead = (
        "Variants of the ablation at Khan-GCL's settings, and controls: encoders that were never trained, and labels "
        "that were permuted before the SVM saw them, which must sit at chance: at most about the share of the largest "
        "class."
    )
    differences_lead = (
        "Differences between measured rows in percentage points, with the 95 % interval of a t-test paired by seed "
        "(the runs of a seed share folds) and the number of pairs; `*` where the interval leaves out zero."
    )


@dataclass(frozen=True)
class HardNegativesLayout(Layout):
    """The rows of Table 3: published methods beside Khan-GCL, neither variants nor controls."""

    table = "table3"

    @property
    def variants(self) -> list[Row]:
        return []

    @property
    def controls(self) -> list[Row]:
        return []


@dataclass
class HardNegativesBuilder(Builder):
    """Table 3 in the making."""

    heading = "Table 3: Khan-GCL against methods with hard negatives, SVM accuracy in %"

    def document(self, preset: str) -> Document:
        """The whole table."""
        compared = [] if self.stand_in else self._comparisons()
        blocks = (self._introduction(preset, RUNS), self._overview(), *compared, self._records())
        return Document(self.title, blocks, self.footnotes.listed)

    @property
    def layout(self) -> HardNegativesLayout:
        return HardNegativesLayout(self.results.readings, self.results.ran)
