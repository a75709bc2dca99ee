"""Tables 2 and 3 on tiny worlds, whole texts, and what must hold for any records."""

import csv
import io
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kanrepro.core.errors import UserError
from kanrepro.core.files import write_json
from kanrepro.report import published, render
from kanrepro.report.document import Document
from kanrepro.tu.report import table
from kanrepro.tu.report.inputs import TuInputs

PRINTED = """\
method,citation,dataset,mean,std
Other,9,MUTAG,89.0,1.1
Other,9,RDT-B,,
GraphCL,48,MUTAG,86.8,1.0
GraphCL,48,RDT-B,89.5,0.8
Khan-GCL,,MUTAG,91.4,1.0
Khan-GCL,,RDT-B,92.2,0.3
"""

TABLE_3 = """\
# Table 3: Khan-GCL against methods with hard negatives, SVM accuracy in %

Preset `small`. Printed: as in the paper, taken as 5 runs. Measured: mean ± standard deviation (n − 1) over runs, \
number of runs in brackets, then the verdict: `=` reproduced (equivalent within 2 percentage points by two one-sided \
tests at 5 %), `≠` differs (Welch p < 0.05 and not equivalent), `?` inconclusive (neither shown).

## Printed and measured

| Method | Numbers | MUTAG | RDT-B |
| :-- | :-- | --: | --: |
| Other [9] | printed; not run here | 89.0 ± 1.1 | not printed |
| GraphCL [48] | printed | 86.8 ± 1.0 | 89.5 ± 0.8 |
| GraphCL | measured, own | 87.0 (1) ? | not run |
| Khan-GCL | printed | 91.4 ± 1.0 | 92.2 ± 0.3 |
| Khan-GCL | measured, literal | 88.0 ± 1.0 (5) ≠ | not run |
| Khan-GCL | measured, repaired | 91.0 ± 0.0 (2) = | not run |

## Measured against printed

6 measured numbers belong beside a printed one (each reading counts): reproduced 1, differs 1, inconclusive 1, not run \
3. Each is tested on its own at 5 %: about one in twenty would differ by chance if all were the same.

| Data set | Method | Reading | Printed | Measured | Runs | Difference | 90 % interval | Welch p | Equivalent within | \
Verdict |
| :-- | :-- | :-- | --: | --: | --: | --: | --: | --: | --: | --: |
| MUTAG | GraphCL | own | 86.8 ± 1.0 | 87.00 | 1 | +0.20 | not defined | not defined | not defined | \
inconclusive <sup>a</sup> |
| MUTAG | Khan-GCL | literal | 91.4 ± 1.0 | 88.00 ± 1.00 | 5 | −3.40 | [−4.58, −2.22] | < 0.001 | ±4.58 | differs |
| MUTAG | Khan-GCL | repaired | 91.4 ± 1.0 | 91.00 ± 0.00 | 2 | −0.40 | [−1.35, +0.55] | 0.422 | ±1.36 | reproduced |

- <sup>a</sup> No test: one run has no standard deviation.

<details><summary>Records behind each number</summary>

- MUTAG, GraphCL, own: [seed 0](../records/tu/MUTAG/graphcl-own-0.json)
- MUTAG, Khan-GCL, literal: [seed 0](../records/tu/MUTAG/khan_gcl-literal-0.json), \
[seed 1](../records/tu/MUTAG/khan_gcl-literal-1.json), [seed 2](../records/tu/MUTAG/khan_gcl-literal-2.json), \
[seed 3](../records/tu/MUTAG/khan_gcl-literal-3.json), [seed 4](../records/tu/MUTAG/khan_gcl-literal-4.json)
- MUTAG, Khan-GCL, repaired: [seed 0](../records/tu/MUTAG/khan_gcl-repaired-0.json), \
[seed 1](../records/tu/MUTAG/khan_gcl-repaired-1.json)

</details>
"""

