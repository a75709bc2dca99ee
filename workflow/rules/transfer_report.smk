"""Tables of transfer learning."""

TRANSFER_RECORDS = transfer_records()
MEASURE_RECORDS = measure_records()
# what each table is made of, by the option that says so; with `report: {records: existing}` it may not be there
TRANSFER_NEEDED = {"table1": ("records", TRANSFER_RECORDS), "table6": ("measures", MEASURE_RECORDS)}
TRANSFER_SHOWN = [table for table in TRANSFER_TABLES if TRANSFER_NEEDED[table][1]]


rule transfer_table:
    input:
        records=lambda wildcards: TRANSFER_NEEDED[wildcards.table][1],
        published=lambda wildcards: f"{workflow.basedir}/workflow/published/{wildcards.table}.csv",
    output:
        multiext(f"{RESULTS}/tables/{{table}}", ".md", ".csv", ".tex"),
        html=page(f"{RESULTS}/tables/{{table}}.html", "transfer_table", "Tables"),
    log:
        f"logs/{SETTINGS.preset}/{{table}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/{{table}}.tsv"
    wildcard_constraints:
        table="|".join(TRANSFER_TABLES),
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        given=lambda wildcards, input: transfer_options(TRANSFER_NEEDED[wildcards.table][0], input.records),
        preset=SETTINGS.preset,
        stem=stem,
        margin=SETTINGS.report.margin,
        code=code_digest("kanrepro.molecules.report.table"),
    shell:
        "python -m kanrepro.molecules.report.table --table {wildcards.table} --preset {params.preset} {params.given}"
        " --margin {params.margin} --output-stem {params.stem} > {log} 2>&1"
