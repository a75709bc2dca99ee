"""The chain behind a number."""

import shlex

import pytest

from kanrepro import explain
from kanrepro.core import provenance
from kanrepro.core.errors import UserError
from kanrepro.core.explain_parts import Question
from kanrepro.core.files import sha256
from kanrepro.core.record import Record


@pytest.fixture
def small(write_cell, folder):
    """results/small with three runs of Khan-GCL on MUTAG and one of GraphCL."""
    write_cell("MUTAG", "khan_gcl", "repaired", [90.0, 91.0, 92.0])
    write_cell("MUTAG", "graphcl", "literal", [86.0])
    return folder.parent


def test_the_whole_chain_of_a_record(small, content, capsys):
    path = small / "records" / "tu" / "MUTAG" / "khan_gcl-repaired-0.json"
    root = small.parent.parent
    data = root / "resources" / "tu" / "MUTAG.safetensors"
    data.parent.mkdir(parents=True)
    data.write_text("data")
    folds = root / "resources" / "tu" / "MUTAG.folds-0.json"
    folds.write_text("changed")
    changes = content("MUTAG", "khan_gcl", "repaired", 0, 90.0)
    changes["data"]["sha256"] = sha256(data)
    changes["code"]["probe"] = provenance.code_digest("kanrepro.tu.probe")
    Record.model_validate(changes).write(path)

    explain.main(["table2", "MUTAG", "khan_gcl", "--reading", "repaired", "--full", "--results", str(small)])
    text = capsys.readouterr().out
    assert "reading repaired: 91.00 ± 1.00 % over 3 runs; printed: 91.4 ± 1.1" in text
    assert (
        "  difference −0.40, 90 % interval [−1.95, +1.15], Welch p 0.622, equivalent within ±1.95: inconclusive" in text
    )
    first = text.split("  record ")[1]
    assert first.startswith(str(path))
    assert "accuracy  90.00 %, folds 90.0 90.0" in first
    assert f"{sha256(data)}, unchanged, 9 graphs" in first
    assert "MUTAG.folds-0.json, SHA-256 " + "f" * 64 + ", another file now (the record keeps no digest" in first
    assert "encoder.safetensors, SHA-256 " + "c" * 64 + ", not here now" in first
    assert "settings  pretrain.epochs = 60" in first and "seed      0" in first
    assert "pretrain 0123456789abcdef, DIFFERS from the code now" in first
    assert f"probe {provenance.code_digest('kanrepro.tu.probe')}, the same now" in first
    assert "machine   a processor, 2 cores; cpu, ANOTHER than here (" in first
    assert "12.5 s pre-training, 2.5 s evaluation, 512 MB at the peak" in first
    assert (
        "by hand   python -m kanrepro.pretraining.pretrain --out results/small/runs/tu/MUTAG/khan_gcl/repaired/0"
        in first
    )
    assert text.count("  record ") == 3
    assert "as above, but:" in text.split("  record ")[2]


def test_the_one_command_names_preset_encoder_and_record(small):
    text = explain.explain(Question("table2", "MUTAG", "khan_gcl", "repaired", small))
    again = next(line for line in text.splitlines() if line.strip().startswith("again"))
    assert shlex.split(again)[1:] == [
        "snakemake", "--cores", "2", "--config", "preset=small", "--force",
        "results/small/runs/tu/MUTAG/khan_gcl/repaired/0/encoder.safetensors",
        str(small / "records/tu/MUTAG/khan_gcl-repaired-0.json"),
    ]  # fmt: skip


@pytest.mark.parametrize("method", ["khan_gcl", "Khan-GCL", "KHAN-gcl"])
def test_printed_names_will_do(small, method):
    assert explain.explain(Question("table3", "MUTAG", method, None, small)).count("  record ") == 3
    text = explain.explain(Question("table2", "RDT-B", method, None, small))
    assert text.startswith("table2, REDDIT-BINARY, Khan-GCL (khan_gcl)")
    assert "reading literal: not run; printed: 92.2 ± 0.3" in text


def test_a_method_that_is_only_printed(small):
    text = explain.explain(Question("table2", "MUTAG", "infograph", None, small))
    assert text == "table2, MUTAG, InfoGraph: printed 89.0 ± 1.1, quoted by the paper; not run here."


@pytest.mark.parametrize(("table", "method"), [("table3", "GraphACL"), ("table2", "DRGCL")])
def test_a_printed_method_that_was_run_has_its_records(small, write_cell, table, method):
    write_cell("MUTAG", method.lower(), "own", [87.0, 88.0])
    text = explain.explain(Question(table, "MUTAG", method, None, small))
    assert text.startswith(f"{table}, MUTAG, {method} ({method.lower()})") and text.count("  record ") == 2
    assert "reading own: 87.50" in text


def test_a_shared_number_says_so(small):
    text = explain.explain(Question("figure4", "MUTAG", "graphcl", "repaired", small))
    assert "note: Without KANs both readings compute the same thing" in text and "graphcl-literal-0.json" in text


def test_one_run_says_why_there_is_no_test(small, write_cell):
    write_cell("MUTAG", "graphcl", "own", [87.0])
    text = explain.explain(Question("table2", "MUTAG", "graphcl", "own", small))
    assert "reading own: 87.00 % over 1 run; printed: 86.8 ± 1.3" in text
    assert "  difference +0.20, one run has no standard deviation: inconclusive\n" in text


def test_a_row_of_table_4(small, describe):
    path = describe("MUTAG", 188, 17.9309, {"edges_per_graph": 19.7926, "edges_per_node": 1.1})
    text = explain.explain(Question("table4", "MUTAG", None, None, small))
    assert "printed   188 graphs, 17.93 nodes a graph" in text
    assert "edges per graph: 19.7926 <- the printed number" in text
    assert f"--config preset=small --force {path}" in text
    assert "measured  not run" in explain.explain(Question("table4", "NCI1", None, None, small))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tabel2", "MUTAG", "khan_gcl", None), "unknown table 'tabel2'. Did you mean 'table2'"),
        (("table2", "MUTAGG", "khan_gcl", None), "unknown data set 'MUTAGG'. Did you mean 'MUTAG'"),
        (("table2", "MUTAG", "kan_gcl", None), "unknown method 'kan_gcl'. Did you mean 'khan_gcl'"),
        (
            ("table2", "MUTAG", "khan_gcl", "litteral"),
            "unknown reading of khan_gcl in table2: 'litteral'. Did you mean 'literal'",
        ),
        (("table2", "MUTAG", None, None), "name a method of table2"),
        (("table3", "MUTAG", "wo_hard_neg", None), "unknown method 'wo_hard_neg'"),
    ],
)
def test_mistakes_are_named(small, arguments, message):
    table, dataset, method, reading = arguments
    with pytest.raises(UserError) as caught:
        explain.explain(Question(table, dataset, method, reading, small))
    assert message in str(caught.value)


def test_the_demo_has_nothing_printed(tmp_path, content):
    folder = tmp_path / "results" / "demo"
    record = Record.model_validate(content("NCI-TPSA", "khan_gcl", "literal", 0, 80.0, "demo"))
    record.write(folder / "records" / "tu" / "NCI-TPSA" / "khan_gcl-literal-0.json")
    text = explain.explain(Question("table2", "NCI-TPSA", "khan_gcl", "literal", folder))
    assert "printed: not printed" in text and "--config preset=demo --force" in text