HEADER = (
    "table,preset,group,method,reading,dataset,printed_mean,printed_std,printed_runs,measured_mean,measured_std,"
    "measured_runs,seeds,difference,ci90_low,ci90_high,welch_p,equivalence_bound,margin,verdict,notes,records\n"
)
TABLE_3_CSV = (
    HEADER
    + "table3,small,printed,Other,not run,MUTAG,89.0,1.1,5"
    + ",not run" * 9
    + ",2,not run,not run,not run\n"
    + "table3,small,compared,graphcl,own,MUTAG,86.8,1.0,5,87.0000,not defined,1,0,0.2000,not defined,not defined,"
    "not defined,not defined,2,inconclusive,No test: one run has no standard deviation.,"
    "../records/tu/MUTAG/graphcl-own-0.json\n"
    + "table3,small,compared,khan_gcl,literal,MUTAG,91.4,1.0,5,88.0000,1.0000,5,0;1;2;3;4,-3.4000,-4.5761,-2.2239,"
    "0.000665,4.5761,2,differs,none,"
    + ";".join(f"../records/tu/MUTAG/khan_gcl-literal-{seed}.json" for seed in range(5))
    + "\n"
    + "table3,small,compared,khan_gcl,repaired,MUTAG,91.4,1.0,5,91.0000,0.0000,2,0;1,-0.4000,-1.3534,0.5534,"
    "0.422,1.3534,2,reproduced,none,../records/tu/MUTAG/khan_gcl-repaired-0.json;"
    "../records/tu/MUTAG/khan_gcl-repaired-1.json\n"
)
# 88 + these have mean 88 and standard deviation 1: their squares sum to 4
SPREAD = [88.0, 88.0, 88.0, 88.0 - 2**0.5, 88.0 + 2**0.5]


@pytest.fixture
def printed(tmp_path) -> Path:
    """A folder with small printed tables 2 and 3."""
    folder = tmp_path / "published"
    folder.mkdir()
    for name in ("table2", "table3"):
        (folder / f"{name}.csv").write_text(PRINTED)
    return folder


@pytest.fixture
def world(write_cell) -> list[Path]:
    """Records of one data set: one run, five runs that differ, two equal runs that reproduce."""
    return [
        *write_cell("MUTAG", "graphcl", "own", [87.0]),
        *write_cell("MUTAG", "khan_gcl", "literal", SPREAD),
        *write_cell("MUTAG", "khan_gcl", "repaired", [91.0, 91.0]),
    ]


def built(folder: Path, published: Path = published.FOLDER) -> tuple[Document, str]:
    """Table 2 of the records in a folder."""
    return table.build("table2", TuInputs("small", folder=folder, published=published), folder.parent / "tables")


def run(*arguments: str | Path) -> None:
    table.main([str(argument) for argument in arguments])


def test_table_3_as_markdown(world, printed, folder):
    stem = folder.parent / "tables" / "table3"
    run("--table", "table3", "--records-from", folder, "--preset", "small", "--published", printed, "--margin", "2",
        "--datasets", "MUTAG", "RDT-B", "--output-stem", stem)  # fmt: skip
    assert stem.with_suffix(".md").read_text() == TABLE_3


@pytest.mark.parametrize(
    ("name", "method", "printed"), [("table3", "GraphACL", "90.2 ± 0.9"), ("table2", "DRGCL", "89.5 ± 0.6")]
)
def test_printed_methods_that_were_run_have_measured_rows(write_cell, folder, name, method, printed):
    write_cell("MUTAG", method.lower(), "own", SPREAD)
    stem = folder.parent / "tables" / name
    run("--table", name, "--records-from", folder, "--preset", "small", "--datasets", "MUTAG", "--output-stem", stem)
    lines = [line for line in stem.with_suffix(".md").read_text().splitlines() if line.startswith(f"| {method} ")]
    assert f"| printed | {printed} |" in lines[0] and "| measured, own | 88.0 ± 1.0 (5)" in lines[1]


def test_table_3_as_csv(world, printed, folder):
    stem = folder.parent / "tables" / "table3"
    run("--table", "table3", "--records", *world, "--preset", "small", "--published", printed, "--margin", "2",
        "--datasets", "MUTAG", "--output-stem", stem)  # fmt: skip
    assert stem.with_suffix(".csv").read_text() == TABLE_3_CSV


def test_the_same_bytes_for_any_order_and_place(world, printed, folder, tmp_path, monkeypatch):
    def made(files: list[Path], stem: Path) -> list[bytes]:
        run(
            "--table", "table2", "--preset", "small", "--published", printed, "--output-stem", stem, "--records", *files
        )
        return [stem.with_name(stem.name + suffix).read_bytes() for suffix in (".md", ".csv", ".tex", ".html")]

    first = made(world, folder.parent / "tables" / "one")
    random.Random(0).shuffle(world)
    assert made(world, folder.parent / "tables" / "other") == first
    monkeypatch.chdir(folder)
    assert made([path.relative_to(folder) for path in world], Path("../tables/third")) == first


