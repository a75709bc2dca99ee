"""DEQ-KAN on medical images: sets and splits, classifiers and their assessment, how the maps converge; what it shows."""

from kanrepro.images.door import TABLES as IMAGE_TABLES
from kanrepro.images.jobs import Jobs as ImageJobs
from kanrepro.images.variants import SPLITS

IMAGES = checked(ImageJobs, PLACE, SETTINGS.images, SETTINGS.data.image_catalog)


wildcard_constraints:
    split="|".join(SPLITS),
    model=r"[a-z0-9_]+",
    size=r"\d+",


rule fetch_images:
    output:
        IMAGES.source,
    log:
        "logs/fetch/{dataset}-{part}.log",
    benchmark:
        "benchmarks/fetch/{dataset}-{part}.tsv"
    wildcard_constraints:
        part="archive|groups",
    retries: 2
    localrule: True
    threads: 1
    resources:
        mem_mb=500,
        runtime=240,
    params:
        mirror=MIRROR,
        catalogs=IMAGES.catalogs,
        entry=lambda wildcards: as_json(IMAGES.entries[wildcards.dataset]),
    shell:
        "python -m kanrepro.images.fetch --dataset {wildcards.dataset} --part {wildcards.part} --output {output}"
        " {params.mirror} {params.catalogs} > {log} 2>&1"


rule prepare_images:
    input:
        unpack(IMAGES.sources),
    output:
        IMAGES.store,
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
        catalogs=IMAGES.catalogs,
        entry=lambda wildcards: as_json(IMAGES.entries[wildcards.dataset]),
        code=code_digest("kanrepro.images.prepare"),
    shell:
        "python -m kanrepro.images.prepare --dataset {wildcards.dataset} {params.sources} --size {wildcards.size}"
        " --output {output} {params.catalogs} > {log} 2>&1"


rule split_images:
    input:
        IMAGES.store,
    output:
        IMAGES.split,
    log:
        "logs/splits/{dataset}-{size}-{split}-{seed}.log",
    benchmark:
        "benchmarks/splits/{dataset}-{size}-{split}-{seed}.tsv"
    localrule: True
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
        store=IMAGES.store_of,
        splits=IMAGES.splits,
    output:
        IMAGES.description,
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
        splits=lambda wildcards, input: option("splits", input.splits),
        code=code_digest("kanrepro.images.describe"),
    shell:
        "python -m kanrepro.images.describe --store {input.store} {params.splits} --output {output}" " > {log} 2>&1"


rule classify:
    input:
        store=IMAGES.store_of,
        split=IMAGES.split_of,
    output:
        model=f"{IMAGES.run}/model.safetensors",
        history=f"{IMAGES.run}/history.csv",
        run=f"{IMAGES.run}/run.json",
    log:
        f"logs/{SETTINGS.preset}/classify/{{dataset}}-{{split}}-{{model}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/classify/{{dataset}}-{{split}}-{{model}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=PLACE.gpu,
        mem_mb=IMAGES.memory_mb,
        runtime=IMAGES.training_minutes,
    params:
        folder=lambda wildcards, output: os.path.dirname(output.model),
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=lambda wildcards: settings_file(SETTINGS.images.classify_settings(wildcards.model)),
        code=code_digest("kanrepro.images.classify"),
    shell:
        "python -m kanrepro.images.classify --store {input.store} --split {input.split} --model {wildcards.model}"
        " --seed {wildcards.seed} --output {params.folder} --preset {params.preset} --device {params.device}"
        " --threads {threads} --settings {params.settings} > {log} 2>&1"


rule assess:
    input:
        model=f"{IMAGES.run}/model.safetensors",
        store=IMAGES.store_of,
        split=IMAGES.split_of,
    output:
        IMAGES.record,
    log:
        f"logs/{SETTINGS.preset}/assess/{{dataset}}-{{split}}-{{model}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/assess/{{dataset}}-{{split}}-{{model}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=PLACE.gpu,
        mem_mb=IMAGES.memory_mb,
        runtime=lambda wildcards, attempt: attempt * 60,
    params:
        device=SETTINGS.device,
        settings=lambda wildcards: settings_file(SETTINGS.images.evaluation),
        code=code_digest("kanrepro.images.assess"),
    shell:
        "python -m kanrepro.images.assess --checkpoint {input.model} --store {input.store} --split {input.split}"
        " --output {output} --device {params.device} --threads {threads} --settings {params.settings} > {log} 2>&1"


rule trace:
    input:
        models=IMAGES.traced,
        store=IMAGES.store_of,
        split=IMAGES.traced_split,
    output:
        IMAGES.trace,
    log:
        f"logs/{SETTINGS.preset}/trace/{{dataset}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/trace/{{dataset}}.tsv"
    threads: SETTINGS.threads
    resources:
        mem_mb=IMAGES.memory_mb,
        runtime=lambda wildcards, attempt: attempt * 30,
    params:
        checkpoints=lambda wildcards, input: option("checkpoints", input.models),
        preset=SETTINGS.preset,
        code=code_digest("kanrepro.images.trace"),
    shell:
        "python -m kanrepro.images.trace {params.checkpoints} --store {input.store} --split {input.split}"
        " --preset {params.preset} --output {output} > {log} 2>&1"


if not PLACE.existing:

    rule memory:
        output:
            IMAGES.memory,
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


rule image_table:
    input:
        records=IMAGES.records,
    output:
        multiext(f"{RESULTS}/tables/{{table}}", ".md", ".csv", ".tex"),
        html=page(f"{RESULTS}/tables/{{table}}.html", "image_table", "Tables"),
    log:
        f"logs/{SETTINGS.preset}/{{table}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/{{table}}.tsv"
    wildcard_constraints:
        table="|".join(IMAGE_TABLES),
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        shown=SHOWN,
        others=IMAGES.others,
        split=SETTINGS.images.split,
        datasets=option("datasets", IMAGES.datasets),
        models=option("models", IMAGES.models),
        stem=stem,
        code=code_digest("kanrepro.images.report.table"),
    shell:
        "python -m kanrepro.images.report.table --table {wildcards.table} {params.shown}"
        " --split {params.split} {params.datasets} {params.models}"
        " --output-stem {params.stem} > {log} 2>&1"


rule image_figure:
    input:
        unpack(lambda wildcards: IMAGES.figures[wildcards.figure]),
    output:
        png=page(f"{RESULTS}/figures/{{figure}}.png", "image_figure", "Figures"),
        svg=f"{RESULTS}/figures/{{figure}}.svg",
    log:
        f"logs/{SETTINGS.preset}/{{figure}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/{{figure}}.tsv"
    wildcard_constraints:
        figure="|".join(IMAGES.drawn) or "(?!)",  # without runs some cannot be drawn
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        given=lambda wildcards: " ".join(
            option(name, files) for name, files in IMAGES.figures[wildcards.figure].items() if name != "records"
        ),
        shown=SHOWN,
        others=IMAGES.others,
        split=SETTINGS.images.split,
        datasets=option("datasets", IMAGES.datasets),
        models=option("models", IMAGES.models),
        stem=stem,
        code=code_digest("kanrepro.images.report.figure"),
    shell:
        "python -m kanrepro.images.report.figure --figure {wildcards.figure} {params.shown}"
        " --split {params.split} {params.given} {params.datasets} {params.models}"
        " --output-stem {params.stem} > {log} 2>&1"
