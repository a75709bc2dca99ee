"""The jobs on medical images: paths, wanted records, and what each may ask of the machine."""

import os
from collections.abc import Container, Sequence
from itertools import product
from pathlib import Path

from kanrepro.core.jobs import FamilyJobs, Place, Wildcards, option
from kanrepro.images import catalog
from kanrepro.images.settings import ImageSettings
from kanrepro.images.variants import IMAGE_MODELS

FORMS = ("deq_kan_shipped", "deq_kan", "deq_kan_certified")  # of the map whose convergence is traced


class Jobs(FamilyJobs[ImageSettings, catalog.ImageEntry]):
    """What the rules of the family read. Arguments and errors as of `FamilyJobs`."""

    source = "resources/downloads/images/{dataset}.{part}"
    store = "resources/images/{dataset}-{size}.safetensors"
    split = "resources/images/{dataset}-{size}.{split}-{seed}.json"

    def __init__(self, place: Place, settings: ImageSettings, catalogs: Sequence[str]) -> None:
        super().__init__(place, settings, (name for name, _ in settings.tasks), catalog.CATALOG, catalogs)
        self.description = f"{place.results}/records/data-images/{{dataset}}.json"
        self.run = f"{place.results}/runs/images/{{dataset}}/{{split}}/{{model}}/{{seed}}"
        self.record = f"{place.results}/records/images/{{dataset}}/{{split}}/{{model}}-{{seed}}.json"
        self._records = Path(place.results, "records/images")
        self.trace = f"{place.results}/records/traces/{{dataset}}.json"
        self.memory = f"{place.results}/records/memory.json"
        self.forms = [form for form in FORMS if form in settings.models]
        self.descriptions = place.wanted(self.description.format(dataset=name) for name in settings.datasets)
        self.records = place.wanted(record for _, record in self._runs(settings.tasks))
        self.others = place.beside(("images",), self.records)
        # all that lies there is shown: what is asked for in its order, then the rest
        lying = [path.relative_to(self._records).parts for path in sorted(self._records.glob("*/*/*.json"))]
        self.datasets = list(dict.fromkeys([*settings.datasets, *(path[0] for path in lying)]))
        models = {path[2].rpartition("-")[0] for path in lying if path[1] == settings.split}
        self.models = list(dict.fromkeys([*settings.models, *(model for model in IMAGE_MODELS if model in models)]))
        self.figures = self._figures()
        # some of it may not be there; without image sets nothing is wanted
        self.drawn = [name for name, given in self.figures.items() if settings.datasets and all(given.values())]
        self.shown = [n for n in self.figures if n in self.drawn or os.path.exists(place.figure_files(n)[0])]

    def _figures(self) -> dict[str, dict[str, list[str]]]:
        """What each figure is drawn from, by the option that says so."""
        compared = {(dataset, self.settings.split) for dataset in self.settings.datasets}
        records = {"records": self.records}
        stores = [self.store.format(dataset=name, size=self.settings.size) for name in self.settings.datasets]
        traces = [self.trace.format(dataset=name) for name in self.settings.datasets]
        return {
            "images-confusion": records,
            "images-roc": records,
            "images-robustness": records,
            "images-examples": {**records, "stores": self.place.left(product(stores, self.records[:1]))},
            "images-curves": {
                "histories": self.place.left((f"{run}/history.csv", record) for run, record in self._runs(compared))
            },
            "images-residuals": {"traces": self.place.wanted(traces)},
            "images-memory": {"memory": self.place.wanted([self.memory])},
        }

    def _runs(self, tasks: Container[tuple[str, str]]) -> list[tuple[str, str]]:
        """(folder, record) of all runs of some (data set, split)."""
        return [
            (self.run.format(**place), self.record.format(**place))
            for (dataset, split), models in self.settings.tasks.items()
            if (dataset, split) in tasks
            for model in models
            for seed in self.settings.seeds
            for place in [{"dataset": dataset, "split": split, "model": model, "seed": seed}]
        ]

    @property
    def page_options(self) -> str:
        """What the page is told of the comparison: nothing where there are no records."""
        split = f"--image-split {self.settings.split}"
        return f"{split} {option('image-models', self.models)}" if self.records else ""

    def sources(self, wildcards: Wildcards) -> dict[str, str]:
        """The files that a set is prepared from; the demo sets come with scikit-learn."""
        return self._sources(wildcards.dataset)

    def _sources(self, dataset: str) -> dict[str, str]:
        entry = self.entries[dataset]
        parts = ([] if entry.format == "sklearn" else ["archive"]) + (["groups"] if entry.groups else [])
        return {part: self.source.format(dataset=dataset, part=part) for part in parts}

    @property
    def downloads(self) -> list[str]:
        """All files that come from the network."""
        return [path for dataset in self.entries for path in self._sources(dataset).values()]

    def store_of(self, wildcards: Wildcards) -> str:
        """The prepared set of the configured size."""
        return self.store.format(dataset=wildcards.dataset, size=self.settings.size)

    def split_of(self, wildcards: Wildcards) -> str:
        """The split of a run."""
        return self._split(wildcards.dataset, wildcards.split, int(wildcards.seed))

    def _split(self, dataset: str, split: str, seed: int) -> str:
        return self.split.format(dataset=dataset, size=self.settings.size, split=split, seed=seed)

    def splits(self, wildcards: Wildcards) -> list[str]:
        """All splits of a set."""
        names = [split for dataset, split in self.settings.tasks if dataset == wildcards.dataset]
        return [self._split(wildcards.dataset, split, seed) for split in names for seed in self.settings.seeds]

    def traced(self, wildcards: Wildcards) -> list[str]:
        """The classifiers of a set whose maps are traced."""
        place = {"dataset": wildcards.dataset, "split": self.settings.split, "seed": self.settings.seeds[0]}
        return [f"{self.run}/model.safetensors".format(**place, model=model) for model in self.forms]

    def traced_split(self, wildcards: Wildcards) -> str:
        """The split of those classifiers."""
        return self._split(wildcards.dataset, self.settings.split, self.settings.seeds[0])

    # what a job may ask of the machine; each twice as much at the second attempt

    def values(self, dataset: str) -> int:
        """How many pixels a set has."""
        entry = self.entries[dataset]
        images = sum(entry.expected.classes.values()) if entry.expected else 10_000
        return images * entry.channels * self.settings.size**2

    def memory_mb(self, wildcards: Wildcards, attempt: int) -> int:
        """MB of memory."""
        return int(attempt * (2000 + 3 * self.values(wildcards.dataset) / 1e6))

    def training_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """A bound of a training's minutes."""
        return int(attempt * (15 + self.settings.classify.training.epochs * self.values(wildcards.dataset) / 1e6))
