"""What trained encoders look like inside: Figure 2b, and what CKFI picks."""


rule splines:
    input:
        f"{RUN}/encoder.safetensors",
    output:
        SPLINES,
    log:
        f"logs/{SETTINGS.preset}/splines/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/splines/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        preset=SETTINGS.preset,
        code=code_digest("kanrepro.studies.splines"),
    shell:
        "python -m kanrepro.studies.splines --checkpoint {input} --preset {params.preset} --output {output}"
        " > {log} 2>&1"


rule criticality:
    input:
        encoder=f"{RUN}/encoder.safetensors",
        store=f"{TU}.safetensors",
        folds=rules.fold_tu.output[0],
    output:
        CRITICALITY,
    log:
        f"logs/{SETTINGS.preset}/criticality/{{dataset}}-{{method}}-{{reading}}-{{seed}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/criticality/{{dataset}}-{{method}}-{{reading}}-{{seed}}.tsv"
    threads: 1
    resources:
        mem_mb=memory_mb,
        runtime=lambda wildcards, attempt: attempt * 30,
    params:
        preset=SETTINGS.preset,
        code=code_digest("kanrepro.studies.criticality"),
    shell:
        "python -m kanrepro.studies.criticality --checkpoint {input.encoder} --store {input.store}"
        " --folds {input.folds} --preset {params.preset} --output {output} > {log} 2>&1"
