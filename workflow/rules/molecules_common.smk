"""Paths of the molecule sets, what they need, and what each of their jobs may ask of the machine."""

from kanrepro.molecules import catalog as molecule_catalog

try:
    MOLECULE_ENTRIES = {
        name: molecule_catalog.entry(name, SETTINGS.data.molecule_catalog) for name in SETTINGS.molecules.sets
    }
except UserError as error:
    raise WorkflowError(str(error)) from None

MOLECULE_FILE = "resources/downloads/molecules/{dataset}.{file}"
MOLECULE_PART = "resources/molecules/shards/{dataset}/part-{part}-of-{parts}.json"
MOLECULES = "resources/molecules/{dataset}"
MOLECULE_SPLIT = f"{MOLECULES}.{{scaffold_split}}-{{seed}}.json"
MOLECULE_DESCRIPTION = f"{RESULTS}/records/data-molecules/{{dataset}}.json"
MOLECULE_RUN = f"{RESULTS}/runs/molecules/{{dataset}}/{{method}}/{{reading}}/{{seed}}"
MOLECULE_CATALOGS = " ".join(f"--catalog {shlex.quote(path)}" for path in SETTINGS.data.molecule_catalog)


wildcard_constraints:
    file=r"\d+",
    parts=r"\d+",
    scaffold_split="scaffold|scaffold-stable|random-scaffold",


def molecule_files(wildcards):
    """The files that a set is prepared from, in the catalogue's order; the demo sets come with RDKit."""
    count = len(MOLECULE_ENTRIES[wildcards.dataset].files)
    return [MOLECULE_FILE.format(dataset=wildcards.dataset, file=number + 1) for number in range(count)]


def molecule_rows(dataset):
    """How many rows a set has, about."""
    expected = MOLECULE_ENTRIES[dataset].expected
    return expected.rows or expected.molecules or 10_000


def molecule_parts(wildcards):
    """The reports of a set's shards: one job for every 500,000 rows."""
    parts = -(-molecule_rows(wildcards.dataset) // 500_000)
    return [MOLECULE_PART.format(dataset=wildcards.dataset, part=part + 1, parts=parts) for part in range(parts)]


def molecule_splits(wildcards):
    """The splits of a set with labels: one, or one a seed where they are drawn at random."""
    if not MOLECULE_ENTRIES[wildcards.dataset].tasks:
        return []
    split = SETTINGS.molecules.split
    seeds = SETTINGS.molecules.seeds if split == "random-scaffold" else [0]
    return [MOLECULE_SPLIT.format(dataset=wildcards.dataset, scaffold_split=split, seed=seed) for seed in seeds]


MOLECULE_DESCRIPTIONS = described(MOLECULE_DESCRIPTION, list(dict.fromkeys(SETTINGS.molecules.sets)))


def molecule_memory_mb(wildcards, attempt):
    """MB of memory; twice as many at the second attempt."""
    return int(attempt * (1000 + molecule_rows(wildcards.dataset) / 1500))


def molecule_encoder(method, reading, seed):
    """The encoder that fine-tuning `seed` begins with."""
    place = {"dataset": SETTINGS.molecules.pretrain_set, "method": method, "reading": reading}
    return f"{MOLECULE_RUN}/encoder.safetensors".format(**place, seed=SETTINGS.molecules.seed_of(method, seed))


def molecule_pretrainings(names):
    """(method, reading) of all that is pre-trained, or taken as it is initialised, among the methods `names`."""
    pairs = [(method, reading) for method in names for reading in SETTINGS.molecules.readings_of(method)]
    return [(method, reading) for method, reading in pairs if method in methods.ALL]


MOLECULE_ENCODERS = sorted(
    {
        molecule_encoder(method, reading, seed)
        for method, reading in molecule_pretrainings((*SETTINGS.molecules.methods, *SETTINGS.molecules.controls))
        for seed in SETTINGS.molecules.seeds
        if SETTINGS.molecules.pretrain_set
    }
)
MOLECULE_HISTORIES = wanted(
    molecule_encoder(method, reading, 0).replace("encoder.safetensors", "history.csv")
    for method, reading in molecule_pretrainings(SETTINGS.molecules.methods)
    if SETTINGS.molecules.pretrain_set
)


def molecule_launcher():
    """What starts a pre-training: one process, or one a GPU."""
    count = SETTINGS.molecules.processes
    return "python" if count == 1 else f"torchrun --standalone --nproc-per-node {count}"


def pretraining_molecules(wildcards):
    """How many molecules a pre-training sees in an epoch."""
    rows = molecule_rows(wildcards.dataset)
    return min(rows, SETTINGS.molecules.limit or rows)


def pretraining_minutes(wildcards, attempt):
    """A bound of a pre-training's minutes; twice as many at the second attempt."""
    settings = SETTINGS.molecules.pretrain_settings(wildcards.method, wildcards.reading)
    seen = settings.optimiser.epochs * pretraining_molecules(wildcards)
    work = seen * settings.encoder.layers * settings.encoder.hidden**2  # a step of 300 x 5 takes seconds on a core
    return int(attempt * (15 + work / (1e10 if SETTINGS.gpu == 0 else 4e11)))


def pretraining_memory_mb(wildcards, attempt):
    """MB of memory; twice as many at the second attempt."""
    hidden = SETTINGS.molecules.pretrain.encoder.hidden
    return int(attempt * (3000 + molecule_rows(wildcards.dataset) / 1500 + 10 * hidden))
