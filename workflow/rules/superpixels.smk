"""Superpixel graphs of digits: from images to stores; pre-training, fine-tuning on few labels, what is nearest."""

from kanrepro.superpixels.jobs import Jobs as SuperpixelJobs

SUPERPIXELS = checked(SuperpixelJobs, PLACE, SETTINGS.superpixels, SETTINGS.data.superpixel_catalog)


rule fetch_digits:
    output:
        SUPERPIXELS.file,
    log:
        "logs/fetch/{dataset}-{part}-{kind}.log",
    benchmark:
        "benchmarks/fetch/{dataset}-{part}-{kind}.tsv"
    wildcard_constraints:
        part="train|test",
        kind="images|labels",
    retries: 2
    localrule: True
    threads: 1
    resources:
        mem_mb=500,
        runtime=60,
    params:
        mirror=MIRROR,
        catalogs=SUPERPIXELS.catalogs,
        entry=SUPERPIXELS.entry_json,
    shell:
        "python -m kanrepro.superpixels.fetch --dataset {wildcards.dataset} --part {wildcards.part}"
        " --kind {wildcards.kind} --output {output} {params.mirror} {params.catalogs} > {log} 2>&1"


rule prepare_superpixels:
    input:
        unpack(SUPERPIXELS.files),
    output:
        SUPERPIXELS.store,
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
        runtime=SUPERPIXELS.preparation_minutes,
    params:
        files=lambda wildcards, input: " ".join(f"--{kind} {path}" for kind, path in input.items()),
        settings=lambda wildcards: settings_file(SETTINGS.superpixels.segments),
        catalogs=SUPERPIXELS.catalogs,
        entry=SUPERPIXELS.entry_json,
        code=code_digest("kanrepro.superpixels.prepare"),
    shell:
        "python -m kanrepro.superpixels.prepare --dataset {wildcards.dataset} --part {wildcards.part}"
        " {params.files} --settings {params.settings} --processes {threads} --output {output} {params.catalogs}"
        " > {log} 2>&1"


rule describe_superpixels:
    input:
        SUPERPIXELS.stores,
    output:
        SUPERPIXELS.description,
    log:
        f"logs/{SETTINGS.preset}/describe/{{dataset}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/describe/{{dataset}}.tsv"
    localrule: True
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
        train=SUPERPIXELS.train,
        test=SUPERPIXELS.test,
    output:
        SUPERPIXELS.split,
    log:
        f"logs/{SETTINGS.preset}/split/{{dataset}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/split/{{dataset}}-{{seed}}.tsv"
    localrule: True
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
        SUPERPIXELS.train,
    output:
        encoder=f"{SUPERPIXELS.run}/encoder.safetensors",
        history=f"{SUPERPIXELS.run}/history.csv",
        run=f"{SUPERPIXELS.run}/run.json",
    log:
        f"logs/{SETTINGS.preset}/pretrain/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/pretrain/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=PLACE.gpu,
        mem_mb=SUPERPIXELS.memory_mb,
        runtime=SUPERPIXELS.pretraining_minutes,
    params:
        method=lambda wildcards: find(wildcards.method).word,
        folder=lambda wildcards, output: os.path.dirname(output.encoder),
        limit=f"--limit {SETTINGS.superpixels.limit}" if SETTINGS.superpixels.limit else "",
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=lambda wildcards: settings_file(
            SETTINGS.superpixels.pretrain_settings(wildcards.method, wildcards.reading)
        ),
        code=lambda wildcards: training_code(wildcards.method),
    shell:
        "python -m kanrepro.pretraining.pretrain --store {input} --method {params.method:q} --reading {wildcards.reading}"
        " --seed {wildcards.seed} {params.limit} --output {params.folder} --preset {params.preset}"
        " --device {params.device} --threads {threads} --settings {params.settings} > {log} 2>&1"


rule finetune_superpixels:
    input:
        encoder=SUPERPIXELS.encoder,
        train=SUPERPIXELS.train,
        test=SUPERPIXELS.test,
        split=SUPERPIXELS.split,
    output:
        SUPERPIXELS.record,
    log:
        f"logs/{SETTINGS.preset}/finetune/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/finetune/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=PLACE.gpu,
        mem_mb=SUPERPIXELS.memory_mb,
        runtime=lambda wildcards, attempt: attempt * 120,
    params:
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=lambda wildcards: settings_file(SETTINGS.superpixels.finetune),
        states=lambda wildcards: f"{SUPERPIXELS.run}/finetune".format(**wildcards),
        code=code_digest("kanrepro.superpixels.finetune"),
    shell:
        "python -m kanrepro.superpixels.finetune --checkpoint {input.encoder} --train {input.train} --test {input.test}"
        " --split {input.split} --states {params.states} --settings {params.settings} --preset {params.preset}"
        " --device {params.device} --threads {threads} --output {output} > {log} 2>&1"


rule retrieve:
    input:
        images=SUPERPIXELS.images,
        encoder=f"{SUPERPIXELS.run}/encoder.safetensors",
        stores=SUPERPIXELS.stores,
    output:
        SUPERPIXELS.retrieval,
    log:
        f"logs/{SETTINGS.preset}/retrieve/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/retrieve/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    threads: SETTINGS.threads
    resources:
        gpu=PLACE.gpu,
        mem_mb=SUPERPIXELS.memory_mb,
        runtime=lambda wildcards, attempt: attempt * 60,
    params:
        images=lambda wildcards, input: option("images", input.images),
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=lambda wildcards: settings_file(SETTINGS.superpixels.retrieval),
        code=code_digest("kanrepro.superpixels.retrieve"),
    shell:
        "python -m kanrepro.superpixels.retrieve --checkpoint {input.encoder} --stores {input.stores} {params.images}"
        " --settings {params.settings} --preset {params.preset} --device {params.device} --threads {threads}"
        " --output {output} > {log} 2>&1"
