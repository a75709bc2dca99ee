"""Paths of what is made of pre-trained molecule encoders, and what each of its jobs may ask of the machine."""

TRANSFER_RECORD = f"{RESULTS}/records/transfer/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"
TRANSFER_STATES = f"{RESULTS}/runs/transfer/{{dataset}}/{{method}}/{{reading}}"
MEASURE_RECORD = f"{RESULTS}/records/measure/{{width}}.json"
TRANSFER_TABLES = ("table1", "table6")
MEASURED = [method for method in ("graphcl", "khan_gcl", "attr_masking") if method in SETTINGS.molecules.methods]


wildcard_constraints:
    width=r"\d+",


def transfer_records():
    """The wanted records of all methods and controls on all sets."""
    molecules = SETTINGS.molecules
    return wanted(
        TRANSFER_RECORD.format(dataset=dataset, method=method, reading=reading, seed=seed)
        for dataset in molecules.datasets
        for method in (*molecules.methods, *molecules.controls)
        for reading in molecules.readings_of(method)
        for seed in molecules.seeds
    )


def measure_records():
    """The wanted records of clocked steps."""
    widths = SETTINGS.molecules.measure.widths if SETTINGS.molecules.pretrain_set and MEASURED else []
    return wanted(MEASURE_RECORD.format(width=width) for width in widths)


def split_pattern(dataset):
    """A set's split; with random splits each seed has its own, and the name holds {seed}."""
    seed = "{seed}" if SETTINGS.molecules.split == "random-scaffold" else 0
    return MOLECULE_SPLIT.format(dataset=dataset, scaffold_split=SETTINGS.molecules.split, seed=seed)


def encoder_pattern(method, reading):
    """The encoder of a method; encoders that were never trained are one a seed, and the name holds {seed}."""
    new = max(SETTINGS.molecules.seeds) + 1
    seed = SETTINGS.molecules.seed_of(method, new)
    place = {"dataset": SETTINGS.molecules.pretrain_set, "method": method, "reading": reading}
    return f"{MOLECULE_RUN}/encoder.safetensors".format(**place, seed="{seed}" if seed == new else seed)


def for_all_seeds(pattern):
    """The files that a name with {seed} stands for."""
    return sorted({pattern.replace("{seed}", str(seed)) for seed in SETTINGS.molecules.seeds})


def measured_settings():
    """method/reading -> settings of the pre-trainings that are clocked."""
    pairs = [(method, reading) for method in MEASURED for reading in SETTINGS.molecules.readings_of(method)]
    made = {f"{m}/{r}": SETTINGS.molecules.pretrain_settings(m, r).model_dump(mode="json") for m, r in pairs}
    return json.dumps(made, sort_keys=True)


def finetuning_minutes(wildcards, attempt):
    """A bound of the minutes of all seeds; twice as many at the second attempt."""
    molecules = SETTINGS.molecules
    encoder, seeds = molecules.pretrain.encoder, len(molecules.seeds)
    work = seeds * molecules.finetune.epochs * molecule_rows(wildcards.dataset) * encoder.layers * encoder.hidden**2
    return int(attempt * (30 + work / (1e10 if SETTINGS.gpu == 0 else 4e11)))


def fingerprint_minutes(wildcards, attempt):
    """A bound of the minutes of all seeds; a set with hundreds of tasks takes hours."""
    entry = MOLECULE_ENTRIES[wildcards.dataset]
    tasks = 620 if entry.tasks == "others" else len(entry.tasks)
    return int(attempt * (30 + len(SETTINGS.molecules.seeds) * tasks * molecule_rows(wildcards.dataset) / 1e5))


def transfer_options(option, files):
    """What a report stage is told of records: nothing where there are none."""
    return f"--{option} {' '.join(files)}" if files else ""
