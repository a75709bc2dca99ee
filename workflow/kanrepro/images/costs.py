"""What training and assessing image classifiers take."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kanrepro.core.costs import Costs, Job, Ran, what, without_epochs
from kanrepro.core.errors import UserError
from kanrepro.images import catalog
from kanrepro.images.record import ImageRecord

_STORED_SIZE = re.compile(r"-(\d+)\.safetensors$")


class ImageCosts(Costs):
    """By records; `size`: pixels along an edge."""

    grows = {"classify": "epochs x images x pixels", "assess": "images x pixels"}
    light = frozenset({"split_images", "describe_images", "image_table", "image_figure"})

    def ran(self, records: Path) -> Iterator[Ran]:
        for path in sorted(records.glob("images/**/*.json")):
            record = ImageRecord.read(path)
            key = what(dataset=record.dataset, split=record.split, model=record.model)
            name = f"{record.dataset}-{record.split}-{record.model}-{record.seed}.tsv"
            trained, epochs = without_epochs(record.settings["classify"])
            threads = re.findall(r"--threads (\d+)", " ".join(record.commands))
            assessed = [record.settings["evaluation"], record.settings["classify"]["model"]]
            for rule, settings, times, seconds in (
                ("classify", trained, epochs, record.cost.train_seconds),
                ("assess", assessed, 1.0, record.cost.assess_seconds),
            ):
                yield Ran(
                    rule, key, record.preset, settings, times,
                    record.size, seconds, record.cost.peak_memory_mb, max(map(int, threads), default=1),
                    record.cost.device.startswith("cuda"), record.cost.hardware, f"{rule}/{name}",
                )  # fmt: skip

    def work(self, rule: str, dataset: str, epochs: float, size: int, described: Mapping[str, Any]) -> float | None:
        try:
            counts = catalog.entry(dataset).expected
        except UserError:
            return None  # a set of the user's own
        return epochs * sum(counts.classes.values()) * size**2 if counts else None

    def asked(self, job: Job, makers: Mapping[str, Job]) -> tuple[Any, float, int]:
        settings, epochs = without_epochs(job.settings)
        sizes = [int(match[1]) for path in job.inputs if (match := _STORED_SIZE.search(path))]
        if job.rule == "assess":
            trained = makers.get(job.inputs[0])  # the classifier, if it is to be trained
            settings = [job.settings, (trained.settings or {}).get("model") if trained else None]
        return settings, epochs, sizes[0] if sizes else 0

    def alike(self, ran: Ran, settings: Any, job: Job) -> bool:
        """A classifier that is there already is known by its preset alone."""
        if job.rule == "assess" and settings[1] is None:
            return ran.settings[0] == settings[0] and ran.preset == job.preset
        return ran.settings == settings


COSTS = ImageCosts()
