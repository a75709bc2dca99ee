"""Molecules: from files of SMILES to stores and splits; pre-training, fine-tuning, controls, the seconds of a step."""

from kanrepro.molecules.jobs import Jobs as MoleculeJobs

MOLECULES = checked(MoleculeJobs, PLACE, SETTINGS.molecules, SETTINGS.data.molecule_catalog)
# what each table is made of
MOLECULE_TABLES = {"table1": MOLECULES.records(), "table6": MOLECULES.measures()}


wildcard_constraints:
    file=r"\d+",
    parts=r"\d+",
    width=r"(?!)" if PLACE.existing else r"\d+",
    scaffold_split="scaffold|scaffold-stable|random-scaffold",


rule fetch_molecules:
    output:
        MOLECULES.file,
    log:
        "logs/fetch/{dataset}-{file}.log",
    benchmark:
        "benchmarks/fetch/{dataset}-{file}.tsv"
    retries: 2
    localrule: True
    threads: 1
    resources:
        mem_mb=500,
        runtime=240,
    params:
        mirror=MIRROR,
        catalogs=MOLECULES.catalogs,
        entry=lambda wildcards: as_json(MOLECULES.entries[wildcards.dataset]),
    shell:
        "python -m kanrepro.molecules.fetch --dataset {wildcards.dataset} --file {wildcards.file}"
        " --output {output} {params.mirror} {params.catalogs} > {log} 2>&1"


# shards lie beside the report and are no outputs: they stay when a job is broken off, and the next one goes on
rule shard_molecules:
    input:
        MOLECULES.files,
    output:
        MOLECULES.part,
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
        source=lambda wildcards, input: option("source", input),
        catalogs=MOLECULES.catalogs,
        entry=lambda wildcards: as_json(MOLECULES.entries[wildcards.dataset]),
        code=code_digest("kanrepro.molecules.shards"),
    shell:
        "python -m kanrepro.molecules.shards --dataset {wildcards.dataset} {params.source}"
        " --part {wildcards.part}/{wildcards.parts} --processes {threads} --output {params.folder}"
        " {params.catalogs} > {log} 2>&1"


rule join_molecules:
    input:
        MOLECULES.parts,
    output:
        MOLECULES.store,
    log:
        "logs/prepare/{dataset}.log",
    benchmark:
        "benchmarks/prepare/{dataset}.tsv"
    retries: 1
    threads: 1
    resources:
        mem_mb=MOLECULES.memory_mb,
        runtime=lambda wildcards, attempt: attempt * 30,
    params:
        parts=lambda wildcards, input: option("parts", input),
        catalogs=MOLECULES.catalogs,
        entry=lambda wildcards: as_json(MOLECULES.entries[wildcards.dataset]),
        code=code_digest("kanrepro.molecules.join"),
    shell:
        "python -m kanrepro.molecules.join --dataset {wildcards.dataset} {params.parts} --output {output}"
        " {params.catalogs} > {log} 2>&1"


rule split_molecules:
    input:
        MOLECULES.store,
    output:
        MOLECULES.split,
    log:
        "logs/splits/{dataset}-{scaffold_split}-{seed}.log",
    benchmark:
        "benchmarks/splits/{dataset}-{scaffold_split}-{seed}.tsv"
    localrule: True
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
        store=MOLECULES.store,
        splits=MOLECULES.splits,
    output:
        MOLECULES.description,
    log:
        f"logs/{SETTINGS.preset}/describe/{{dataset}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/describe/{{dataset}}.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=MOLECULES.memory_mb,
        runtime=lambda wildcards, attempt: attempt * 10,
    params:
        splits=lambda wildcards, input: option("splits", input.splits),
        code=code_digest("kanrepro.molecules.describe"),
    shell:
        "python -m kanrepro.molecules.describe --store {input.store} {params.splits} --output {output}" " > {log} 2>&1"


rule pretrain_molecules:
    input:
        MOLECULES.store,
    output:
        encoder=f"{MOLECULES.run}/encoder.safetensors",
        history=f"{MOLECULES.run}/history.csv",
        run=f"{MOLECULES.run}/run.json",
    log:
        f"logs/{SETTINGS.preset}/pretrain-molecules/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/pretrain-molecules/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=PLACE.gpu * SETTINGS.molecules.processes,
        mem_mb=MOLECULES.pretraining_memory_mb,
        runtime=MOLECULES.pretraining_minutes,
    params:
        method=lambda wildcards: find(wildcards.method).word,
        launcher=MOLECULES.launcher(),
        folder=lambda wildcards, output: os.path.dirname(output.encoder),
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        limit=f"--limit {SETTINGS.molecules.limit}" if SETTINGS.molecules.limit else "",
        settings=lambda wildcards: settings_file(
            SETTINGS.molecules.pretrain_settings(wildcards.method, wildcards.reading)
        ),
        code=lambda wildcards: training_code(wildcards.method),
    shell:
        "{params.launcher} -m kanrepro.pretraining.pretrain --store {input} --method {params.method:q}"
        " --reading {wildcards.reading} --seed {wildcards.seed} {params.limit} --output {params.folder}"
        " --preset {params.preset} --device {params.device} --threads {threads} --settings {params.settings}"
        " > {log} 2>&1"


