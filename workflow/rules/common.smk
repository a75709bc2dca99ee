"""Settings, paths, and what each job may ask of the machine."""

import json
import os
import shlex
from pathlib import Path

from snakemake.exceptions import WorkflowError

from kanrepro import settings as kanrepro_settings
from kanrepro.methods import variants as methods
from kanrepro.tu import catalog
from kanrepro.core.errors import UserError
from kanrepro.core.provenance import code_digest
from kanrepro.core.yaml_file import read_yaml

try:
    for path in workflow.configfiles:
        read_yaml(Path(path))  # Snakemake has read it already, but takes the last of two equal keys without a word
    SETTINGS = kanrepro_settings.resolve(config, Path(workflow.basedir) / "workflow/presets")
    ENTRIES = {name: catalog.entry(name, SETTINGS.data.catalog) for name in SETTINGS.tu.datasets}
except UserError as error:
    raise WorkflowError(str(error)) from None

RESULTS = f"results/{SETTINGS.preset}"
ARCHIVE = "resources/downloads/tu/{dataset}.zip"
TU = "resources/tu/{dataset}"
RUN = f"{RESULTS}/runs/tu/{{dataset}}/{{method}}/{{reading}}/{{seed}}"
RECORD = f"{RESULTS}/records/tu/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"
DESCRIPTION = f"{RESULTS}/records/data/{{dataset}}.json"
PAGE = f"{RESULTS}/report.html"
MIRROR = f"--mirror {shlex.quote(SETTINGS.data.mirror)}" if SETTINGS.data.mirror else ""
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


def wanted(paths):
    """All of these files, or with `report: {records: existing}` those that are there."""
    return [path for path in paths if SETTINGS.report.records == "make" or os.path.exists(path)]


def described(pattern, names):
    """The descriptions of these sets, or with `report: {records: existing}` of all sets that have one."""
    if SETTINGS.report.records == "make":
        return expand(pattern, dataset=names)
    return sorted(map(str, Path(pattern).parent.glob("*.json")))


def records(names):
    """The wanted records of the methods or controls `names` on every data set."""
    paths = []
    for dataset, entry in ENTRIES.items():
        labelled = bool(entry.expected.node_labels)
        for method in names:
            for reading in methods.readings_of(method, list(SETTINGS.tu.readings), labelled):
                for seed in SETTINGS.tu.seeds:
                    paths.append(RECORD.format(dataset=dataset, method=method, reading=reading, seed=seed))
    return wanted(paths)


def values(dataset):
    """About how many numbers the largest intermediate result of a set has: what memory and time grow with."""
    expected = ENTRIES[dataset].expected
    nodes = expected.graphs * (expected.mean_nodes or 100)
    return nodes + (expected.directed_edges or 10 * nodes) / 4


def memory_mb(wildcards, attempt):
    """MB of memory; twice as many at the second attempt."""
    return int(attempt * (2000 + values(wildcards.dataset) / 500))


def training_minutes(wildcards, attempt):
    """A bound of a training's minutes; twice as many at the second attempt."""
    epochs = SETTINGS.tu.pretrain_settings(wildcards.method, wildcards.reading).optimiser.epochs
    return int(attempt * (15 + epochs * values(wildcards.dataset) / 5e5))


def evaluation_minutes(wildcards, attempt):
    """A bound of an evaluation's minutes; SVMs grow with the square of the number of graphs."""
    return int(attempt * (15 + (ENTRIES[wildcards.dataset].expected.graphs / 300) ** 2))


def archive(wildcards):
    """The archive of a set in TU format; the demo sets come with RDKit."""
    return [] if ENTRIES[wildcards.dataset].format == "rdkit" else [ARCHIVE.format(dataset=wildcards.dataset)]


def evaluated_encoder(wildcards):
    """The encoder that a record evaluates: its own, or for shuffled labels that of the full method."""
    method = "khan_gcl" if wildcards.method == "shuffled_labels" else wildcards.method
    return f"{RUN}/encoder.safetensors".format(**{**wildcards, "method": method})


def options(wildcards, input):
    """What every report stage is told: the preset, and the files that its rule waited for."""
    given = [f"--preset {SETTINGS.preset}", CATALOGS]
    for option, files in (("--records", input.records), ("--descriptions", input.descriptions)):
        given += [option, *files] if files else []
    return " ".join(given)


def stem(wildcards, output):
    """The outputs' common path without suffix."""
    return os.path.splitext(output[0])[0]


def page(path, caption, category):
    """A result that the Snakemake report shows."""
    return report(path, caption=f"../report/{caption}.rst", category=category)


def history_options(figure):
    """The preset, and for the TU sets those that are asked for: the figure names the ones without a run."""
    asked = f"--datasets {' '.join(SETTINGS.tu.datasets)} {CATALOGS}" if figure == "history" else ""
    return f"--preset {SETTINGS.preset} {asked}"


def looked_into(pattern, seeds):
    """The documents about encoders that Khan-GCL trained: of what is asked for, what is trained at all."""
    return wanted(
        pattern.format(dataset=dataset, method="khan_gcl", reading=reading, seed=seed)
        for dataset in SETTINGS.analysis.datasets
        for reading in SETTINGS.analysis.readings
        for seed in seeds
        if dataset in ENTRIES and reading in SETTINGS.tu.readings and "khan_gcl" in SETTINGS.tu.methods
    )