def test_nothing_is_blank_or_nan(world, printed, folder):
    stem = folder.parent / "tables" / "table2"
    run("--table", "table2", "--records", *world, "--preset", "small", "--published", printed, "--output-stem", stem)
    with stem.with_suffix(".csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 8 * (1 + 3 + 10 + 12)  # data sets x (printed only, compared, variants, controls)
    assert all(value and value.lower() != "nan" for row in rows for value in row.values())
    assert {row["verdict"] for row in rows} == {"not run", "differs", "inconclusive"}
    for line in stem.with_suffix(".md").read_text().splitlines():
        if line.startswith("| "):
            assert not re.search(r"\|\s*\|", line), line


def test_every_measured_cell_of_the_html_names_its_records(world, printed, folder):
    stem = folder.parent / "tables" / "table3"
    run("--table", "table3", "--records", *world, "--preset", "small", "--published", printed, "--output-stem", stem)
    html = stem.with_suffix(".html").read_text()
    assert (
        'title="2 records: ../records/tu/MUTAG/khan_gcl-repaired-0.json, ../records/tu/MUTAG/khan_gcl-repaired-1'
        in html
    )
    links = {stem.parent / path for path in re.findall(r'href="([^"#]+)"', html)}
    assert {path.resolve() for path in links} == set(world)


def test_differences_are_paired_by_seed(write_cell, printed, folder):
    write_cell("MUTAG", "khan_gcl", "literal", [80.0, 90.0, 85.0])
    write_cell("MUTAG", "calibrated_kan", "literal", [79.0, 89.0, 83.9])
    write_cell("MUTAG", "wo_hard_neg", "literal", [80.0])
    document, _ = built(folder, published=printed)
    text = render.markdown(document)
    assert (
        "| Khan-GCL − untrained KAN, norms calibrated | training the KAN encoder | literal | +1.0 [+0.9, +1.2] (3) * |"
        in text
    )
    assert "| Khan-GCL − w/o hard neg. | hard negatives along both (CKFI) | literal | too few pairs |" in text
    assert "| Khan-GCL − untrained KAN, norms calibrated | training the KAN encoder | repaired | not run |" in text
    assert "Not run on DD, NCI1, PROTEINS, COLLAB, RDT-B, RDT-M5K, IMDB-B." in text


def test_shared_numbers_carry_a_footnote(write_cell, printed, folder):
    write_cell("MUTAG", "graphcl", "literal", [86.0, 87.0])
    document, rows = table.build(
        "table2", TuInputs("small", folder=folder, published=printed), folder.parent / "tables"
    )
    assert "| GraphCL | measured, repaired | 86.5 ± 0.7 (2) <sup>a</sup> |" in render.markdown(document)
    assert document.footnotes[0][0] == "a" and "`literal` records" in document.footnotes[0][1]
    shared = [
        row for row in csv.DictReader(rows.splitlines()) if row["method"] == "graphcl" and row["dataset"] == "MUTAG"
    ]
    assert [row["records"] for row in shared if row["reading"] == "repaired"] == [
        "../records/tu/MUTAG/graphcl-literal-0.json;../records/tu/MUTAG/graphcl-literal-1.json"
    ]


def test_a_reading_of_the_users_own_gets_its_rows(write_cell, printed, folder):
    write_cell("MUTAG", "khan_gcl", "wide_grid", [91.0, 91.2])
    write_cell("MUTAG", "graphcl", "wide_grid", [86.0, 87.0])
    document, _ = built(folder, published=printed)
    text = render.markdown(document)
    assert "| Khan-GCL | measured, wide_grid | not run | 91.1 ± 0.1 (2)" in text
    assert "| GraphCL | measured, wide_grid | 86.5 ± 0.7 (2) |" in text
    assert "| Khan-GCL − GraphCL | the whole of Khan-GCL | wide_grid |" in text


def test_averages_appear_where_all_cells_exist(write_cell, folder):
    for place, dataset in enumerate(table.published.DATASETS):
        write_cell(dataset, "khan_gcl", "literal", [80.0 + place])
        if dataset != "COLLAB":
            write_cell(dataset, "khan_gcl", "repaired", [70.0 + place])
    document, _ = built(folder)
    lines = render.markdown(document).splitlines()
    assert lines[6].endswith("| IMDB-B | AVG | AVG6 |")
    literal = next(line for line in lines if line.startswith("| Khan-GCL | measured, literal"))
    repaired = next(line for line in lines if line.startswith("| Khan-GCL | measured, repaired"))
    assert literal.endswith("| 83.5 | 83.0 |")  # mean of 80..87, and without COLLAB (84) and REDDIT-MULTI-5K (86)
    assert repaired.endswith("| not run | 73.0 |")
    assert "| TopoGCL [6] | printed; not run here |" in "\n".join(lines)


def test_the_largest_class_stands_under_the_controls(write_cell, folder):
    write_cell("MUTAG", "shuffled_labels", "literal", [66.0, 67.0])
    described = {"dataset": "MUTAG", "graphs": 4, "mean_nodes": 2.0, "classes": {"-1": 1, "1": 3}, "candidates": {}}
    write_json(folder / "data" / "MUTAG.json", described)
    document, _ = built(folder)
    assert "| largest class | share of graphs | 75.0 |" in render.markdown(document)


def test_the_demo_shows_no_printed_number(write_cell, folder):
    write_cell("NCI-TPSA", "khan_gcl", "literal", [80.0, 81.0], preset="demo")
    stem = folder.parent / "tables" / "table2"
    run("--table", "table2", "--records-from", folder, "--preset", "demo", "--output-stem", stem)
    for suffix in (".md", ".html", ".tex"):
        text = stem.with_suffix(suffix).read_text()
        assert "stand-in" in text and "91.4" not in text and "InfoGraph" not in text and "reproduced (" not in text
    with stem.with_suffix(".csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["printed_mean"] for row in rows} == {"not printed"}
    assert {row["verdict"] for row in rows} == {"not run", "not printed"}
    assert {row["dataset"] for row in rows} == {"NCI-TPSA"}


def test_stand_ins_are_those_of_the_catalogue_whatever_the_preset(write_cell, folder):
    write_cell("mine", "khan_gcl", "literal", [80.0, 81.0], preset="demo")
    own = TuInputs("demo", folder=folder, datasets=("mine",))
    document, _ = table.build("table2", own, folder.parent / "tables")
    assert "stand-in" not in render.markdown(document).lower()
    write_cell("NCI-TPSA", "khan_gcl", "literal", [80.0, 81.0], preset="demo")
    write_cell("MUTAG", "khan_gcl", "literal", [80.0, 81.0], preset="demo")
    both = TuInputs("demo", folder=folder, datasets=("NCI-TPSA", "MUTAG"))
    document, rows = table.build("table2", both, folder.parent / "tables")
    text = render.markdown(document)
    assert "(stand-in data sets)" not in text and "of which the paper prints nothing: NCI-TPSA." in text
    compared = [row for row in csv.DictReader(io.StringIO(rows)) if row["method"] == "khan_gcl"]
    printed = {row["dataset"]: row["printed_mean"] for row in compared}
    assert printed == {"NCI-TPSA": "not printed", "MUTAG": "91.4"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--table", "tabel2"], "Did you mean 'table2'"),
        (["--table", "table2", "--datasets", "MUTAGG"], "Did you mean 'MUTAG'"),
        (["--table", "table2", "--margin", "0"], "positive number"),
        (["--table", "table2", "--records-from", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_mistakes_are_named(tmp_path, arguments, message):
    with pytest.raises(UserError, match=message):
        run(*arguments, "--preset", "small", "--output-stem", tmp_path / "table")
    assert list(tmp_path.iterdir()) == []


def test_a_corrupt_record_is_one_line_and_no_output(world, folder, tmp_path):
    world[2].write_text("{")
    stem = tmp_path / "table2"
    done = subprocess.run(
        [sys.executable, "-m", "kanrepro.tu.report.table", "--table", "table2", "--records-from", str(folder),
         "--preset", "small", "--output-stem", str(stem)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and str(world[2]) in done.stderr
    assert not list(tmp_path.glob("table2*"))


def test_reports_need_no_torch():
    modules = "kanrepro.tu.report.table, kanrepro.tu.report.figure, kanrepro.page.page, kanrepro.explain"
    code = f"import sys, {modules}; print([m for m in sys.modules if m.partition('.')[0] in ('torch', 'snakemake')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
