"""Figures of what trained encoders look like inside."""

from kanrepro.core.errors import unknown

SPLINES = f"{RESULTS}/records/splines/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"
CRITICALITY = f"{RESULTS}/records/criticality/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"


try:
    for name in SETTINGS.analysis.datasets:
        catalog.entry(name, SETTINGS.data.catalog)
    for name in SETTINGS.analysis.readings:
        if name not in {**methods.READINGS, **SETTINGS.tu.readings}:
            raise unknown("reading in analysis.readings:", name, SETTINGS.tu.readings)
except UserError as error:
    raise WorkflowError(str(error)) from None


ANALYSIS_FIGURES = {
    "figure2b": looked_into(SPLINES, SETTINGS.analysis.seeds[:1]),
    "ckfi": looked_into(CRITICALITY, SETTINGS.analysis.seeds),
    "figure3": RETRIEVALS,
}
ANALYSED = [figure for figure, documents in ANALYSIS_FIGURES.items() if documents]


rule analysis_figure:
    input:
        lambda wildcards: ANALYSIS_FIGURES[wildcards.figure],
    output:
        png=page(f"{RESULTS}/figures/{{figure}}.png", "analysis_figure", "Figures"),
        svg=f"{RESULTS}/figures/{{figure}}.svg",
    log:
        f"logs/{SETTINGS.preset}/{{figure}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/{{figure}}.tsv"
    wildcard_constraints:
        figure="|".join(ANALYSIS_FIGURES),
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        preset=SETTINGS.preset,
        stem=stem,
        code=code_digest("kanrepro.studies.report.analysis_figure"),
    shell:
        "python -m kanrepro.studies.report.analysis_figure --figure {wildcards.figure} --documents {input}"
        " --preset {params.preset} --output-stem {params.stem} > {log} 2>&1"
