"""What pre-training and evaluation on TU sets take."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pydantic

from kanrepro.core import costs
from kanrepro.core.costs import Job, Ran, what
from kanrepro.core.errors import UserError
from kanrepro.core.record import Record
from kanrepro.pretraining.settings import recorded
from kanrepro.tu import catalog

ALIKE = ("epsilon_delta", "epsilon_rho", "sigma_delta", "sigma_rho")  # sizes of perturbations cost the same


class TuCosts(costs.Costs):
    """By records of Tables 2 and 3."""

    grows = {"pretrain_tu": "epochs x (nodes + edges/4)", "probe_tu": "graphs squared"}
    light = frozenset({"describe_tu", "fold_tu", "figure", "history"})

    def ran(self, records: Path) -> Iterator[Ran]:
        return runs(sorted(records.glob("tu/**/*.json")))

    def work(self, rule: str, dataset: str, epochs: float, size: int, described: Mapping[str, Any]) -> float | None:
        try:
            expected = catalog.entry(dataset).expected
        except UserError:
            expected = None  # a set of the user's own
        found = described.get(dataset)
        if rule == "probe_tu":
            graphs = found["graphs"] if found else expected.graphs if expected else None
            return None if graphs is None else float(graphs**2)
        if found:
            return epochs * (found["nodes"] + found["directed_edges"] / 4)
        if expected is None or expected.mean_nodes is None or expected.directed_edges is None:
            return None
        return epochs * (expected.graphs * expected.mean_nodes + expected.directed_edges / 4)

    def asked(self, job: Job, makers: Mapping[str, Job]) -> tuple[Any, float, int]:
        return *without_epochs(job.settings), 0


def runs(paths: list[Path]) -> Iterator[Ran]:
    """The runs behind records. Raises UserError where one cannot be read."""
    for path in paths:
        record = Record.read(path)
        key = what(dataset=record.dataset, method=record.method, reading=record.reading)
        name = f"{record.dataset}-{record.method}-{record.reading}-{record.seed}.tsv"
        stages = {"probe_tu": (record.settings["svm"], record.cost.probe_seconds, "probe")}
        if record.method != "shuffled_labels":  # it evaluates the encoder of another method
            stages["pretrain_tu"] = record.settings["pretrain"], record.cost.pretrain_seconds, "pretrain"
        for rule, (settings, seconds, folder) in stages.items():
            rest, epochs = without_epochs(settings)
            yield Ran(
                rule, key, record.preset, rest, epochs, 0, seconds,
                record.cost.peak_memory_mb, int(record.details.get("threads", 1)),
                rule == "pretrain_tu" and record.cost.device.startswith("cuda"), record.cost.hardware,
                f"{folder}/{name}",
            )  # fmt: skip


def without_epochs(settings: Any) -> tuple[Any, float]:
    """As core.costs.without_epochs, and without what changes no cost.

    Keys of a pre-training that came after it have the default, which is what it did.
    """
    with contextlib.suppress(pydantic.ValidationError):
        settings = recorded(settings).model_dump(mode="json")
        for name in ALIKE:
            del settings["contrast"]["negatives"][name]
    return costs.without_epochs(settings)


COSTS = TuCosts()
