"""From the catalogue to prepared sets, their description and their folds."""


rule fetch_tu:
    output:
        "resources/downloads/tu/{dataset}.zip",
    log:
        "logs/fetch/{dataset}.log",
    benchmark:
        "benchmarks/fetch/{dataset}.tsv"
    params:
        mirror=f"--mirror {shlex.quote(SETTINGS.data.mirror)}" if SETTINGS.data.mirror else "",
        catalogs=CATALOGS,
        entry=lambda wildcards: as_json(ENTRIES[wildcards.dataset]),
    threads: 1
    resources:
        mem_mb=500,
        runtime=120,
    retries: 2
    shell:
        "python -m kanrepro.data.fetch --dataset {wildcards.dataset} --output {output}"
        " {params.mirror} {params.catalogs} > {log} 2>&1"


def archive(wildcards):
    """The archive of a set in TU format; the demo sets come with RDKit."""
    if ENTRIES[wildcards.dataset].format == "rdkit":
        return []
    return [rules.fetch_tu.output[0].format(dataset=wildcards.dataset)]


rule prepare_tu:
    input:
        archive,
    output:
        f"{TU}.safetensors",
    log:
        "logs/prepare/{dataset}.log",
    benchmark:
        "benchmarks/prepare/{dataset}.tsv"
    params:
        archive=lambda wildcards, input: f"--archive {input[0]}" if len(input) else "",
        catalogs=CATALOGS,
        entry=lambda wildcards: as_json(ENTRIES[wildcards.dataset]),
        code=code_digest("kanrepro.data.prepare"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 4000,
        runtime=lambda wildcards, attempt: attempt * 60,
    retries: 1
    shell:
        "python -m kanrepro.data.prepare --dataset {wildcards.dataset} {params.archive} --output {output}"
        " {params.catalogs} > {log} 2>&1"


rule describe_tu:
    input:
        f"{TU}.safetensors",
    output:
        DESCRIPTION,
    log:
        "logs/describe/{dataset}.log",
    benchmark:
        "benchmarks/describe/{dataset}.tsv"
    params:
        code=code_digest("kanrepro.data.describe"),
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "python -m kanrepro.data.describe --store {input} --output {output} > {log} 2>&1"


rule fold_tu:
    input:
        f"{TU}.safetensors",
    output:
        f"{TU}.folds{SETTINGS.tu.svm.folds}-{{seed}}.json",
    log:
        "logs/folds/{dataset}-{seed}.log",
    benchmark:
        "benchmarks/folds/{dataset}-{seed}.tsv"
    params:
        folds=SETTINGS.tu.svm.folds,
        code=code_digest("kanrepro.data.splits"),
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "python -m kanrepro.data.splits --store {input} --seed {wildcards.seed} --folds {params.folds}"
        " --output {output} > {log} 2>&1"
