"""Khan-GCL and DEQ-KAN, reproduced: settings, then the rules in the order in which data flows, then what a user types."""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


container: "docker://python:3.11-slim"


include: "workflow/rules/common.smk"
include: "workflow/rules/tu.smk"
include: "workflow/rules/molecules.smk"
include: "workflow/rules/superpixels.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/report.smk"


report: "workflow/report/workflow.rst"


# light work stays on the submitting machine, which also has the network; other rules say so themselves
localrules:
    all,
    table1,
    table6,
    table2,
    table3,
    table4,
    epoch_rules,
    figure4,
    figure5,
    figure2b,
    figure3,
    table7,
    ckfi,
    claims,
    ranking,
    images,
    downloads,
    pretrained,
    finetuned,
    sensitivity,


rule all:
    input:
        PAGE,


rule table1:
    input:
        PLACE.table_files("table1"),


rule table2:
    input:
        PLACE.table_files("table2"),


rule table3:
    input:
        PLACE.table_files("table3"),


rule epoch_rules:
    input:
        PLACE.table_files("epoch_rules"),


rule table4:
    input:
        PLACE.table_files("table4"),


rule table6:
    input:
        PLACE.table_files("table6"),


rule table7:
    input:
        PLACE.table_files("table7"),


rule figure2b:
    input:
        PLACE.figure_files("figure2b"),


rule figure3:
    input:
        PLACE.figure_files("figure3"),


rule figure4:
    input:
        PLACE.figure_files("figure4"),


rule figure5:
    input:
        SPACE.figure,


rule ckfi:
    input:
        PLACE.figure_files("ckfi"),


rule claims:
    input:
        PLACE.table_files("claims"),


rule ranking:
    input:
        PLACE.table_files("ranking"),


rule images:
    input:
        [path for table in IMAGE_TABLES for path in PLACE.table_files(table)],
        [path for figure in IMAGES.shown for path in PLACE.figure_files(figure)],
        IMAGES.descriptions,


# the runs of Figure 5 beside the default, and of the default none
rule sensitivity:
    input:
        SPACE.beside,


rule pretrained:
    input:
        MOLECULES.encoders(),


rule finetuned:
    input:
        MOLECULE_TABLES["table1"],


# all that comes from the network, and nothing else: for machines that have none
rule downloads:
    input:
        TU.downloads,
        IMAGES.downloads,
        MOLECULES.downloads,
        SUPERPIXELS.downloads,
