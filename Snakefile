"""Khan-GCL and DEQ-KAN, reproduced: settings, then the rules in the order in which data flows, then what a user types."""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


container: "docker://python:3.11-slim"


include: "workflow/rules/common.smk"
include: "workflow/rules/images_common.smk"
include: "workflow/rules/molecules_common.smk"
include: "workflow/rules/transfer_common.smk"
include: "workflow/rules/superpixels_common.smk"
include: "workflow/rules/sensitivity_common.smk"


report: "workflow/report/workflow.rst"


# light work stays on the submitting machine, which also has the network
localrules:
    all,
    table1,
    table6,
    table2,
    table3,
    table4,
    figure4,
    figure5,
    figure2b,
    figure3,
    table7,
    ckfi,
    images,
    downloads,
    fetch_tu,
    describe_tu,
    fold_tu,
    pretrained,
    finetuned,
    sensitivity,
    transfer_table,
    fetch_molecules,
    split_molecules,
    describe_molecules,
    table,
    figure,
    history,
    fetch_images,
    split_images,
    describe_images,
    analysis_figure,
    sensitivity_figure,
    fetch_digits,
    describe_superpixels,
    split_digits,
    image_table,
    image_figure,
    report_page,


rule all:
    input:
        PAGE,


rule table1:
    input:
        table_files("table1"),


rule table6:
    input:
        table_files("table6"),


rule table2:
    input:
        table_files("table2"),


rule table3:
    input:
        table_files("table3"),


rule table4:
    input:
        table_files("table4"),


rule figure4:
    input:
        figure_files("figure4"),


rule figure5:
    input:
        FIGURE5,


rule figure2b:
    input:
        figure_files("figure2b"),


rule figure3:
    input:
        figure_files("figure3"),


rule table7:
    input:
        table_files("table7"),


rule ckfi:
    input:
        figure_files("ckfi"),


include: "workflow/rules/analysis_report.smk"


# tables of existing records take them as they are: no rule could make them anew
if SETTINGS.report.records == "make":

    include: "workflow/rules/data.smk"
    include: "workflow/rules/graphs.smk"
    include: "workflow/rules/images.smk"
    include: "workflow/rules/molecules.smk"
    include: "workflow/rules/transfer.smk"
    include: "workflow/rules/superpixels.smk"
    include: "workflow/rules/downloads.smk"
    include: "workflow/rules/analysis.smk"
    include: "workflow/rules/sensitivity.smk"


include: "workflow/rules/images_report.smk"
include: "workflow/rules/transfer_report.smk"
include: "workflow/rules/sensitivity_report.smk"
include: "workflow/rules/report.smk"


rule images:
    input:
        [path for table in IMAGE_TABLES for path in table_files(table)],
        [path for figure in DRAWN for path in figure_files(figure)],
        IMAGE_DESCRIPTIONS,


# the runs of Figure 5 beside the default, and of the default none
rule sensitivity:
    input:
        [path for path in WATCHED + WATCHED_TRANSFER if MOVED_RECORDS in path],


rule pretrained:
    input:
        MOLECULE_ENCODERS,


rule finetuned:
    input:
        transfer_records(),
