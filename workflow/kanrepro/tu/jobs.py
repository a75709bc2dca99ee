"""The jobs on TU sets: paths, wanted records, and what each may ask of the machine."""

from collections.abc import Iterable, Sequence

from kanrepro.core.jobs import FamilyJobs, Place, Wildcards
from kanrepro.methods.folder import find
from kanrepro.methods.readings import readings_of
from kanrepro.tu import catalog
from kanrepro.tu.settings import TuSettings


class Jobs(FamilyJobs[TuSettings, catalog.Entry]):
    """What the rules of the family read. Arguments and errors as of `FamilyJobs`."""

    archive = "resources/downloads/tu/{dataset}.zip"
    store = "resources/tu/{dataset}.safetensors"

    def __init__(self, place: Place, settings: TuSettings, catalogs: Sequence[str]) -> None:
        super().__init__(place, settings, settings.datasets, catalog.CATALOG, catalogs)
        self.folds = f"resources/tu/{{dataset}}.folds{settings.svm.folds}-{{seed}}.json"
        self.run = f"{place.results}/runs/tu/{{dataset}}/{{method}}/{{reading}}/{{seed}}"
        self.record = f"{place.results}/records/tu/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"
        self.description = f"{place.results}/records/data/{{dataset}}.json"
        self.descriptions = place.described(self.description, settings.datasets)

    def archives(self, wildcards: Wildcards) -> list[str]:
        """The archive of a set in TU format; the demo sets come with RDKit."""
        return [path for path in self.downloads if path == self.archive.format(dataset=wildcards.dataset)]

    @property
    def downloads(self) -> list[str]:
        """All files that come from the network."""
        return [self.archive.format(dataset=n) for n, entry in self.entries.items() if entry.format != "rdkit"]

    def records(self, methods: Iterable[str]) -> list[str]:
        """The wanted records of methods or controls on every data set."""
        return self.place.wanted(
            self.record.format(dataset=dataset, method=method, reading=reading, seed=seed)
            for dataset in self.entries
            for method in methods
            for reading in self.readings(dataset, method)
            for seed in self.settings.seeds
        )

    def histories(self) -> list[str]:
        """The histories of one run of each method, in each reading."""
        place = {"seed": self.settings.seeds[0]}
        return self.place.left(
            (f"{self.run}/history.csv".format(**run), self.record.format(**run))
            for dataset in self.entries
            for method in self.settings.methods
            for reading in self.readings(dataset, method)
            for run in [{**place, "dataset": dataset, "method": method, "reading": reading}]
        )

    @property
    def others(self) -> str:
        """A digest of what lies there beside the wanted records."""
        methods = [*self.settings.methods, *self.settings.controls]
        return self.place.beside(("tu", "data"), [*self.records(methods), *self.descriptions])

    def readings(self, dataset: str, method: str) -> list[str]:
        """The readings in which a method is run on a set."""
        return readings_of(method, list(self.settings.readings), bool(self.entries[dataset].expected.node_labels))

    def encoder(self, wildcards: Wildcards) -> str:
        """The encoder that a record evaluates: its own, or for shuffled labels that of the full method."""
        method = find(wildcards.method).encoder_of or wildcards.method
        place = {"dataset": wildcards.dataset, "reading": wildcards.reading, "seed": wildcards.seed}
        return f"{self.run}/encoder.safetensors".format(method=method, **place)

    def values(self, dataset: str) -> float:
        """About how many numbers the largest intermediate result of a set has: what memory and time grow with."""
        expected = self.entries[dataset].expected
        nodes = expected.graphs * (expected.mean_nodes or 100)
        return nodes + (expected.directed_edges or 10 * nodes) / 4

    def memory_mb(self, wildcards: Wildcards, attempt: int) -> int:
        """MB of memory; twice as many at the second attempt, as are minutes."""
        return int(attempt * (2000 + self.values(wildcards.dataset) / 500))

    def training_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """A bound of a training's minutes."""
        epochs = self.settings.pretrain_settings(wildcards.method, wildcards.reading).optimiser.epochs
        return int(attempt * (15 + epochs * self.values(wildcards.dataset) / 5e5))

    def evaluation_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """A bound of an evaluation's minutes; SVMs grow with the square of the number of graphs."""
        return int(attempt * (15 + (self.entries[wildcards.dataset].expected.graphs / 300) ** 2))
