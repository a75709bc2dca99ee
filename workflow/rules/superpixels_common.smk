"""Paths of the superpixel experiments, what they need, and what each of their jobs may ask of the machine."""

from kanrepro.superpixels import catalog as superpixel_catalog

DIGITS = SETTINGS.superpixels.dataset
try:
    DIGIT_ENTRY = superpixel_catalog.entry(DIGITS, SETTINGS.data.superpixel_catalog) if DIGITS else None
except UserError as error:
    raise WorkflowError(str(error)) from None

IDX_FILE = "resources/downloads/superpixels/{dataset}-{part}-{kind}.gz"
SUPERPIXELS = "resources/superpixels/{dataset}-{part}"
SUPERPIXEL_DESCRIPTION = f"{RESULTS}/records/data-superpixels/{{dataset}}.json"
SUPERPIXEL_SPLIT = f"{RESULTS}/runs/superpixels/{{dataset}}/split-{{seed}}.json"
SUPERPIXEL_RUN = f"{RESULTS}/runs/superpixels/{{dataset}}/{{method}}/{{reading}}/{{seed}}"
SUPERPIXEL_STATES = f"{SUPERPIXEL_RUN}/finetune"
SUPERPIXEL_RECORD = f"{RESULTS}/records/superpixels/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"
RETRIEVAL = f"{RESULTS}/records/retrieval/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"
SUPERPIXEL_CATALOGS = " ".join(f"--catalog {shlex.quote(path)}" for path in SETTINGS.data.superpixel_catalog)
SUPERPIXEL_DESCRIPTIONS = described(SUPERPIXEL_DESCRIPTION, [DIGITS] if DIGITS else [])


def idx_files(wildcards):
    """The images and labels of a part; the demo set comes with scikit-learn."""
    if DIGIT_ENTRY.train is None:
        return {}
    return {
        kind: IDX_FILE.format(dataset=wildcards.dataset, part=wildcards.part, kind=kind)
        for kind in superpixel_catalog.KINDS
    }


def digit_images(dataset):
    """The images of both parts, training first; none where they come with scikit-learn."""
    if DIGIT_ENTRY.train is None:
        return {}
    return {"images": expand(IDX_FILE, dataset=dataset, part=superpixel_catalog.PARTS, kind="images")}


def digits(part):
    """How many images a part has."""
    return getattr(DIGIT_ENTRY.expected, part)


def digit_runs(pattern, names, seeds):
    """The wanted files of these methods and controls, in every reading of each."""
    return wanted(
        pattern.format(dataset=DIGITS, method=method, reading=reading, seed=seed)
        for method in (names if DIGITS else ())
        for reading in SETTINGS.superpixels.readings_of(method)
        for seed in seeds
    )


def digit_encoder(wildcards):
    """The encoder that a fine-tuning begins with."""
    seed = SETTINGS.superpixels.seed_of(wildcards.method, int(wildcards.seed))
    return f"{SUPERPIXEL_RUN}/encoder.safetensors".format(**{**wildcards, "seed": seed})


def digit_minutes(wildcards, attempt):
    """A bound of a pre-training's minutes; twice as many at the second attempt."""
    given = SETTINGS.superpixels
    graphs = min(given.limit or digits("train"), digits("train"))
    epochs = given.pretrain_settings(wildcards.method, wildcards.reading).optimiser.epochs
    return int(attempt * (20 + epochs * graphs / (40_000 if SETTINGS.gpu else 4_000)))


def digit_memory_mb(wildcards, attempt):
    """MB of memory; twice as many at the second attempt."""
    return int(attempt * (2500 + digits("train") / 20))


TABLE7 = digit_runs(
    SUPERPIXEL_RECORD,
    [*SETTINGS.superpixels.methods, *SETTINGS.superpixels.controls],
    SETTINGS.superpixels.seeds,
)
RETRIEVALS = digit_runs(
    RETRIEVAL,
    [m for m in SETTINGS.superpixels.methods if m == SETTINGS.superpixels.retrieval.method],
    [SETTINGS.superpixels.pretrain_seed],
)
