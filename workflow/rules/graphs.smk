"""Graph contrastive learning on TU sets: pre-train an encoder, classify its frozen embeddings."""


def epochs(wildcards):
    return SETTINGS.tu.pretrain_settings(wildcards.method, wildcards.reading).optimiser.epochs


rule pretrain_tu:
    input:
        f"{TU}.safetensors",
    output:
        encoder=f"{RUN}/encoder.safetensors",
        history=f"{RUN}/history.csv",
        run=f"{RUN}/run.json",
    log:
        f"logs/{SETTINGS.preset}/pretrain/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/pretrain/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    params:
        folder=lambda wildcards, output: os.path.dirname(output.encoder),
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=lambda wildcards: as_json(SETTINGS.tu.pretrain_settings(wildcards.method, wildcards.reading)),
        code=code_digest("kanrepro.pretrain"),
    threads: SETTINGS.threads
    resources:
        gpu=SETTINGS.gpu,
        mem_mb=memory_mb,
        runtime=lambda wildcards, attempt: minutes(epochs(wildcards))(wildcards, attempt),
    retries: 1
    shell:
        "python -m kanrepro.pretrain --store {input} --method {wildcards.method} --reading {wildcards.reading}"
        " --seed {wildcards.seed} --output {params.folder} --preset {params.preset} --device {params.device}"
        " --threads {threads} --settings {params.settings:q} > {log} 2>&1"


def encoder(wildcards):
    """The encoder that a record evaluates: its own, or for shuffled labels that of the full method."""
    method = "khan_gcl" if wildcards.method == "shuffled_labels" else wildcards.method
    return rules.pretrain_tu.output.encoder.format(**{**wildcards, "method": method})


rule probe_tu:
    input:
        encoder=encoder,
        store=f"{TU}.safetensors",
        folds=rules.fold_tu.output[0],
    output:
        RECORD,
    log:
        f"logs/{SETTINGS.preset}/probe/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/probe/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    params:
        shuffle=lambda wildcards: "--shuffle-labels" if wildcards.method == "shuffled_labels" else "",
        settings=as_json(SETTINGS.tu.svm),
        code=code_digest("kanrepro.probe"),
    threads: SETTINGS.threads
    resources:
        mem_mb=memory_mb,
        runtime=minutes(60),
    retries: 1
    shell:
        "python -m kanrepro.probe --checkpoint {input.encoder} --store {input.store} --folds {input.folds}"
        " --output {output} {params.shuffle} --threads {threads} --settings {params.settings:q} > {log} 2>&1"
