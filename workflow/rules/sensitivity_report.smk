"""Figure 5, of records alone."""

# without a record beside the default nothing was varied
FIGURE5_SHOWN = any(MOVED_RECORDS in path for path in WATCHED + WATCHED_TRANSFER)


rule sensitivity_figure:
    input:
        records=WATCHED,
        transfer_records=WATCHED_TRANSFER,
        published=[f"{workflow.basedir}/workflow/published/table{number}.csv" for number in (1, 2)],
    output:
        png=page(f"{RESULTS}/figures/figure5.png", "figure5", "Figures"),
        rest=FIGURE5[1:],
    log:
        f"logs/{SETTINGS.preset}/figure5.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/figure5.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        given=lambda wildcards, input: " ".join(
            [
                transfer_options("records", input.records),
                transfer_options("transfer-records", input.transfer_records),
                transfer_options("datasets", WATCHED_SETS),
                transfer_options("transfer", WATCHED_MOLECULES),
            ]
        ),
        preset=SETTINGS.preset,
        catalogs=CATALOGS,
        stem=stem,
        code=code_digest("kanrepro.studies.report.sensitivity_figure"),
    shell:
        "python -m kanrepro.studies.report.sensitivity_figure --preset {params.preset} {params.given} {params.catalogs}"
        " --output-stem {params.stem} > {log} 2>&1"
