"""Tables and figures of the image experiments."""

COMPARED = [(dataset, SETTINGS.images.split) for dataset in SETTINGS.images.datasets]
IMAGE_RECORDS = image_runs(IMAGE_RECORD)
# what each figure is drawn from, by the option that says so
IMAGE_FIGURES = {
    "images-confusion": {"records": IMAGE_RECORDS},
    "images-roc": {"records": IMAGE_RECORDS},
    "images-robustness": {"records": IMAGE_RECORDS},
    "images-examples": {
        "records": IMAGE_RECORDS,
        "stores": wanted(
            f"{IMAGES}.safetensors".format(dataset=dataset, size=SETTINGS.images.size)
            for dataset in SETTINGS.images.datasets
        ),
    },
    "images-curves": {"histories": image_runs(f"{IMAGE_RUN}/history.csv", COMPARED)},
    "images-residuals": {"traces": wanted(IMAGE_TRACE.format(dataset=dataset) for dataset in SETTINGS.images.datasets)},
    "images-memory": {"memory": wanted([IMAGE_MEMORY])},
}
IMAGE_DESCRIPTIONS = wanted(IMAGE_DESCRIPTION.format(dataset=dataset) for dataset in SETTINGS.images.datasets)
# with `report: {records: existing}` some of it may not be there; without image sets nothing is wanted
DRAWN = [figure for figure, given in IMAGE_FIGURES.items() if SETTINGS.images.datasets and all(given.values())]


rule image_table:
    input:
        records=IMAGE_RECORDS,
    output:
        multiext(f"{RESULTS}/tables/{{table}}", ".md", ".csv", ".tex"),
        html=page(f"{RESULTS}/tables/{{table}}.html", "image_table", "Tables"),
    log:
        f"logs/{SETTINGS.preset}/{{table}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/{{table}}.tsv"
    wildcard_constraints:
        table="|".join(IMAGE_TABLES),
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        preset=SETTINGS.preset,
        split=SETTINGS.images.split,
        datasets=" ".join(SETTINGS.images.datasets),
        models=" ".join(SETTINGS.images.models),
        stem=stem,
        code=code_digest("kanrepro.images.report.table"),
    shell:
        "python -m kanrepro.images.report.table --table {wildcards.table} --preset {params.preset}"
        " --split {params.split} --records {input.records} --datasets {params.datasets} --models {params.models}"
        " --output-stem {params.stem} > {log} 2>&1"


rule image_figure:
    input:
        unpack(lambda wildcards: IMAGE_FIGURES[wildcards.figure]),
    output:
        png=page(f"{RESULTS}/figures/{{figure}}.png", "image_figure", "Figures"),
        svg=f"{RESULTS}/figures/{{figure}}.svg",
    log:
        f"logs/{SETTINGS.preset}/{{figure}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/{{figure}}.tsv"
    wildcard_constraints:
        figure="|".join(IMAGE_FIGURES),
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        given=lambda wildcards: image_options(IMAGE_FIGURES[wildcards.figure]),
        preset=SETTINGS.preset,
        split=SETTINGS.images.split,
        datasets=" ".join(SETTINGS.images.datasets),
        models=" ".join(SETTINGS.images.models),
        stem=stem,
        code=code_digest("kanrepro.images.report.figure"),
    shell:
        "python -m kanrepro.images.report.figure --figure {wildcards.figure} --preset {params.preset}"
        " --split {params.split} {params.given} --datasets {params.datasets} --models {params.models}"
        " --output-stem {params.stem} > {log} 2>&1"
