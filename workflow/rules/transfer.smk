"""Transfer learning: fine-tune pre-trained encoders, the control without a network, and the seconds of a step."""


# one job for all seeds: Python and PyTorch start once, and the set is read once
rule finetune:
    input:
        encoders=lambda wildcards: for_all_seeds(encoder_pattern(wildcards.method, wildcards.reading)),
        store=f"{MOLECULES}.safetensors",
        splits=lambda wildcards: for_all_seeds(split_pattern(wildcards.dataset)),
    output:
        expand(TRANSFER_RECORD, seed=SETTINGS.molecules.seeds, allow_missing=True),
    log:
        f"logs/{SETTINGS.preset}/finetune/{{dataset}}-{{method}}-{{reading}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/finetune/{{dataset}}-{{method}}-{{reading}}.tsv"
    wildcard_constraints:
        method="|".join(methods.ALL),
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=SETTINGS.gpu,
        mem_mb=lambda wildcards, attempt: attempt * 3000,
        runtime=finetuning_minutes,
    params:
        encoder=lambda wildcards: encoder_pattern(wildcards.method, wildcards.reading),
        split=lambda wildcards: split_pattern(wildcards.dataset),
        seeds=" ".join(map(str, SETTINGS.molecules.seeds)),
        record=lambda wildcards: TRANSFER_RECORD.format(**wildcards, seed="{seed}"),
        states=lambda wildcards: TRANSFER_STATES.format(**wildcards),
        experiment="transfer",
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        settings=as_json(SETTINGS.molecules.finetune),
        code=code_digest("kanrepro.molecules.finetune"),
    shell:
        "python -m kanrepro.molecules.finetune --checkpoint '{params.encoder}' --store {input.store} --split '{params.split}'"
        " --seeds {params.seeds} --output '{params.record}' --states {params.states}"
        " --experiment {params.experiment} --preset {params.preset}"
        " --device {params.device} --threads {threads} --settings {params.settings:q} > {log} 2>&1"


rule fingerprint:
    input:
        store=f"{MOLECULES}.safetensors",
        splits=lambda wildcards: for_all_seeds(split_pattern(wildcards.dataset)),
    output:
        expand(TRANSFER_RECORD, seed=SETTINGS.molecules.seeds, method="fingerprint", reading="none", allow_missing=True),
    log:
        f"logs/{SETTINGS.preset}/fingerprint/{{dataset}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/fingerprint/{{dataset}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 3000,
        runtime=fingerprint_minutes,
    params:
        split=lambda wildcards: split_pattern(wildcards.dataset),
        seeds=" ".join(map(str, SETTINGS.molecules.seeds)),
        record=lambda wildcards: TRANSFER_RECORD.format(
            **wildcards, method="fingerprint", reading="none", seed="{seed}"
        ),
        preset=SETTINGS.preset,
        settings=as_json(SETTINGS.molecules.fingerprint),
        code=code_digest("kanrepro.molecules.fingerprint"),
    shell:
        "python -m kanrepro.molecules.fingerprint --store {input.store} --split '{params.split}' --seeds {params.seeds}"
        " --output '{params.record}' --preset {params.preset} --threads {threads} --settings {params.settings:q}"
        " > {log} 2>&1"


rule measure:
    input:
        f"{MOLECULES}.safetensors".format(dataset=SETTINGS.molecules.pretrain_set),
    output:
        MEASURE_RECORD,
    log:
        f"logs/{SETTINGS.preset}/measure/{{width}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/measure/{{width}}.tsv"
    retries: 1
    threads: SETTINGS.threads
    resources:
        gpu=SETTINGS.gpu,
        mem_mb=lambda wildcards, attempt: attempt * 16000,
        runtime=lambda wildcards, attempt: attempt * 120,
    params:
        preset=SETTINGS.preset,
        device=SETTINGS.device,
        methods=measured_settings(),
        settings=as_json(SETTINGS.molecules.measure),
        code=code_digest("kanrepro.molecules.measure"),
    shell:
        "python -m kanrepro.molecules.measure --store {input} --width {wildcards.width} --output {output}"
        " --preset {params.preset} --device {params.device} --threads {threads} --methods {params.methods:q}"
        " --settings {params.settings:q} > {log} 2>&1"
