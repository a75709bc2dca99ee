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
        "python -m kanrepro.data.superpixels.fetch --dataset {wildcards.dataset} --part {wildcards.part}"
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
        code=code_digest("kanrepro.data.superpixels.prepare"),
    shell:
        "python -m kanrepro.data.superpixels.prepare --dataset {wildcards.dataset} --part {wildcards.part}"
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
        code=code_digest("kanrepro.data.superpixels.describe"),
    shell:
        "python -m kanrepro.data.superpixels.describe --stores {input} --output {output} > {log} 2>&1"
