"""What the runs of Figure 5 take: as much as those of Table 2, and their records speak for both."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from kanrepro.core.costs import Ran
from kanrepro.tu.costs import TuCosts, runs


class SensitivityCosts(TuCosts):
    """By records of Figure 5."""

    grows: Mapping[str, str] = {}
    same = {"pretrain_tu_moved": "pretrain_tu", "probe_tu_moved": "probe_tu"}
    light = frozenset({"sensitivity_figure"})

    def ran(self, records: Path) -> Iterator[Ran]:
        return runs(sorted(records.glob("sensitivity/tu/**/*.json")))


COSTS = SensitivityCosts()
