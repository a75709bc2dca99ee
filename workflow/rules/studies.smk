"""Studies across families: inside trained encoders (Figures 2b and 3, what CKFI picks), and around the default (Figure 5)."""

from kanrepro.studies.jobs import Analysis, Sensitivity
from kanrepro.studies.sensitivity_settings import PARAMETERS

ANALYSIS = checked(Analysis, SETTINGS.analysis, TU, SETTINGS.data.catalog)
SPACE = checked(Sensitivity, SETTINGS.sensitivity, TU, MOLECULES, SETTINGS.data.catalog, SETTINGS.data.molecule_catalog)
ANALYSIS_FIGURES = {**ANALYSIS.figures(), "figure3": SUPERPIXELS.retrievals()}


wildcard_constraints:
    **{name: r"\d[\d.e-]*" for name in PARAMETERS},


rule splines:
    input:
        f"{TU.run}/encoder.safetensors",
    output:
        ANALYSIS.splines,
    log:
        f"logs/{SETTINGS.preset}/splines/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/splines/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        preset=SETTINGS.preset,
        code=code_digest("kanrepro.studies.splines"),
    shell:
        "python -m kanrepro.studies.splines --checkpoint {input} --preset {params.preset} --output {output}"
        " > {log} 2>&1"


rule criticality:
    input:
        encoder=f"{TU.run}/encoder.safetensors",
        store=TU.store,
        folds=TU.folds,
    output:
        ANALYSIS.criticality,
    log:
        f"logs/{SETTINGS.preset}/criticality/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/criticality/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    threads: 1
    resources:
        mem_mb=TU.memory_mb,
        runtime=lambda wildcards, attempt: attempt * 30,
    params:
        preset=SETTINGS.preset,
        code=code_digest("kanrepro.studies.criticality"),
    shell:
        "python -m kanrepro.studies.criticality --checkpoint {input.encoder} --store {input.store}"
        " --folds {input.folds} --preset {params.preset} --output {output} > {log} 2>&1"


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
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        documents=lambda wildcards, input: option("documents", input),
        preset=SETTINGS.preset,
        stem=stem,
        code=code_digest("kanrepro.studies.report.analysis_figure"),
    shell:
        "python -m kanrepro.studies.report.analysis_figure --figure {wildcards.figure} {params.documents}"
        " --preset {params.preset} --output-stem {params.stem} > {log} 2>&1"


use rule pretrain_tu as pretrain_tu_moved with:
    output:
        encoder=f"{SPACE.run}/encoder.safetensors",
        history=f"{SPACE.run}/history.csv",
        run=f"{SPACE.run}/run.json",
    log:
        f"logs/{SETTINGS.preset}/sensitivity/pretrain-tu/{SPACE.point}/{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/sensitivity/pretrain-tu/{SPACE.point}/{{seed}}.tsv"
    params:
        settings=lambda wildcards: said("pretrain", [SPACE.settings_of(wildcards, TU)]),


use rule probe_tu as probe_tu_moved with:
    input:
        encoder=f"{SPACE.run}/encoder.safetensors",
        store=TU.store,
        folds=TU.folds,
    output:
        SPACE.record,
    log:
        f"logs/{SETTINGS.preset}/sensitivity/probe-tu/{SPACE.point}/{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/sensitivity/probe-tu/{SPACE.point}/{{seed}}.tsv"
    params:
        experiment="sensitivity",


use rule pretrain_molecules as pretrain_molecules_moved with:
    output:
        encoder=f"{SPACE.molecule_run}/encoder.safetensors",
        history=f"{SPACE.molecule_run}/history.csv",
        run=f"{SPACE.molecule_run}/run.json",
    log:
        f"logs/{SETTINGS.preset}/sensitivity/pretrain-molecules/{SPACE.point}/{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/sensitivity/pretrain-molecules/{SPACE.point}/{{seed}}.tsv"
    params:
        settings=lambda wildcards: said("pretrain", [SPACE.settings_of(wildcards, MOLECULES)]),


use rule finetune as finetune_moved with:
    input:
        encoders=SPACE.encoder,
        store=MOLECULES.store,
        splits=MOLECULES.splits,
    output:
        expand(SPACE.transfer_record, seed=SPACE.seeds, allow_missing=True),
    log:
        f"logs/{SETTINGS.preset}/sensitivity/finetune/{SPACE.point}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/sensitivity/finetune/{SPACE.point}.tsv"
    params:
        encoder=lambda wildcards: SPACE.encoder(wildcards),
        seeds=" ".join(map(str, SPACE.seeds)),
        record=lambda wildcards: SPACE.transfer_record.format(**{**wildcards, "seed": "{seed}"}),
        states=lambda wildcards: SPACE.states.format(**wildcards),
        experiment="sensitivity",


rule sensitivity_figure:
    input:
        records=SPACE.watched,
        transfer_records=SPACE.watched_transfer,
        published=[f"{workflow.basedir}/workflow/published/table{number}.csv" for number in (1, 2)],
    output:
        png=page(f"{RESULTS}/figures/figure5.png", "figure5", "Figures"),
        rest=SPACE.figure[1:],
    log:
        f"logs/{SETTINGS.preset}/figure5.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/figure5.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        given=f"{option('datasets', SPACE.datasets)} {option('transfer', SPACE.transfer)}",
        shown=SHOWN,
        others=SPACE.others,
        catalogs=TU.catalogs,
        stem=stem,
        code=code_digest("kanrepro.studies.report.sensitivity_figure"),
    shell:
        "python -m kanrepro.studies.report.sensitivity_figure {params.shown} {params.given} {params.catalogs}"
        " --output-stem {params.stem} > {log} 2>&1"


# of all records that lie there, whoever made them: it trains nothing
rule table_of_records:
    output:
        multiext(f"{RESULTS}/tables/{{table}}", ".md", ".csv", ".tex"),
        html=page(f"{RESULTS}/tables/{{table}}.html", "table", "Tables"),
    log:
        f"logs/{SETTINGS.preset}/{{table}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/{{table}}.tsv"
    wildcard_constraints:
        table="claims|ranking",
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        records=f"{RESULTS}/records",
        standing=PLACE.standing(("tu", "transfer", "superpixels", "images")),
        preset=SETTINGS.preset,
        stem=stem,
        stage=lambda wildcards: MADE_BY[wildcards.table],
        code=lambda wildcards: code_digest(MADE_BY[wildcards.table]),
    shell:
        "python -m {params.stage} --records-from {params.records} --preset {params.preset}"
        " --output-stem {params.stem} > {log} 2>&1"
