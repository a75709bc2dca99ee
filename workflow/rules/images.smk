"""DEQ-KAN on medical images: sets and splits, classifiers and their assessment, how the maps converge."""


rule fetch_images:
    output:
        IMAGE_ARCHIVE,
    log:
        "logs/fetch/{dataset}-{part}.log",
    benchmark:
        "benchmarks/fetch/{dataset}-{part}.tsv"
    wildcard_constraints:
        part="archive|groups",
    retries: 2
    threads: 1
    resources:
        mem_mb=500,
        runtime=240,
    params:
        mirror=MIRROR,
        catalogs=IMAGE_CATALOGS,
        entry=lambda wildcards: as_json(IMAGE_ENTRIES[wildcards.dataset]),
    shell:
        "python -m kanrepro.images.fetch --dataset {wildcards.dataset} --part {wildcards.part} --output {output}"
        " {params.mirror} {params.catalogs} > {log} 2>&1"


rule prepare_images:
    input:
        unpack(image_sources),
    output:
        f"{IMAGES}.safetensors",
    log:
        "logs/prepare/{dataset}-{size}.log",
    benchmark:
        "benchmarks/prepare/{dataset}-{size}.tsv"
    retries: 1
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 4000,
        runtime=lambda wildcards, attempt: attempt * 60,
    params:
        sources=lambda wildcards, input: " ".join(f"--{part} {path}" for part, path in input.items()),
        catalogs=IMAGE_CATALOGS,
        entry=lambda wildcards: as_json(IMAGE_ENTRIES[wildcards.dataset]),
        code=code_digest("kanrepro.images.prepare"),
    shell:
        "python -m kanrepro.images.prepare --dataset {wildcards.dataset} {params.sources} --size {wildcards.size}"
        " --output {output} {params.catalogs} > {log} 2>&1"


rule split_images:
    input:
        f"{IMAGES}.safetensors",
    output:
        IMAGE_SPLIT,
    log:
        "logs/splits/{dataset}-{size}-{split}-{seed}.log",
    benchmark:
        "benchmarks/splits/{dataset}-{size}-{split}-{seed}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_digest("kanrepro.images.splits"),
    shell:
        "python -m kanrepro.images.splits --store {input} --split {wildcards.split} --seed {wildcards.seed}"
        " --output {output} > {log} 2>&1"


rule describe_images:
    input:
        store=image_store,
        splits=lambda wildcards: [
            image_split(wildcards.dataset, split, seed)
            for dataset, split in SETTINGS.images.tasks
            if dataset == wildcards.dataset
            for seed in SETTINGS.images.seeds
        ],
    output:
        IMAGE_DESCRIPTION,
    log:
        f"logs/{SETTINGS.preset}/describe/{{dataset}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/describe/{{dataset}}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_digest("kanrepro.images.describe"),
    shell:
        "python -m kanrepro.images.describe --store {input.store} --splits {input.splits} --output {output}"
        " > {log} 2>&1"


rule classify:
    input:
        store=image_store,
        split=lambda wildcards: image_split(wildcards.dataset, wildcards.split, wildcards.seed),
    output:
        model=f"{IMAGE_RUN}/model.safetensors",
        history=f"{IMAGE_RUN}/history.csv",
        run=f"{IMAGE_RUN}/run.json",
    log:
        f"logs/{SETTINGS.preset}/classify/{{dataset}}-{{split}}-{{model}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/classify/{{dataset}}-{{split}}-{{model}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=SETTINGS.gpu,
        mem_mb=image_memory_mb,
        runtime=image_training_minutes,
    params:
        folder=lambda wildcards, output: os.path.dirname(output.model),
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=lambda wildcards: as_json(SETTINGS.images.classify_settings(wildcards.model)),
        code=code_digest("kanrepro.images.classify"),
    shell:
        "python -m kanrepro.images.classify --store {input.store} --split {input.split} --model {wildcards.model}"
        " --seed {wildcards.seed} --output {params.folder} --preset {params.preset} --device {params.device}"
        " --threads {threads} --settings {params.settings:q} > {log} 2>&1"


rule assess:
    input:
        model=f"{IMAGE_RUN}/model.safetensors",
        store=image_store,
        split=lambda wildcards: image_split(wildcards.dataset, wildcards.split, wildcards.seed),
    output:
        IMAGE_RECORD,
    log:
        f"logs/{SETTINGS.preset}/assess/{{dataset}}-{{split}}-{{model}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/assess/{{dataset}}-{{split}}-{{model}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=SETTINGS.gpu,
        mem_mb=image_memory_mb,
        runtime=lambda wildcards, attempt: attempt * 60,
    params:
        device=SETTINGS.device,
        settings=as_json(SETTINGS.images.evaluation),
        code=code_digest("kanrepro.images.assess"),
    shell:
        "python -m kanrepro.images.assess --checkpoint {input.model} --store {input.store} --split {input.split}"
        " --output {output} --device {params.device} --threads {threads} --settings {params.settings:q} > {log} 2>&1"


rule trace:
    input:
        models=lambda wildcards: [
            f"{IMAGE_RUN}/model.safetensors".format(
                dataset=wildcards.dataset, split=SETTINGS.images.split, model=model, seed=SETTINGS.images.seeds[0]
            )
            for model in FORMS
        ],
        store=image_store,
        split=lambda wildcards: image_split(wildcards.dataset, SETTINGS.images.split, SETTINGS.images.seeds[0]),
    output:
        IMAGE_TRACE,
    log:
        f"logs/{SETTINGS.preset}/trace/{{dataset}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/trace/{{dataset}}.tsv"
    threads: SETTINGS.threads
    resources:
        mem_mb=image_memory_mb,
        runtime=lambda wildcards, attempt: attempt * 30,
    params:
        preset=SETTINGS.preset,
        code=code_digest("kanrepro.images.trace"),
    shell:
        "python -m kanrepro.images.trace --checkpoints {input.models} --store {input.store} --split {input.split}"
        " --preset {params.preset} --output {output} > {log} 2>&1"


rule memory:
    output:
        IMAGE_MEMORY,
    log:
        f"logs/{SETTINGS.preset}/memory.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/memory.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 4000,
        runtime=lambda wildcards, attempt: attempt * 30,
    params:
        preset=SETTINGS.preset,
        width=SETTINGS.images.memory.width,
        batch=SETTINGS.images.memory.batch,
        steps=" ".join(map(str, SETTINGS.images.memory.steps)),
        code=code_digest("kanrepro.images.memory"),
    shell:
        "python -m kanrepro.images.memory --widths {params.width} --batch {params.batch} --steps {params.steps}"
        " --preset {params.preset} --output {output} > {log} 2>&1"
