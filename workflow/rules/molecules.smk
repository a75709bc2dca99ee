"""Molecules: from files of SMILES to stores, their scaffold splits and descriptions; pre-training on them."""


rule fetch_molecules:
    output:
        MOLECULE_FILE,
    log:
        "logs/fetch/{dataset}-{file}.log",
    benchmark:
        "benchmarks/fetch/{dataset}-{file}.tsv"
    retries: 2
    threads: 1
    resources:
        mem_mb=500,
        runtime=240,
    params:
        mirror=MIRROR,
        catalogs=MOLECULE_CATALOGS,
        entry=lambda wildcards: as_json(MOLECULE_ENTRIES[wildcards.dataset]),
    shell:
        "python -m kanrepro.molecules.fetch --dataset {wildcards.dataset} --file {wildcards.file}"
        " --output {output} {params.mirror} {params.catalogs} > {log} 2>&1"


# shards lie beside the report and are no outputs: they stay when a job is broken off, and the next one goes on
rule shard_molecules:
    input:
        molecule_files,
    output:
        MOLECULE_PART,
    log:
        "logs/shards/{dataset}-{part}-of-{parts}.log",
    benchmark:
        "benchmarks/shards/{dataset}-{part}-of-{parts}.tsv"
    wildcard_constraints:
        part=r"\d+",
    retries: 1
    threads: SETTINGS.threads
    resources:
        mem_mb=lambda wildcards, attempt, threads: attempt * (1000 + 300 * threads),
        runtime=lambda wildcards, attempt: attempt * 60,
    params:
        folder=lambda wildcards, output: os.path.dirname(output[0]),
        source=lambda wildcards, input: f"--source {' '.join(input)}" if len(input) else "",
        catalogs=MOLECULE_CATALOGS,
        entry=lambda wildcards: as_json(MOLECULE_ENTRIES[wildcards.dataset]),
        code=code_digest("kanrepro.molecules.shards"),
    shell:
        "python -m kanrepro.molecules.shards --dataset {wildcards.dataset} {params.source}"
        " --part {wildcards.part}/{wildcards.parts} --processes {threads} --output {params.folder}"
        " {params.catalogs} > {log} 2>&1"


rule join_molecules:
    input:
        molecule_parts,
    output:
        f"{MOLECULES}.safetensors",
    log:
        "logs/prepare/{dataset}.log",
    benchmark:
        "benchmarks/prepare/{dataset}.tsv"
    retries: 1
    threads: 1
    resources:
        mem_mb=molecule_memory_mb,
        runtime=lambda wildcards, attempt: attempt * 30,
    params:
        catalogs=MOLECULE_CATALOGS,
        entry=lambda wildcards: as_json(MOLECULE_ENTRIES[wildcards.dataset]),
        code=code_digest("kanrepro.molecules.join"),
    shell:
        "python -m kanrepro.molecules.join --dataset {wildcards.dataset} --parts {input} --output {output}"
        " {params.catalogs} > {log} 2>&1"


rule split_molecules:
    input:
        f"{MOLECULES}.safetensors",
    output:
        MOLECULE_SPLIT,
    log:
        "logs/splits/{dataset}-{scaffold_split}-{seed}.log",
    benchmark:
        "benchmarks/splits/{dataset}-{scaffold_split}-{seed}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 2000,
        runtime=lambda wildcards, attempt: attempt * 30,
    params:
        code=code_digest("kanrepro.molecules.splits"),
    shell:
        "python -m kanrepro.molecules.splits --store {input} --split {wildcards.scaffold_split}"
        " --seed {wildcards.seed} --output {output} > {log} 2>&1"


rule describe_molecules:
    input:
        store=f"{MOLECULES}.safetensors",
        splits=molecule_splits,
    output:
        MOLECULE_DESCRIPTION,
    log:
        f"logs/{SETTINGS.preset}/describe/{{dataset}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/describe/{{dataset}}.tsv"
    threads: 1
    resources:
        mem_mb=molecule_memory_mb,
        runtime=lambda wildcards, attempt: attempt * 10,
    params:
        code=code_digest("kanrepro.molecules.describe"),
    shell:
        "python -m kanrepro.molecules.describe --store {input.store} --splits {input.splits} --output {output}"
        " > {log} 2>&1"


rule pretrain_molecules:
    input:
        f"{MOLECULES}.safetensors",
    output:
        encoder=f"{MOLECULE_RUN}/encoder.safetensors",
        history=f"{MOLECULE_RUN}/history.csv",
        run=f"{MOLECULE_RUN}/run.json",
    log:
        f"logs/{SETTINGS.preset}/pretrain-molecules/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/pretrain-molecules/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=SETTINGS.gpu * SETTINGS.molecules.processes,
        mem_mb=pretraining_memory_mb,
        runtime=pretraining_minutes,
    params:
        launcher=molecule_launcher(),
        folder=lambda wildcards, output: os.path.dirname(output.encoder),
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        limit=f"--limit {SETTINGS.molecules.limit}" if SETTINGS.molecules.limit else "",
        settings=lambda wildcards: as_json(SETTINGS.molecules.pretrain_settings(wildcards.method, wildcards.reading)),
        code=code_digest("kanrepro.pretraining.pretrain"),
    shell:
        "{params.launcher} -m kanrepro.pretraining.pretrain --store {input} --method {wildcards.method}"
        " --reading {wildcards.reading} --seed {wildcards.seed} {params.limit} --output {params.folder}"
        " --preset {params.preset} --device {params.device} --threads {threads} --settings {params.settings:q}"
        " > {log} 2>&1"
