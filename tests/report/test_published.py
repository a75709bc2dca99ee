"""The printed numbers: what is in the files, and what a broken file says."""

import math

import pytest

from kanrepro.core.errors import UserError
from kanrepro.report import published


def test_printed_cells_keep_their_digits():
    table = published.read_scores("table2")
    assert str(table.cell("InfoGraph", "MUTAG")) == "89.0 ± 1.1"
    assert str(table.cell("TopoGCL", "COLLAB")) == "not printed"
    assert table.cell("Khan-GCL", "REDDIT-MULTI-5K").mean == "56.9"
    assert table.methods["GraphCL"] == "48" and table.methods["Khan-GCL"] == ""
    assert table.cell(None, "MUTAG").summary() is None


def test_printed_averages_are_those_of_their_cells():
    """Both averages of Table 2 agree with the cells to rounding, so their sets are the ones named here."""
    table = published.read_scores("table2")
    checked = 0
    for method in table.methods:
        for name, parts in published.AVERAGES.items():
            printed = table.cell(method, name)
            if printed.mean:
                values = [float(table.cell(method, part).mean) for part in parts]
                assert math.fsum(values) / len(values) == pytest.approx(float(printed.mean), abs=0.051)
                checked += 1
    assert checked == 15  # two for each of 8 methods, but for TopoGCL's AVG


def test_tables_2_and_3_print_the_same_row_of_khan_gcl():
    one, other = published.read_scores("table2"), published.read_scores("table3")
    assert all(one.cell("Khan-GCL", d) == other.cell("Khan-GCL", d) for d in published.DATASETS)


def test_table_4_is_read_by_catalogue_name():
    row = published.read_descriptions()["IMDB-BINARY"]
    assert (row.domain, row.graphs, row.mean_nodes, row.degree) == ("Social Networks", "1000", "19.77", "96.53")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("method,dataset\n", "columns must be"),
        ("method,citation,dataset,mean,std\nA,1,MUTAG,many,1\n", "line 2: 'many' is not a number"),
        ("method,citation,dataset,mean,std\nA,1,MUTAG,80\n", "line 2: 5 fields expected"),
        ("method,citation,dataset,mean,std\nA,1,RDT-B,80,1\nA,1,REDDIT-BINARY,80,1\n", "printed twice"),
    ],
)
def test_a_broken_file_is_named(tmp_path, content, message):
    (tmp_path / "table2.csv").write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        published.read_scores("table2", tmp_path)
    assert str(tmp_path / "table2.csv") in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"table3\.csv"):
        published.read_scores("table3", tmp_path)
