"""From records to tables, figures and the page."""

TU_DESCRIPTIONS = described(DESCRIPTION, SETTINGS.tu.datasets)
DESCRIPTIONS = [*TU_DESCRIPTIONS, *MOLECULE_DESCRIPTIONS, *SUPERPIXEL_DESCRIPTIONS]
PUBLISHED = [f"{workflow.basedir}/workflow/published/table{number}.csv" for number in (2, 3, 4, 7)]
NEEDED = {
    "table2": records([*SETTINGS.tu.methods, *SETTINGS.tu.controls]),
    "table3": records([method for method in SETTINGS.tu.methods if method == "khan_gcl"]),
    "table4": [],
    "table7": TABLE7,
    "figure4": records([*SETTINGS.tu.methods, *(c for c in SETTINGS.tu.controls if c.startswith("untrained"))]),
}
DESCRIBED = {"table2": TU_DESCRIPTIONS, "table3": TU_DESCRIPTIONS, "table4": DESCRIPTIONS, "table7": []}
HISTORIES = {
    "history": wanted(
        f"{RUN}/history.csv".format(dataset=dataset, method=method, reading=reading, seed=SETTINGS.tu.seeds[0])
        for dataset, entry in ENTRIES.items()
        for method in SETTINGS.tu.methods
        for reading in methods.readings_of(method, list(SETTINGS.tu.readings), bool(entry.expected.node_labels))
    ),
    "history-molecules": MOLECULE_HISTORIES,
}
CURVES = [figure for figure, runs in HISTORIES.items() if runs]
# with `report: {records: existing}` runs may be elsewhere: a figure that is there stays as it is then
CURVES_SHOWN = [figure for figure in HISTORIES if figure in CURVES or os.path.exists(figure_files(figure)[0])]


rule table:
    input:
        records=lambda wildcards: NEEDED[wildcards.table],
        descriptions=lambda wildcards: DESCRIBED[wildcards.table],
        published=PUBLISHED,
    output:
        multiext(f"{RESULTS}/tables/{{table}}", ".md", ".csv", ".tex"),
        html=page(f"{RESULTS}/tables/{{table}}.html", "table", "Tables"),
    log:
        f"logs/{SETTINGS.preset}/{{table}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/{{table}}.tsv"
    wildcard_constraints:
        table=r"table[2347]",
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        options=options,
        stem=stem,
        margin=SETTINGS.report.margin,
        code=code_digest("kanrepro.report.table"),
    shell:
        "python -m kanrepro.report.table --table {wildcards.table} {params.options} --margin {params.margin}"
        " --output-stem {params.stem} > {log} 2>&1"


rule figure:
    input:
        records=NEEDED["figure4"],
        descriptions=TU_DESCRIPTIONS,
    output:
        png=page(f"{RESULTS}/figures/figure4.png", "figure4", "Figures"),
        svg=f"{RESULTS}/figures/figure4.svg",
    log:
        f"logs/{SETTINGS.preset}/figure4.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/figure4.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        options=options,
        stem=stem,
        code=code_digest("kanrepro.report.figure"),
    shell:
        "python -m kanrepro.report.figure --figure figure4 {params.options} --output-stem {params.stem} > {log} 2>&1"


rule history:
    input:
        histories=lambda wildcards: HISTORIES[wildcards.history],
    output:
        png=page(f"{RESULTS}/figures/{{history}}.png", "history", "Figures"),
        svg=f"{RESULTS}/figures/{{history}}.svg",
    log:
        f"logs/{SETTINGS.preset}/{{history}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/{{history}}.tsv"
    wildcard_constraints:
        history="|".join(CURVES) or "(?!)",  # without runs nothing can be drawn
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        options=lambda wildcards: history_options(wildcards.history),
        stem=stem,
        code=code_digest("kanrepro.report.figure"),
    shell:
        "python -m kanrepro.report.figure --figure {wildcards.history} {params.options} --histories {input.histories}"
        " --output-stem {params.stem} > {log} 2>&1"


rule report_page:
    input:
        records=NEEDED["table2"] + TABLE7,
        descriptions=DESCRIPTIONS,
        published=PUBLISHED,
        template=f"{workflow.basedir}/workflow/kanrepro/page/page.html.j2",
        tables=expand(
            f"{RESULTS}/tables/{{table}}.html", table=["table2", "table3", "table4", *(["table7"] if TABLE7 else [])]
        ),
        figures=[f"{RESULTS}/figures/figure4.svg", *(figure_files(figure)[0] for figure in CURVES_SHOWN)],
        analysis_figures=[f"{RESULTS}/figures/{figure}.png" for figure in ANALYSED],
        sensitivity_figures=figure_files("figure5")[:1] if FIGURE5_SHOWN else [],
        image_tables=[f"{RESULTS}/tables/{table}.html" for table in IMAGE_TABLES if IMAGE_RECORDS],
        image_figures=[f"{RESULTS}/figures/{figure}.png" for figure in DRAWN],
        image_records=IMAGE_RECORDS,
        transfer_tables=[f"{RESULTS}/tables/{table}.html" for table in TRANSFER_SHOWN],
        transfer_records=TRANSFER_RECORDS,
        measures=MEASURE_RECORDS,
    output:
        page(PAGE, "page", "Report"),
    log:
        f"logs/{SETTINGS.preset}/report.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/report.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        options=options,
        images=lambda wildcards, input: image_page_options(input.image_records),
        transfer=lambda wildcards, input: " ".join(
            [
                transfer_options("transfer-records", input.transfer_records),
                transfer_options("measures", input.measures),
            ]
        ),
        margin=SETTINGS.report.margin,
        code=code_digest("kanrepro.page.page"),
    shell:
        "python -m kanrepro.page.page {params.options} {params.images} {params.transfer} --margin {params.margin}"
        " --figures {input.figures} {input.sensitivity_figures} {input.analysis_figures} {input.image_figures} --output {output} > {log} 2>&1"
