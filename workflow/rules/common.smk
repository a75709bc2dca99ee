"""Settings, paths, and what each job may ask of the machine."""

import json
import os
import shlex
from pathlib import Path

from snakemake.exceptions import WorkflowError

from kanrepro import catalog, methods, settings as kanrepro_settings
from kanrepro.errors import UserError
from kanrepro.provenance import code_digest

try:
    SETTINGS = kanrepro_settings.resolve(config, Path(workflow.basedir) / "workflow/presets")
    ENTRIES = {name: catalog.entry(name, SETTINGS.data.catalog) for name in SETTINGS.tu.datasets}
except UserError as error:
    raise WorkflowError(str(error)) from None

RESULTS = f"results/{SETTINGS.preset}"
TU = "resources/tu/{dataset}"
RUN = f"{RESULTS}/runs/tu/{{dataset}}/{{method}}/{{reading}}/{{seed}}"
RECORD = f"{RESULTS}/records/tu/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"
DESCRIPTION = f"{RESULTS}/records/data/{{dataset}}.json"
PAGE = f"{RESULTS}/report.html"
CATALOGS = " ".join(f"--catalog {shlex.quote(path)}" for path in SETTINGS.data.catalog)


wildcard_constraints:
    dataset=r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    method=r"[a-z0-9_]+",
    reading=r"[A-Za-z0-9_]+",
    seed=r"\d+",


def as_json(part):
    """A slice of the settings as canonical JSON, for `params`."""
    return json.dumps(part.model_dump(mode="json"), sort_keys=True)


def table_files(table):
    """The four forms of a table."""
    return [f"{RESULTS}/tables/{table}.{form}" for form in ("md", "csv", "tex", "html")]


def figure_files(figure):
    """Both forms of a figure."""
    return [f"{RESULTS}/figures/{figure}.{form}" for form in ("png", "svg")]


def records(names):
    """The records of the methods or controls `names` on every data set: all that the settings want, or those that exist."""
    paths = []
    for dataset, entry in ENTRIES.items():
        labelled = bool(entry.expected.node_labels)
        for method in names:
            for reading in methods.readings_of(method, list(SETTINGS.tu.readings), labelled):
                for seed in SETTINGS.tu.seeds:
                    paths.append(RECORD.format(dataset=dataset, method=method, reading=reading, seed=seed))
    if SETTINGS.report.records == "existing":
        return [path for path in paths if os.path.exists(path)]
    return paths


def values(dataset):
    """About how many numbers the largest intermediate result of a set has: what memory and time grow with."""
    expected = ENTRIES[dataset].expected
    nodes = expected.graphs * (expected.mean_nodes or 100)
    return nodes + (expected.directed_edges or 10 * nodes) / 4


def memory_mb(wildcards, attempt):
    """MB of memory; twice as many at the second attempt."""
    return int(attempt * (2000 + values(wildcards.dataset) / 500))


def minutes(epochs):
    """A function that bounds a job's minutes by set size and epochs; twice as many at the second attempt."""
    return lambda wildcards, attempt: int(attempt * (15 + epochs * values(wildcards.dataset) / 5e5))
