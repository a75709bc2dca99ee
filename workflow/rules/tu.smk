"""Graph sets in TU format: fetch, prepare, fold; pre-train an encoder, classify its frozen embeddings."""

from kanrepro.tu.jobs import Jobs as TuJobs

TU = checked(TuJobs, PLACE, SETTINGS.tu, SETTINGS.data.catalog)


rule fetch_tu:
    output:
        TU.archive,
    log:
        "logs/fetch/{dataset}.log",
    benchmark:
        "benchmarks/fetch/{dataset}.tsv"
    retries: 2
    localrule: True
    threads: 1
    resources:
        mem_mb=500,
        runtime=120,
    params:
        mirror=MIRROR,
        catalogs=TU.catalogs,
        entry=lambda wildcards: as_json(TU.entries[wildcards.dataset]),
    shell:
        "python -m kanrepro.tu.fetch --dataset {wildcards.dataset} --output {output}"
        " {params.mirror} {params.catalogs} > {log} 2>&1"


rule prepare_tu:
    input:
        TU.archives,
    output:
        TU.store,
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
        catalogs=TU.catalogs,
        entry=lambda wildcards: as_json(TU.entries[wildcards.dataset]),
        code=code_digest("kanrepro.tu.prepare"),
    shell:
        "python -m kanrepro.tu.prepare --dataset {wildcards.dataset} {params.archive} --output {output}"
        " {params.catalogs} > {log} 2>&1"


rule describe_tu:
    input:
        TU.store,
    output:
        TU.description,
    log:
        "logs/describe/{dataset}.log",
    benchmark:
        "benchmarks/describe/{dataset}.tsv"
    localrule: True
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
        TU.store,
    output:
        TU.folds,
    log:
        "logs/folds/{dataset}-{seed}.log",
    benchmark:
        "benchmarks/folds/{dataset}-{seed}.tsv"
    localrule: True
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


rule pretrain_tu:
    input:
        TU.store,
    output:
        encoder=f"{TU.run}/encoder.safetensors",
        history=f"{TU.run}/history.csv",
        run=f"{TU.run}/run.json",
    log:
        f"logs/{SETTINGS.preset}/pretrain/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/pretrain/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=PLACE.gpu,
        mem_mb=TU.memory_mb,
        runtime=TU.training_minutes,
    params:
        method=lambda wildcards: find(wildcards.method).word,
        folder=lambda wildcards, output: os.path.dirname(output.encoder),
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=lambda wildcards: settings_file(SETTINGS.tu.pretrain_settings(wildcards.method, wildcards.reading)),
        code=lambda wildcards: training_code(wildcards.method),
    shell:
        "python -m kanrepro.pretraining.pretrain --store {input} --method {params.method:q} --reading {wildcards.reading}"
        " --seed {wildcards.seed} --output {params.folder} --preset {params.preset} --device {params.device}"
        " --threads {threads} --settings {params.settings} > {log} 2>&1"


rule probe_tu:
    input:
        encoder=TU.encoder,
        store=TU.store,
        folds=TU.folds,
    output:
        TU.record,
    log:
        f"logs/{SETTINGS.preset}/probe/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/probe/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        mem_mb=TU.memory_mb,
        runtime=TU.evaluation_minutes,
    params:
        experiment="tu",
        shuffle=lambda wildcards: "--shuffle-labels" if wildcards.method == "shuffled_labels" else "",
        settings=lambda wildcards: settings_file(SETTINGS.tu.svm),
        code=code_digest("kanrepro.tu.probe"),
    shell:
        "python -m kanrepro.tu.probe --checkpoint {input.encoder} --store {input.store} --folds {input.folds}"
        " --output {output} --experiment {params.experiment} {params.shuffle} --threads {threads} --settings {params.settings} > {log} 2>&1"
