"""Khan-GCL around its default: the trainings and evaluations of Tables 2 and 1 with other sizes of perturbations."""


use rule pretrain_tu as pretrain_tu_moved with:
    output:
        encoder=f"{MOVED_RUN}/encoder.safetensors",
        history=f"{MOVED_RUN}/history.csv",
        run=f"{MOVED_RUN}/run.json",
    log:
        f"logs/{SETTINGS.preset}/sensitivity/pretrain-tu/{MOVED}/{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/sensitivity/pretrain-tu/{MOVED}/{{seed}}.tsv"
    params:
        settings=lambda wildcards: moved_settings(wildcards, "tu"),


use rule probe_tu as probe_tu_moved with:
    input:
        encoder=f"{MOVED_RUN}/encoder.safetensors",
        store=f"{TU}.safetensors",
        folds=rules.fold_tu.output[0],
    output:
        MOVED_RECORD,
    log:
        f"logs/{SETTINGS.preset}/sensitivity/probe-tu/{MOVED}/{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/sensitivity/probe-tu/{MOVED}/{{seed}}.tsv"
    params:
        experiment="sensitivity",


use rule pretrain_molecules as pretrain_molecules_moved with:
    output:
        encoder=f"{MOVED_MOLECULE_RUN}/encoder.safetensors",
        history=f"{MOVED_MOLECULE_RUN}/history.csv",
        run=f"{MOVED_MOLECULE_RUN}/run.json",
    log:
        f"logs/{SETTINGS.preset}/sensitivity/pretrain-molecules/{MOVED}/{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/sensitivity/pretrain-molecules/{MOVED}/{{seed}}.tsv"
    params:
        settings=lambda wildcards: moved_settings(wildcards, "molecules"),


use rule finetune as finetune_moved with:
    input:
        encoders=lambda wildcards: moved_encoder(wildcards),
        store=f"{MOLECULES}.safetensors",
        splits=lambda wildcards: for_all_seeds(split_pattern(wildcards.dataset)),
    output:
        expand(MOVED_TRANSFER_RECORD, seed=TUNING_SEEDS, allow_missing=True),
    log:
        f"logs/{SETTINGS.preset}/sensitivity/finetune/{MOVED}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/sensitivity/finetune/{MOVED}.tsv"
    params:
        encoder=lambda wildcards: moved_encoder(wildcards),
        seeds=" ".join(map(str, TUNING_SEEDS)),
        record=lambda wildcards: MOVED_TRANSFER_RECORD.format(**{**wildcards, "seed": "{seed}"}),
        states=lambda wildcards: MOVED_TRANSFER_STATES.format(**wildcards),
        experiment="sensitivity",
