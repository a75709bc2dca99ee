"""From records of all families to tables, figures and the page."""

MADE_BY = {name: table.module for family in FAMILIES for name, table in family.tables.items()}
DRAWN_BY = {name: module for family in FAMILIES for name, module in family.figures.items()}
DESCRIPTIONS = [*TU.descriptions, *MOLECULES.descriptions, *SUPERPIXELS.descriptions]
PUBLISHED = [f"{workflow.basedir}/workflow/published/table{number}.csv" for number in (2, 3, 4, 7)]
NEEDED = {
    "table2": TU.records([*SETTINGS.tu.methods, *SETTINGS.tu.controls]),
    "table3": TU.records([method for method in SETTINGS.tu.methods if method == "khan_gcl"]),
    "epoch_rules": TU.records([*SETTINGS.tu.methods, *SETTINGS.tu.controls]),
    "table4": [],
    "table7": SUPERPIXELS.records(),
    "figure4": TU.records([*SETTINGS.tu.methods, *(c for c in SETTINGS.tu.controls if c.startswith("calibrated"))]),
}
DESCRIBED = {
    "table2": TU.descriptions,
    "epoch_rules": TU.descriptions,
    "table3": TU.descriptions,
    "table4": DESCRIPTIONS,
    "table7": [],
}
# where encoders of several epochs are evaluated
LOOKS = any(
    SETTINGS.tu.pretrain_settings(method, reading).optimiser.keep_every
    for method in SETTINGS.tu.methods
    for reading in SETTINGS.tu.readings
)
TU_FIGURES = ["figure4", "shares", "hard-negatives", *(["looks"] if LOOKS else [])]
HISTORIES = {"history": TU.histories(), "history-molecules": MOLECULES.histories()}
CURVES = [figure for figure, runs in HISTORIES.items() if runs]
# runs may be elsewhere: a figure that is there stays as it is then
CURVES_SHOWN = [name for name in HISTORIES if name in CURVES or os.path.exists(PLACE.figure_files(name)[0])]
# the figure names the sets without a run
CURVE_OPTIONS = {"history": f"{option('datasets', SETTINGS.tu.datasets)} {TU.catalogs}", "history-molecules": ""}
# beside the records that a rule waits for
OTHERS = " ".join([TU.others, MOLECULES.others, SUPERPIXELS.others, IMAGES.others])


onstart:
    for name in (
        {*HISTORIES, *IMAGES.figures} - {*CURVES, *IMAGES.drawn} if SETTINGS.report.records == "make" else ()
    ):
        if os.path.exists(PLACE.figure_files(name)[0]):
            print(f"{name}: stays as it is, since runs that it is drawn from are not here", file=sys.stderr)


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
        table=r"table[2347]|epoch_rules",
    localrule: True
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        stage=lambda wildcards: MADE_BY[wildcards.table],
        shown=SHOWN,
        catalogs=lambda wildcards: SUPERPIXELS.catalogs if wildcards.table == "table7" else TU.catalogs,
        others=lambda wildcards: OTHERS if wildcards.table == "table4" else TU.others + SUPERPIXELS.others,
        stem=stem,
        margin=SETTINGS.report.margin,
        code=lambda wildcards: code_digest(MADE_BY[wildcards.table]),
    shell:
        "python -m {params.stage} --table {wildcards.table} {params.shown} {params.catalogs} --margin {params.margin}"
        " --output-stem {params.stem} > {log} 2>&1"


rule figure:
    input:
        records=NEEDED["figure4"],
        descriptions=TU.descriptions,
    output:
        png=page(f"{RESULTS}/figures/{{figure}}.png", "figure", "Figures"),
        svg=f"{RESULTS}/figures/{{figure}}.svg",
    log:
        f"logs/{SETTINGS.preset}/{{figure}}.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/{{figure}}.tsv"
    wildcard_constraints:
        figure="figure4|shares|looks|hard-negatives",
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        shown=SHOWN,
        catalogs=TU.catalogs,
        others=TU.others,
        stem=stem,
        code=code_digest(DRAWN_BY["figure4"]),
    shell:
        "python -m kanrepro.tu.report.figure --figure {wildcards.figure} {params.shown} {params.catalogs}"
        " --output-stem {params.stem} > {log} 2>&1"


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
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        preset=SETTINGS.preset,
        asked=lambda wildcards: CURVE_OPTIONS[wildcards.history],
        histories=lambda wildcards, input: option("histories", input.histories),
        stem=stem,
        stage=lambda wildcards: DRAWN_BY[wildcards.history],
        code=lambda wildcards: code_digest(DRAWN_BY[wildcards.history]),
    shell:
        "python -m {params.stage} --figure {wildcards.history} --preset {params.preset} {params.asked}"
        " {params.histories} --output-stem {params.stem} > {log} 2>&1"


rule report_page:
    input:
        records=NEEDED["table2"] + NEEDED["table7"],
        descriptions=DESCRIPTIONS,
        published=PUBLISHED,
        template=f"{workflow.basedir}/workflow/kanrepro/page/page.html.j2",
        tables=expand(
            f"{RESULTS}/tables/{{table}}.html",
            table=["table2", "table3", "table4", *(["table7"] if NEEDED["table7"] else [])],
        ),
        figures=[
            *(f"{RESULTS}/figures/{figure}.svg" for figure in TU_FIGURES),
            *(PLACE.figure_files(figure)[0] for figure in CURVES_SHOWN),
        ],
        analysis_figures=[
            f"{RESULTS}/figures/{figure}.png" for figure, documents in ANALYSIS_FIGURES.items() if documents
        ],
        sensitivity_figures=SPACE.figure[:1] if SPACE.beside else [],
        image_tables=[f"{RESULTS}/tables/{table}.html" for table in IMAGE_TABLES if IMAGES.records],
        image_figures=[f"{RESULTS}/figures/{figure}.png" for figure in IMAGES.shown],
        image_records=IMAGES.records,
        transfer_tables=[f"{RESULTS}/tables/{table}.html" for table, made in MOLECULE_TABLES.items() if made],
        transfer_records=MOLECULE_TABLES["table1"],
        measures=MOLECULE_TABLES["table6"],
    output:
        page(PAGE, "page", "Report"),
    log:
        f"logs/{SETTINGS.preset}/report.log",
    benchmark:
        f"benchmarks/{SETTINGS.preset}/report.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        shown=SHOWN,
        catalogs=TU.catalogs,
        others=OTHERS,
        images=IMAGES.page_options,
        figures=lambda wildcards, input: option(
            "figures", [*input.figures, *input.sensitivity_figures, *input.analysis_figures, *input.image_figures]
        ),
        margin=SETTINGS.report.margin,
        code=code_digest("kanrepro.page.page"),
    shell:
        "python -m kanrepro.page.page {params.shown} {params.catalogs} {params.images} --margin {params.margin}"
        " {params.figures} --output {output} > {log} 2>&1"
