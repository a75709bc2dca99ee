"""Table 4: counts beside the printed ones, and the meaning of the printed degree."""

import pytest

from kanrepro.core.errors import UserError
from kanrepro.report import described, render
from kanrepro.tu.report import descriptions, table
from kanrepro.tu.report.inputs import TuInputs

TABLE_4 = """\
# Table 4: the data sets

Preset `small`. Measured: counted in the prepared data sets. `=`: the same number at the printed digits, rounded or \
cut off; `≠`: another. The paper calls its last column degree; the candidates below are what it could mean.

## Printed and measured

| Data set | Domain | Graphs, printed | measured | Nodes a graph, printed | measured | “Degree”, printed | \
what gives this number | its value |
| :-- | :-- | --: | --: | --: | --: | --: | --: | --: |
| MUTAG | Biochemical | 188 | 188 = | 17.93 | 17.931 = | 19.79 | edges per graph = | 19.793 |
| RDT-B | Social Networks | 2000 | 1999 ≠ | 429.63 | 429.000 ≠ | 1.16 | none; nearest: edges per node ≠ | 1.500 |
| NCI1 | Biochemical | 4110 | not run | 29.87 | not run | 1.08 | not run | not run |
| MINE | not printed | not printed | 7 | not printed | 3.000 | not printed | not printed | not printed |

## What “degree” could mean

| Data set | edges per graph | edges per node |
| :-- | --: | --: |
| MUTAG | 19.793 | 1.104 |
| RDT-B | 497.750 | 1.500 |
| MINE | not defined | 2.000 |

<details><summary>Records behind each number</summary>

- MUTAG: [MUTAG.json](../records/data/MUTAG.json)
- RDT-B: [REDDIT-BINARY.json](../records/data/REDDIT-BINARY.json)
- MINE: [MINE.json](../records/data/MINE.json)

</details>
"""


def test_table_4(describe, folder):
    describe("MUTAG", 188, 17.9309, {"edges_per_graph": 19.7926, "edges_per_node": 1.1038})
    describe("REDDIT-BINARY", 1999, 429.0, {"edges_per_graph": 497.75, "edges_per_node": 1.5})
    describe("MINE", 7, 3.0, {"edges_per_node": 2.0})
    inputs = TuInputs("small", folder=folder, datasets=("MUTAG", "RDT-B", "NCI1", "MINE"))
    document, rows = table.build("table4", inputs, folder.parent / "tables")
    assert render.markdown(document) == TABLE_4
    assert rows.splitlines()[1] == (
        "MUTAG,Biochemical,188,188,17.93,17.9309,19.79,edges_per_graph,19.7926,../records/data/MUTAG.json"
    )


def test_the_demo_shows_counts_only(describe, folder):
    describe("MUTAG", 188, 17.93, {"edges_per_node": 1.1})
    document, rows = table.build("table4", TuInputs("demo", folder=folder, stand_in=True), folder.parent / "tables")
    text = render.markdown(document)
    assert "stand-in" in text and "| MUTAG | 188 | 17.930 |" in text and "19.79" not in text + rows


@pytest.mark.parametrize(
    ("printed", "value", "same"),
    [
        ("1.16", 1.155, True),
        ("1.16", 1.1549, False),
        ("1.16", 1.1699, True),
        ("1.16", 1.1701, False),
        ("8", 8.0, True),
        ("8", 9.0, False),
        ("57.72", 57.72, True),
    ],
)
def test_agreement_is_rounding_or_cutting_off(printed, value, same):
    assert descriptions.agrees(printed, value) is same


def test_all_meanings_that_fit_are_named():
    assert descriptions.meaning("2.00", {"a": 2.001, "b": 3.0, "c": 1.999}) == (["a", "c"], "a")
    assert descriptions.meaning("2.00", {"cut": 2.009, "rounded": 2.004}) == (["rounded"], "rounded")
    assert descriptions.meaning("2.00", {"cut": 2.009, "far": 3.0}) == (["cut"], "cut")
    assert descriptions.meaning("2.00", {}) == ([], "")
    assert descriptions.meaning("2.00", {"none": 0.0, "far": 20.0}) == ([], "far")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"dataset": "MUTAG", "graphs": "many", "mean_nodes": 1, "candidates": {}}']
)
def test_a_corrupt_description_is_named(folder, text):
    path = folder / "data" / "MUTAG.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        described.read([path])
    assert str(path) in str(caught.value)


def test_a_set_is_described_once(describe, tmp_path):
    path = describe("MUTAG", 188, 17.93, {})
    copy = tmp_path / "copy.json"
    copy.write_bytes(path.read_bytes())
    with pytest.raises(UserError, match="describe the same set"):
        described.read([path, copy])
