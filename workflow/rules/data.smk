"""From the catalogue to prepared sets, their description and their folds."""


rule fetch_tu:
    output:
        ARCHIVE,
    log:
        "logs/fetch/{dataset}.log",
    benchmark:
        "benchmarks/fetch/{dataset}.tsv"
    retries: 2
    threads: 1
    resources:
        mem_mb=500,
        runtime=120,
    params:
        mirror=MIRROR,
        catalogs=CATALOGS,
        entry=lambda wildcards: as_json(ENTRIES[wildcards.dataset]),
    shell:
        "python -m kanrepro.core.fetch --dataset {wildcards.dataset} --output {output}"
        " {params.mirror} {params.catalogs} > {log} 2>&1"


rule prepare_tu:
    input:
        archive,
    output:
        f"{TU}.safetensors",
    log:
        "logs/prepare/{dataset}.log",
    benchmark:
        "benchmarks/prepare/{dataset}.tsv"
    retries: 1
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 4000,
        runtime=lambda wildcards, attempt: attempt * 60,
    params:
        archive=lambda wildcards, input: f"--archive {input[0]}" if len(input) else "",
        catalogs=CATALOGS,
        entry=lambda wildcards: as_json(ENTRIES[wildcards.dataset]),
        code=code_digest("kanrepro.tu.prepare"),
    shell:
        "python -m kanrepro.tu.prepare --dataset {wildcards.dataset} {params.archive} --output {output}"
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
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_digest("kanrepro.tu.describe"),
    shell:
        "python -m kanrepro.tu.describe --store {input} --output {output} > {log} 2>&1"


rule fold_tu:
    input:
        f"{TU}.safetensors",
    output:
        f"{TU}.folds{SETTINGS.tu.svm.folds}-{{seed}}.json",
    log:
        "logs/folds/{dataset}-{seed}.log",
    benchmark:
        "benchmarks/folds/{dataset}-{seed}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        folds=SETTINGS.tu.svm.folds,
        code=code_digest("kanrepro.tu.splits"),
    shell:
        "python -m kanrepro.tu.splits --store {input} --seed {wildcards.seed} --folds {params.folds}"
        " --output {output} > {log} 2>&1"
