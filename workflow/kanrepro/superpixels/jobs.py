"""The jobs on superpixel graphs: paths, wanted records, and what each may ask of the machine."""

from collections.abc import Iterable, Sequence

from kanrepro.core.jobs import FamilyJobs, Place, Wildcards, as_json
from kanrepro.superpixels import catalog
from kanrepro.superpixels.settings import SuperpixelSettings


class Jobs(FamilyJobs[SuperpixelSettings, catalog.SuperpixelEntry]):
    """What the rules of the family read. Arguments and errors as of `FamilyJobs`."""

    file = "resources/downloads/superpixels/{dataset}-{part}-{kind}.gz"
    store = "resources/superpixels/{dataset}-{part}.safetensors"
    train = store.replace("{part}", "train")
    test = store.replace("{part}", "test")

    def __init__(self, place: Place, settings: SuperpixelSettings, catalogs: Sequence[str]) -> None:
        self.datasets = [settings.dataset] if settings.dataset else []
        super().__init__(place, settings, self.datasets, catalog.CATALOG, catalogs)
        self.entry_json = "".join(map(as_json, self.entries.values()))
        self.description = f"{place.results}/records/data-superpixels/{{dataset}}.json"
        self.split = f"{place.results}/runs/superpixels/{{dataset}}/split-{{seed}}.json"
        self.run = f"{place.results}/runs/superpixels/{{dataset}}/{{method}}/{{reading}}/{{seed}}"
        self.record = f"{place.results}/records/superpixels/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"
        self.retrieval = f"{place.results}/records/retrieval/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"
        self.descriptions = place.described(self.description, self.datasets)

    def files(self, wildcards: Wildcards) -> dict[str, str]:
        """The images and labels of a part; the demo set comes with scikit-learn."""
        return self._files(wildcards.dataset, wildcards.part)

    def _files(self, dataset: str, part: str) -> dict[str, str]:
        if self.entries[dataset].train is None:
            return {}
        return {kind: self.file.format(dataset=dataset, part=part, kind=kind) for kind in catalog.KINDS}

    @property
    def downloads(self) -> list[str]:
        """All files that come from the network."""
        return [path for name in self.datasets for part in catalog.PARTS for path in self._files(name, part).values()]

    def images(self, wildcards: Wildcards) -> list[str]:
        """The images of both parts, training first; none where they come with scikit-learn."""
        files = [self._files(wildcards.dataset, part) for part in catalog.PARTS]
        return [kinds["images"] for kinds in files if kinds]

    def stores(self, wildcards: Wildcards) -> list[str]:
        """The graphs of both parts, training first."""
        return [self.store.format(dataset=wildcards.dataset, part=part) for part in catalog.PARTS]

    def records(self) -> list[str]:
        """The wanted records of all methods and controls."""
        return self._runs(self.record, [*self.settings.methods, *self.settings.controls], self.settings.seeds)

    @property
    def others(self) -> str:
        """A digest of what lies there beside the wanted records."""
        return self.place.beside(("superpixels", "data-superpixels"), [*self.records(), *self.descriptions])

    def retrievals(self) -> list[str]:
        """The wanted records of what is nearest to hard negatives."""
        names = [method for method in self.settings.methods if method == self.settings.retrieval.method]
        return self._runs(self.retrieval, names, [self.settings.pretrain_seed])

    def _runs(self, pattern: str, names: Iterable[str], seeds: Iterable[int]) -> list[str]:
        return self.place.wanted(
            pattern.format(dataset=dataset, method=method, reading=reading, seed=seed)
            for dataset in self.datasets
            for method in names
            for reading in self.settings.readings_of(method)
            for seed in seeds
        )

    def encoder(self, wildcards: Wildcards) -> str:
        """The encoder that a fine-tuning begins with."""
        seed = self.settings.seed_of(wildcards.method, int(wildcards.seed))
        place = {"dataset": wildcards.dataset, "method": wildcards.method, "reading": wildcards.reading}
        return f"{self.run}/encoder.safetensors".format(**place, seed=seed)

    # what a job may ask of the machine; each twice as much at the second attempt

    def count(self, dataset: str, part: str) -> int:
        """How many images a part has."""
        return getattr(self.entries[dataset].expected, part)

    def preparation_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """A bound of the minutes that the superpixels of a part take."""
        return int(attempt * (10 + self.count(wildcards.dataset, wildcards.part) / 5000))

    def pretraining_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """A bound of a pre-training's minutes."""
        count = self.count(wildcards.dataset, "train")
        graphs = min(self.settings.limit or count, count)
        epochs = self.settings.pretrain_settings(wildcards.method, wildcards.reading).optimiser.epochs
        return int(attempt * (20 + epochs * graphs / (40_000 if self.place.gpu else 4_000)))

    def memory_mb(self, wildcards: Wildcards, attempt: int) -> int:
        """MB of memory."""
        return int(attempt * (2500 + self.count(wildcards.dataset, "train") / 20))