# one job for all seeds: Python and PyTorch start once, and the set is read once
rule finetune:
    input:
        encoders=lambda wildcards: MOLECULES.for_all_seeds(MOLECULES.encoder_of(wildcards.method, wildcards.reading)),
        store=MOLECULES.store,
        splits=MOLECULES.splits,
    output:
        expand(MOLECULES.record, seed=SETTINGS.molecules.seeds, allow_missing=True),
    log:
        f"logs/{SETTINGS.preset}/finetune/{{dataset}}-{{method}}-{{reading}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/finetune/{{dataset}}-{{method}}-{{reading}}.tsv"
    wildcard_constraints:
        method=MOLECULES.trainable,
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=PLACE.gpu,
        mem_mb=lambda wildcards, attempt: attempt * 3000,
        runtime=MOLECULES.finetuning_minutes,
    params:
        encoder=lambda wildcards: MOLECULES.encoder_of(wildcards.method, wildcards.reading),
        split=lambda wildcards: MOLECULES.split_of(wildcards.dataset),
        seeds=" ".join(map(str, SETTINGS.molecules.seeds)),
        record=lambda wildcards: MOLECULES.record.format(**wildcards, seed="{seed}"),
        states=lambda wildcards: MOLECULES.states.format(**wildcards),
        experiment="transfer",
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=lambda wildcards: settings_file(SETTINGS.molecules.finetune),
        code=code_digest("kanrepro.molecules.finetune"),
    shell:
        "python -m kanrepro.molecules.finetune --checkpoint '{params.encoder}' --store {input.store} --split '{params.split}'"
        " --seeds {params.seeds} --output '{params.record}' --states {params.states}"
        " --experiment {params.experiment} --preset {params.preset}"
        " --device {params.device} --threads {threads} --settings {params.settings} > {log} 2>&1"


rule fingerprint:
    input:
        store=MOLECULES.store,
        splits=MOLECULES.splits,
    output:
        expand(
            MOLECULES.record, seed=SETTINGS.molecules.seeds, method="fingerprint", reading="none", allow_missing=True
        ),
    log:
        f"logs/{SETTINGS.preset}/fingerprint/{{dataset}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/fingerprint/{{dataset}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 3000,
        runtime=MOLECULES.fingerprint_minutes,
    params:
        split=lambda wildcards: MOLECULES.split_of(wildcards.dataset),
        seeds=" ".join(map(str, SETTINGS.molecules.seeds)),
        record=lambda wildcards: MOLECULES.record.format(
            **wildcards, method="fingerprint", reading="none", seed="{seed}"
        ),
        preset=SETTINGS.preset,
        settings=lambda wildcards: settings_file(SETTINGS.molecules.fingerprint),
        code=code_digest("kanrepro.molecules.fingerprint"),
    shell:
        "python -m kanrepro.molecules.fingerprint --store {input.store} --split '{params.split}' --seeds {params.seeds}"
        " --output '{params.record}' --preset {params.preset} --threads {threads} --settings {params.settings}"
        " > {log} 2>&1"


rule measure:
    input:
        MOLECULES.store.format(dataset=SETTINGS.molecules.pretrain_set),
    output:
        MOLECULES.measure,
    log:
        f"logs/{SETTINGS.preset}/measure/{{width}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/measure/{{width}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=PLACE.gpu,
        mem_mb=lambda wildcards, attempt: attempt * 16000,
        runtime=lambda wildcards, attempt: attempt * 120,
    params:
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        methods=lambda wildcards: said("methods", [MOLECULES.clocked_settings()]),
        settings=lambda wildcards: settings_file(SETTINGS.molecules.measure),
        code=MOLECULES.clocking_code(),
    shell:
        "python -m kanrepro.molecules.measure --store {input} --width {wildcards.width} --output {output}"
        " --preset {params.preset} --device {params.device} --threads {threads} --methods {params.methods}"
        " --settings {params.settings} > {log} 2>&1"


rule transfer_table:
    input:
        records=lambda wildcards: MOLECULE_TABLES[wildcards.table],
        published=lambda wildcards: f"{workflow.basedir}/workflow/published/{wildcards.table}.csv",
    output:
        multiext(f"{RESULTS}/tables/{{table}}", ".md", ".csv", ".tex"),
        html=page(f"{RESULTS}/tables/{{table}}.html", "transfer_table", "Tables"),
    log:
        f"logs/{SETTINGS.preset}/{{table}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/{{table}}.tsv"
    wildcard_constraints:
        table="|".join(MOLECULE_TABLES),
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        shown=SHOWN,
        others=MOLECULES.others,
        stem=stem,
        margin=SETTINGS.report.margin,
        code=code_digest("kanrepro.molecules.report.table"),
    shell:
        "python -m kanrepro.molecules.report.table --table {wildcards.table} {params.shown}"
        " --margin {params.margin} --output-stem {params.stem} > {log} 2>&1"
