"""Graph contrastive learning on TU sets: pre-train an encoder, classify its frozen embeddings."""


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
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=SETTINGS.gpu,
        mem_mb=memory_mb,
        runtime=training_minutes,
    params:
        folder=lambda wildcards, output: os.path.dirname(output.encoder),
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=lambda wildcards: as_json(SETTINGS.tu.pretrain_settings(wildcards.method, wildcards.reading)),
        code=code_digest("kanrepro.pretraining.pretrain"),
    shell:
        "python -m kanrepro.pretraining.pretrain --store {input} --method {wildcards.method} --reading {wildcards.reading}"
        " --seed {wildcards.seed} --output {params.folder} --preset {params.preset} --device {params.device}"
        " --threads {threads} --settings {params.settings:q} > {log} 2>&1"


rule probe_tu:
    input:
        encoder=evaluated_encoder,
        store=f"{TU}.safetensors",
        folds=rules.fold_tu.output[0],
    output:
        RECORD,
    log:
        f"logs/{SETTINGS.preset}/probe/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/probe/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        mem_mb=memory_mb,
        runtime=evaluation_minutes,
    params:
        experiment="tu",
        shuffle=lambda wildcards: "--shuffle-labels" if wildcards.method == "shuffled_labels" else "",
        settings=as_json(SETTINGS.tu.svm),
        code=code_digest("kanrepro.tu.probe"),
    shell:
        "python -m kanrepro.tu.probe --checkpoint {input.encoder} --store {input.store} --folds {input.folds}"
        " --output {output} --experiment {params.experiment} {params.shuffle} --threads {threads} --settings {params.settings:q} > {log} 2>&1"
