"""The jobs on molecules: paths, wanted records, and what each may ask of the machine."""

import json
from collections.abc import Iterable, Sequence

from kanrepro.core.jobs import FamilyJobs, Place, Wildcards
from kanrepro.core.provenance import code_digest
from kanrepro.methods.folder import built_in, find
from kanrepro.molecules import catalog
from kanrepro.molecules.settings import FINGERPRINT, MoleculeSettings

ROWS_OF_A_SHARD = 500_000
CLOCKED = ("graphcl", "khan_gcl", "attr_masking")  # the steps that table 6 compares


class Jobs(FamilyJobs[MoleculeSettings, catalog.MoleculeEntry]):
    """What the rules of the family read. Arguments and errors as of `FamilyJobs`."""

    file = "resources/downloads/molecules/{dataset}.{file}"
    part = "resources/molecules/shards/{dataset}/part-{part}-of-{parts}.json"
    store = "resources/molecules/{dataset}.safetensors"
    split = "resources/molecules/{dataset}.{scaffold_split}-{seed}.json"

    def __init__(self, place: Place, settings: MoleculeSettings, catalogs: Sequence[str]) -> None:
        super().__init__(place, settings, settings.sets, catalog.CATALOG, catalogs)
        self.description = f"{place.results}/records/data-molecules/{{dataset}}.json"
        self.run = f"{place.results}/runs/molecules/{{dataset}}/{{method}}/{{reading}}/{{seed}}"
        self.record = f"{place.results}/records/transfer/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"
        self.states = f"{place.results}/runs/transfer/{{dataset}}/{{method}}/{{reading}}"
        self.measure = f"{place.results}/records/measure/{{width}}.json"
        self.descriptions = place.described(self.description, self.entries)
        self.clocked = [method for method in CLOCKED if method in settings.methods]

    # what is wanted

    def files(self, wildcards: Wildcards) -> list[str]:
        """The files that a set is prepared from, in the catalogue's order; the demo sets come with RDKit."""
        return self._files(wildcards.dataset)

    def _files(self, dataset: str) -> list[str]:
        return [self.file.format(dataset=dataset, file=i + 1) for i in range(len(self.entries[dataset].files))]

    @property
    def downloads(self) -> list[str]:
        """All files that come from the network."""
        return [path for dataset in self.entries for path in self._files(dataset)]

    def parts(self, wildcards: Wildcards) -> list[str]:
        """The reports of a set's shards."""
        parts = -(-self.rows(wildcards.dataset) // ROWS_OF_A_SHARD)
        return [self.part.format(dataset=wildcards.dataset, part=part + 1, parts=parts) for part in range(parts)]

    def splits(self, wildcards: Wildcards) -> list[str]:
        """The splits of a set with labels: one, or one a seed where they are drawn at random."""
        return self.for_all_seeds(self.split_of(wildcards.dataset)) if self.entries[wildcards.dataset].tasks else []

    def split_of(self, dataset: str) -> str:
        """A set's split; with random splits each seed has its own, and the name holds {seed}."""
        seed = "{seed}" if self.settings.split == "random-scaffold" else 0
        return self.split.format(dataset=dataset, scaffold_split=self.settings.split, seed=seed)

    def encoder_of(self, method: str, reading: str) -> str:
        """The encoder of a method; encoders that were never trained are one a seed, and the name holds {seed}."""
        any_seed = -1
        seed = self.settings.seed_of(method, any_seed)
        place = {"dataset": self.settings.pretrain_set, "method": method, "reading": reading}
        return f"{self.run}/encoder.safetensors".format(**place, seed="{seed}" if seed == any_seed else seed)

    def for_all_seeds(self, pattern: str) -> list[str]:
        """The files that a name with {seed} stands for."""
        return list(dict.fromkeys(pattern.replace("{seed}", str(seed)) for seed in self.settings.seeds))

    def pretrainings(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """(method, reading) of all that is pre-trained, or taken as it is initialised, among methods and controls."""
        pairs = [(method, reading) for method in names for reading in self.settings.readings_of(method)]
        return [(method, reading) for method, reading in pairs if method != FINGERPRINT and self.settings.pretrain_set]

    @property
    def trainable(self) -> str:
        """A pattern of all that has an encoder."""
        return "|".join(dict.fromkeys([*built_in(), *self.settings.methods]))

    def encoders(self) -> list[str]:
        """All encoders that are fine-tuned."""
        named = self.pretrainings((*self.settings.methods, *self.settings.controls))
        return sorted({path for pair in named for path in self.for_all_seeds(self.encoder_of(*pair))})

    def histories(self) -> list[str]:
        """The histories of the pre-trainings; the first fine-tuning of each has its record on the first set."""
        first = {"dataset": (*self.settings.datasets, "")[0], "seed": self.settings.seeds[0]}
        return self.place.left(
            (
                self.encoder_of(method, reading).replace("encoder.safetensors", "history.csv"),
                self.record.format(**first, method=method, reading=reading),
            )
            for method, reading in self.pretrainings(self.settings.methods)
        )

    @property
    def others(self) -> str:
        """A digest of what lies there beside the wanted records."""
        kinds = ("transfer", "measure", "data-molecules")
        return self.place.beside(kinds, [*self.records(), *self.measures(), *self.descriptions])

    def records(self) -> list[str]:
        """The wanted records of all methods and controls on all sets."""
        return self.place.wanted(
            self.record.format(dataset=dataset, method=method, reading=reading, seed=seed)
            for dataset in self.settings.datasets
            for method in (*self.settings.methods, *self.settings.controls)
            for reading in self.settings.readings_of(method)
            for seed in self.settings.seeds
        )

    def measures(self) -> list[str]:
        """The wanted records of clocked steps."""
        widths = self.settings.measure.widths if self.settings.pretrain_set and self.clocked else []
        return self.place.wanted(self.measure.format(width=width) for width in widths)

    def clocked_settings(self) -> str:
        """method/reading -> settings of the pre-trainings that are clocked, as JSON."""
        pairs = [(method, reading) for method in self.clocked for reading in self.settings.readings_of(method)]
        made = {f"{m}/{r}": self.settings.pretrain_settings(m, r).model_dump(mode="json") for m, r in pairs}
        return json.dumps(made, sort_keys=True)

    def clocking_code(self) -> str:
        """A digest of the code that takes and clocks these steps."""
        return code_digest("kanrepro.molecules.measure", *(find(method).source for method in self.clocked))

    def launcher(self) -> str:
        """What starts a pre-training: one process, or one a GPU."""
        count = self.settings.processes
        return "python" if count == 1 else f"torchrun --standalone --nproc-per-node {count}"

    # what a job may ask of the machine; each twice as much at the second attempt

    def rows(self, dataset: str) -> int:
        """How many rows a set has, about."""
        expected = self.entries[dataset].expected
        return expected.rows or expected.molecules or 10_000

    def memory_mb(self, wildcards: Wildcards, attempt: int) -> int:
        """MB of memory."""
        return int(attempt * (1000 + self.rows(wildcards.dataset) / 1500))

    def pretraining_memory_mb(self, wildcards: Wildcards, attempt: int) -> int:
        """MB of memory of a pre-training."""
        hidden = self.settings.pretrain.encoder.hidden
        return int(attempt * (3000 + self.rows(wildcards.dataset) / 1500 + 10 * hidden))

    def pretraining_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """A bound of a pre-training's minutes."""
        settings = self.settings.pretrain_settings(wildcards.method, wildcards.reading)
        rows = self.rows(wildcards.dataset)
        seen = settings.optimiser.epochs * min(rows, self.settings.limit or rows)
        return self._minutes(attempt, 15, seen * settings.encoder.layers * settings.encoder.hidden**2)

    def finetuning_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """A bound of the minutes of all seeds."""
        encoder, seen = self.settings.pretrain.encoder, self.settings.finetune.epochs * self.rows(wildcards.dataset)
        return self._minutes(attempt, 30, len(self.settings.seeds) * seen * encoder.layers * encoder.hidden**2)

    def _minutes(self, attempt: int, least: int, work: float) -> int:
        """`work`: products of weights and nodes; a step of 300 x 5 takes seconds on a core."""
        return int(attempt * (least + work / (1e10 if self.place.gpu == 0 else 4e11)))

    def fingerprint_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """A bound of the minutes of all seeds; a set with hundreds of tasks takes hours."""
        entry = self.entries[wildcards.dataset]
        tasks = 620 if entry.tasks == "others" else len(entry.tasks)
        return int(attempt * (30 + len(self.settings.seeds) * tasks * self.rows(wildcards.dataset) / 1e5))
