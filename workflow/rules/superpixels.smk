"""Superpixel graphs of digits: from images to stores and their description."""


rule fetch_digits:
    output:
        IDX_FILE,
    log:
        "logs/fetch/{dataset}-{part}-{kind}.log",
    benchmark:
        "benchmarks/fetch/{dataset}-{part}-{kind}.tsv"
    wildcard_constraints:
        part="train|test",
        kind="images|labels",
    retries: 2
    threads: 1
    resources:
        mem_mb=500,
        runtime=60,
    params:
        mirror=MIRROR,
        catalogs=SUPERPIXEL_CATALOGS,
        entry=as_json(DIGIT_ENTRY) if DIGITS else "",
    shell:
        "python -m kanrepro.superpixels.fetch --dataset {wildcards.dataset} --part {wildcards.part}"
        " --kind {wildcards.kind} --output {output} {params.mirror} {params.catalogs} > {log} 2>&1"


rule prepare_superpixels:
    input:
        unpack(idx_files),
    output:
        f"{SUPERPIXELS}.safetensors",
    log:
        "logs/prepare/{dataset}-{part}.log",
    benchmark:
        "benchmarks/prepare/{dataset}-{part}.tsv"
    wildcard_constraints:
        part="train|test",
    retries: 1
    threads: SETTINGS.threads
    resources:
        mem_mb=lambda wildcards, attempt, threads: attempt * (1000 + 300 * threads),
        runtime=lambda wildcards, attempt: int(attempt * (10 + digits(wildcards.part) / 5000)),
    params:
        files=lambda wildcards, input: " ".join(f"--{kind} {path}" for kind, path in input.items()),
        settings=as_json(SETTINGS.superpixels.segments),
        catalogs=SUPERPIXEL_CATALOGS,
        entry=as_json(DIGIT_ENTRY) if DIGITS else "",
        code=code_digest("kanrepro.superpixels.prepare"),
    shell:
        "python -m kanrepro.superpixels.prepare --dataset {wildcards.dataset} --part {wildcards.part}"
        " {params.files} --settings {params.settings:q} --processes {threads} --output {output} {params.catalogs}"
        " > {log} 2>&1"


rule describe_superpixels:
    input:
        expand(f"{SUPERPIXELS}.safetensors", part=superpixel_catalog.PARTS, allow_missing=True),
    output:
        SUPERPIXEL_DESCRIPTION,
    log:
        f"logs/{SETTINGS.preset}/describe/{{dataset}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/describe/{{dataset}}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_digest("kanrepro.superpixels.describe"),
    shell:
        "python -m kanrepro.superpixels.describe --stores {input} --output {output} > {log} 2>&1"


rule split_digits:
    input:
        train=f"{SUPERPIXELS}.safetensors".format(dataset="{dataset}", part="train"),
        test=f"{SUPERPIXELS}.safetensors".format(dataset="{dataset}", part="test"),
    output:
        SUPERPIXEL_SPLIT,
    log:
        f"logs/{SETTINGS.preset}/split/{{dataset}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/split/{{dataset}}-{{seed}}.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        share=SETTINGS.superpixels.labels,
        valid=SETTINGS.superpixels.valid,
        tested=f"--test-images {SETTINGS.superpixels.test_images}" if SETTINGS.superpixels.test_images else "",
        code=code_digest("kanrepro.superpixels.splits"),
    shell:
        "python -m kanrepro.superpixels.splits --train {input.train} --test {input.test} --share {params.share}"
        " --valid {params.valid} {params.tested} --seed {wildcards.seed} --output {output} > {log} 2>&1"


rule pretrain_superpixels:
    input:
        f"{SUPERPIXELS}.safetensors".format(dataset="{dataset}", part="train"),
    output:
        encoder=f"{SUPERPIXEL_RUN}/encoder.safetensors",
        history=f"{SUPERPIXEL_RUN}/history.csv",
        run=f"{SUPERPIXEL_RUN}/run.json",
    log:
        f"logs/{SETTINGS.preset}/pretrain/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/pretrain/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=SETTINGS.gpu,
        mem_mb=digit_memory_mb,
        runtime=digit_minutes,
    params:
        folder=lambda wildcards, output: os.path.dirname(output.encoder),
        limit=f"--limit {SETTINGS.superpixels.limit}" if SETTINGS.superpixels.limit else "",
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=lambda wildcards: as_json(SETTINGS.superpixels.pretrain_settings(wildcards.method, wildcards.reading)),
        code=code_digest("kanrepro.pretraining.pretrain"),
    shell:
        "python -m kanrepro.pretraining.pretrain --store {input} --method {wildcards.method} --reading {wildcards.reading}"
        " --seed {wildcards.seed} {params.limit} --output {params.folder} --preset {params.preset}"
        " --device {params.device} --threads {threads} --settings {params.settings:q} > {log} 2>&1"


rule finetune_superpixels:
    input:
        encoder=digit_encoder,
        train=rules.split_digits.input.train,
        test=rules.split_digits.input.test,
        split=SUPERPIXEL_SPLIT,
    output:
        SUPERPIXEL_RECORD,
    log:
        f"logs/{SETTINGS.preset}/finetune/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/finetune/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=SETTINGS.gpu,
        mem_mb=digit_memory_mb,
        runtime=lambda wildcards, attempt: attempt * 120,
    params:
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=as_json(SETTINGS.superpixels.finetune),
        states=lambda wildcards: SUPERPIXEL_STATES.format(**wildcards),
        code=code_digest("kanrepro.superpixels.finetune"),
    shell:
        "python -m kanrepro.superpixels.finetune --checkpoint {input.encoder} --train {input.train} --test {input.test}"
        " --split {input.split} --states {params.states} --settings {params.settings:q} --preset {params.preset}"
        " --device {params.device} --threads {threads} --output {output} > {log} 2>&1"


rule retrieve:
    input:
        unpack(lambda wildcards: digit_images(wildcards.dataset)),
        encoder=f"{SUPERPIXEL_RUN}/encoder.safetensors",
        stores=expand(f"{SUPERPIXELS}.safetensors", part=superpixel_catalog.PARTS, allow_missing=True),
    output:
        RETRIEVAL,
    log:
        f"logs/{SETTINGS.preset}/retrieve/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/retrieve/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    threads: SETTINGS.threads
    resources:
        gpu=SETTINGS.gpu,
        mem_mb=digit_memory_mb,
        runtime=lambda wildcards, attempt: attempt * 60,
    params:
        images=lambda wildcards, input: f"--images {' '.join(input.images)}" if "images" in input.keys() else "",
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=as_json(SETTINGS.superpixels.retrieval),
        code=code_digest("kanrepro.superpixels.retrieve"),
    shell:
        "python -m kanrepro.superpixels.retrieve --checkpoint {input.encoder} --stores {input.stores} {params.images}"
        " --settings {params.settings:q} --preset {params.preset} --device {params.device} --threads {threads}"
        " --output {output} > {log} 2>&1"
