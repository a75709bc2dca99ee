"""Paths of the image experiments, what they need, and what each of their jobs may ask of the machine."""

from kanrepro.images import catalog as image_catalog, variants as image_models

try:
    IMAGE_ENTRIES = {
        name: image_catalog.entry(name, SETTINGS.data.image_catalog)
        for name in dict.fromkeys(dataset for dataset, _ in SETTINGS.images.tasks)
    }
except UserError as error:
    raise WorkflowError(str(error)) from None

IMAGE_ARCHIVE = "resources/downloads/images/{dataset}.{part}"
IMAGES = "resources/images/{dataset}-{size}"
IMAGE_SPLIT = f"{IMAGES}.{{split}}-{{seed}}.json"
IMAGE_RUN = f"{RESULTS}/runs/images/{{dataset}}/{{split}}/{{model}}/{{seed}}"
IMAGE_RECORD = f"{RESULTS}/records/images/{{dataset}}/{{split}}/{{model}}-{{seed}}.json"
IMAGE_DESCRIPTION = f"{RESULTS}/records/data-images/{{dataset}}.json"
IMAGE_TRACE = f"{RESULTS}/records/traces/{{dataset}}.json"
IMAGE_MEMORY = f"{RESULTS}/records/memory.json"
IMAGE_CATALOGS = " ".join(f"--catalog {shlex.quote(path)}" for path in SETTINGS.data.image_catalog)
IMAGE_TABLES = ("images", "images-ablation", "images-leaks", "images-robustness")
FORMS = [m for m in ("deq_kan_shipped", "deq_kan", "deq_kan_certified") if m in SETTINGS.images.models]


wildcard_constraints:
    split="|".join(image_models.SPLITS),
    model=r"[a-z0-9_]+",
    size=r"\d+",


def image_store(wildcards):
    """The prepared set of the configured size."""
    return f"{IMAGES}.safetensors".format(dataset=wildcards.dataset, size=SETTINGS.images.size)


def image_split(dataset, split, seed):
    """A split of the prepared set."""
    return IMAGE_SPLIT.format(dataset=dataset, size=SETTINGS.images.size, split=split, seed=seed)


def image_sources(wildcards):
    """The files that a set is prepared from; the demo sets come with scikit-learn."""
    entry = IMAGE_ENTRIES[wildcards.dataset]
    parts = ([] if entry.format == "sklearn" else ["archive"]) + (["groups"] if entry.groups else [])
    return {part: IMAGE_ARCHIVE.format(dataset=wildcards.dataset, part=part) for part in parts}


def image_runs(pattern, tasks=None):
    """The paths of all runs of the image experiments, or of some of their (data set, split)."""
    return wanted(
        pattern.format(dataset=dataset, split=split, model=model, seed=seed)
        for (dataset, split), models in SETTINGS.images.tasks.items()
        if tasks is None or (dataset, split) in tasks
        for model in models
        for seed in SETTINGS.images.seeds
    )


def image_values(wildcards):
    """How many pixels a set has."""
    entry = IMAGE_ENTRIES[wildcards.dataset]
    images = sum(entry.expected.classes.values()) if entry.expected else 10_000
    return images * entry.channels * SETTINGS.images.size**2


def image_memory_mb(wildcards, attempt):
    """MB of memory; twice as many at the second attempt."""
    return int(attempt * (2000 + 3 * image_values(wildcards) / 1e6))


def image_training_minutes(wildcards, attempt):
    """A bound of a training's minutes; twice as many at the second attempt."""
    epochs = SETTINGS.images.classify.training.epochs
    return int(attempt * (15 + epochs * image_values(wildcards) / 1e6))


def image_page_options(records):
    """What the report page is told of the image experiments: nothing where there are none."""
    if not records:
        return ""
    images = SETTINGS.images
    return f"--image-records {' '.join(records)} --image-split {images.split} --image-models {' '.join(images.models)}"


def image_options(given):
    """The options of a report stage that name the files of `given`."""
    return " ".join(f"--{option} {' '.join(files)}" for option, files in given.items())
