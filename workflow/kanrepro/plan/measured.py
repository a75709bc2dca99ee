"""What training and evaluation took in earlier runs, from their records and from the benchmark files beside them.

A record says how long its two stages ran, with which settings, on what data and machine. Where the workflow's benchmark
file of the same job is still there, its seconds and memory are taken instead: they count the start of Python too.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json
from kanrepro.core.record import Record
from kanrepro.images import catalog as image_catalog
from kanrepro.images.record import ImageRecord
from kanrepro.plan.jobs import Job
from kanrepro.pretraining.settings import recorded
from kanrepro.studies.sensitivity_settings import default_point, moved
from kanrepro.tu import catalog

SIZES = {  # what the work of a rule grows with, in words
    "pretrain_tu": "epochs x (nodes + edges/4)",
    "probe_tu": "graphs squared",
    "classify": "epochs x images x pixels",
    "assess": "images x pixels",
}
# the same work with other sizes of perturbations (figure 5): the records of one speak for the other
SAME_WORK = {"pretrain_tu_moved": "pretrain_tu", "probe_tu_moved": "probe_tu"}
_FOLDERS = {"pretrain_tu": "pretrain", "probe_tu": "probe"}
_STORED_SIZE = re.compile(r"-(\d+)\.safetensors$")


@dataclass(frozen=True)
class Measured:
    """One run of a stage.

    Attributes:
        what: data set, then what else its wildcards say but for the seed.
        settings: what it ran with, without the number of epochs.
        work: in the unit of SIZES; None where the size of the data is not known.
        source: `record of small` or `benchmark of small`.
    """

    rule: str
    what: tuple[str, ...]
    preset: str
    settings: Any
    work: float | None
    seconds: float
    memory_mb: float
    threads: int
    gpu: bool
    hardware: str
    source: str


@dataclass(frozen=True)
class Benchmark:
    """A benchmark file: wall seconds and the largest resident memory in MB, None where Snakemake saw none."""

    seconds: float
    memory_mb: float | None

    @classmethod
    def read(cls, path: Path) -> "Benchmark | None":
        """The mean of its repeats; None where the file is not there or not whole."""
        try:
            head, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
            cells = [dict(zip(head, row, strict=True)) for row in rows]
            seconds = [float(row["s"]) for row in cells]
            memory = [float(row["max_rss"]) for row in cells if row["max_rss"] not in ("-", "NA")]
            return cls(sum(seconds) / len(seconds), max(memory, default=None))
        except (OSError, ValueError, KeyError, ZeroDivisionError):
            return None


def without_epochs(settings: Any) -> tuple[Any, float]:
    """Settings of a training without its number of epochs, and that number (1 where it is 0 or not there).

    Keys of a pre-training that came after it have the default, which is what it did. The sizes of its perturbations,
    which cost the same whatever they are, have the default too.
    """
    with contextlib.suppress(pydantic.ValidationError):
        made = recorded(settings)
        settings = moved(made, default_point()).model_dump(mode="json")
    for part in ("optimiser", "training"):
        if isinstance(settings, dict) and "epochs" in settings.get(part, {}):
            rest = {name: value for name, value in settings[part].items() if name != "epochs"}
            return {**settings, part: rest}, max(1.0, settings[part]["epochs"])
    return settings, 1.0


class Sizes:
    """How large data sets are: by the catalogues, and by the descriptions that earlier runs made of them."""

    def __init__(self, folder: Path) -> None:
        self.described: dict[str, Any] = {}
        for path in sorted(folder.glob("results/*/records/data/*.json")):
            self.described[path.stem] = read_json(path)

    def work(self, rule: str, dataset: str, epochs: float, size: int) -> float | None:
        """How much a job has to do, in the unit of SIZES; None for a data set that nothing here has counted.

        Args:
            size: pixels along an edge of an image.
        """
        if rule == "pretrain_tu":
            return _times(epochs, self._nodes_and_edges(dataset))
        if rule == "probe_tu":
            return _times(1.0, self._graphs(dataset), 2)
        try:
            counts = image_catalog.entry(dataset).expected
        except UserError:
            return None  # a set of the user's own
        return epochs * sum(counts.classes.values()) * size**2 if counts else None

    def _graphs(self, dataset: str) -> float | None:
        if dataset in self.described:
            return self.described[dataset]["graphs"]
        expected = self._expected(dataset)
        return expected.graphs if expected else None

    def _nodes_and_edges(self, dataset: str) -> float | None:
        if dataset in self.described:
            return self.described[dataset]["nodes"] + self.described[dataset]["directed_edges"] / 4
        expected = self._expected(dataset)
        if expected is None or expected.mean_nodes is None or expected.directed_edges is None:
            return None
        return expected.graphs * expected.mean_nodes + expected.directed_edges / 4

    @staticmethod
    def _expected(dataset: str) -> catalog.Expected | None:
        try:
            return catalog.entry(dataset).expected
        except UserError:
            return None


def _times(factor: float, size: float | None, power: int = 1) -> float | None:
    return None if size is None else factor * size**power


def what(job: Job) -> tuple[str, ...]:
    """The wildcards of a job but for the seed, the data set first."""
    return tuple(job.wildcards.get(name, "") for name in ("dataset", "method", "reading", "split", "model"))


def image_size(job: Job) -> int:
    """Pixels along an edge of the images that a job reads; 0 where it reads none."""
    found = [int(match[1]) for path in job.inputs if (match := _STORED_SIZE.search(path))]
    return found[0] if found else 0


def measurements(folder: Path) -> list[Measured]:
    """Everything that the records of all presets below `folder`/results say of the stages' cost.

    Raises:
        UserError: a record cannot be read.
    """
    sizes = Sizes(folder)
    return [
        found
        for records in sorted(folder.glob("results/*/records"))
        for found in [*_graphs(records, folder, sizes), *_images(records, folder, sizes)]
    ]


def _graphs(records: Path, folder: Path, sizes: Sizes) -> Iterator[Measured]:
    for path in sorted([*records.glob("tu/**/*.json"), *records.glob("sensitivity/tu/**/*.json")]):
        record = Record.read(path)
        key = (record.dataset, record.method, record.reading, "", "")
        name = f"{record.dataset}-{record.method}-{record.reading}-{record.seed}"
        stages = {"probe_tu": (record.settings["svm"], record.cost.probe_seconds)}
        if record.method != "shuffled_labels":  # it evaluates the encoder of another method
            stages["pretrain_tu"] = record.settings["pretrain"], record.cost.pretrain_seconds
        for rule, (settings, seconds) in stages.items():
            rest, epochs = without_epochs(settings)
            amount = sizes.work(rule, record.dataset, epochs, 0)
            threads = int(record.details.get("threads", 1))
            yield _measured(rule, key, record, rest, amount, seconds, threads, name, folder)


def _images(records: Path, folder: Path, sizes: Sizes) -> Iterator[Measured]:
    for path in sorted(records.glob("images/**/*.json")):
        record = ImageRecord.read(path)
        key = (record.dataset, "", "", record.split, record.model)
        name = f"{record.dataset}-{record.split}-{record.model}-{record.seed}"
        trained, epochs = without_epochs(record.settings["classify"])
        threads = max([int(found) for found in re.findall(r"--threads (\d+)", " ".join(record.commands))], default=1)
        for rule, settings, times, seconds in (
            ("classify", trained, epochs, record.cost.train_seconds),
            ("assess", [record.settings["evaluation"], record.settings["classify"]["model"]], 1.0,
             record.cost.assess_seconds),
        ):  # fmt: skip
            amount = sizes.work(rule, record.dataset, times, record.size)
            yield _measured(rule, key, record, settings, amount, seconds, threads, name, folder)


def _measured(
    rule: str,
    key: tuple[str, ...],
    record: Record | ImageRecord,
    settings: Any,
    amount: float | None,
    seconds: float,
    threads: int,
    name: str,
    folder: Path,
) -> Measured:
    """A stage of a record, with the benchmark file of the same job where it is there and not of another stage's run."""
    stage = _FOLDERS.get(rule, rule)
    timed = Benchmark.read(folder / "benchmarks" / record.preset / stage / f"{name}.tsv")
    memory, source = record.cost.peak_memory_mb, "record"
    if timed and timed.seconds >= seconds:  # shorter: a resumed run; the record counts all of it
        seconds, source = timed.seconds, "benchmark"
        memory = timed.memory_mb or memory
    gpu = rule != "probe_tu" and record.cost.device.startswith("cuda")
    return Measured(
        rule, key, record.preset, settings, amount, seconds, memory, threads, gpu, record.cost.hardware,
        f"{source} of {record.preset}",
    )  # fmt: skip
