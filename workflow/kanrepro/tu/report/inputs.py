"""What tables 2 to 4 and figure 4 are given."""

from dataclasses import dataclass

from kanrepro.report.inputs import Inputs
from kanrepro.report.results import Results, read
from kanrepro.tu.catalog import CATALOG


@dataclass(frozen=True)
class TuInputs(Inputs):
    """Records on TU sets, and the descriptions of all sets that Table 4 shows."""

    catalog = CATALOG
    kind = "tu/*"
    descriptions_of = ("data", "data-molecules", "data-superpixels")

    @property
    def labelled(self) -> frozenset[str]:
        """The data sets that have node labels, as their descriptions or the catalogue say."""
        known = {name for name, entry in self.entries.items() if entry.expected.node_labels}
        return frozenset(known | {name for name, source in self.described.items() if source.found.node_labels})

    @property
    def results(self) -> Results:
        """The records, gathered. Raises UserError where one is corrupt or does not belong."""
        return read(self.record_files(), self.preset, self.labelled)
