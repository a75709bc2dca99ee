"""`kanrepro verify` in a world of one stage: a module that writes a record, and records that it made."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kanrepro.compare import verify as command
from kanrepro.compare.asked import TABLES, chosen, records
from kanrepro.compare.repeat import same, words_of
from kanrepro.core.errors import UserError
from kanrepro.core.files import write_json
from kanrepro.core.provenance import hardware

ROOT = Path(__file__).resolve().parents[2]
STAGE = """
import json, sys
folder, output, score = sys.argv[2], sys.argv[4], float(sys.argv[6])
made = json.load(open("before.json"))
made["metrics"] = {"accuracy": {"value": score, "folds": [score]}}
made["code"]["pretrain"] = sys.argv[8]
with open(output, "w") as stream:
    json.dump(made, stream)
"""


def world(tmp_path: Path, then: float, now: float, processor: str | None = None, code: str = "a") -> Path:
    """A record of score `then`, whose command makes one of score `now`; `code`: the digest that the repeat carries."""
    results = tmp_path / "results" / "small"
    path = results / "records/tu/MUTAG/graphcl-literal-0.json"
    made: dict[str, Any] = {
        "dataset": "MUTAG", "method": "graphcl", "reading": "literal", "seed": 0, "preset": "small",
        "metrics": {"accuracy": {"value": then, "folds": [then]}}, "code": {"pretrain": "a", "probe": "b"},
        "cost": {"hardware": hardware(), "pretrain_seconds": 1.0},
    }  # fmt: skip
    (tmp_path / "made.py").write_text(STAGE)
    (tmp_path / "before.json").write_text(json.dumps(made))
    made["cost"]["hardware"] = processor or hardware()
    inside = "results/small/records/tu/MUTAG/graphcl-literal-0.json"
    made["commands"] = [f"python -m made --states results/small --output {inside} --score {now} --code {code}"]
    write_json(path, made)
    return results


def verified(results: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[str, int]:
    (results.parent.parent / "work/0/results/small/records/tu/MUTAG").mkdir(parents=True, exist_ok=True)
    work = str(results.parent.parent / "work")
    try:
        command.main(["table2", "MUTAG", "graphcl", "--results", str(results), "--work", work, *more])
    except SystemExit as end:
        return capsys.readouterr().out, int(end.code or 0)
    return capsys.readouterr().out, 0


@pytest.mark.parametrize(
    ("then", "now", "more", "verdict", "code"),
    [
        (0.8, 0.8, {}, "verdict: repeated, to the last bit", 0),
        (0.8, 0.81, {}, "verdict: NOT repeated: the same processor and code must give the same bytes", 1),
        (0.8, 0.81, {"processor": "Z80, 1 cores"}, "verdict: repeated, within what another processor moves", 0),
        (0.8, 0.6, {"processor": "Z80, 1 cores"}, "verdict: NOT repeated: further off than another processor moves", 1),
        (0.8, 0.81, {"code": "c"}, "verdict: repeated, within what other code moves", 0),
        (0.8, 0.8, {"code": "c"}, "verdict: repeated, to the last bit", 0),
    ],
)
def test_verdicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], then: float, now: float, more: Any, verdict: str, code: int
) -> None:
    said, ended = verified(world(tmp_path, then, now, **more), capsys)
    assert verdict in said and ended == code
    assert f"{100 * then:.2f}" in said and f"{100 * now:.2f}" in said


def test_the_record_is_left_as_it_was_and_the_repeat_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = world(tmp_path, 0.8, 0.81)
    before = {path: path.read_bytes() for path in results.rglob("*.json")}
    verified(results, capsys, "--keep", str(tmp_path / "kept.csv"))
    assert {path: path.read_bytes() for path in results.rglob("*.json")} == before
    assert "results/small/records/tu/MUTAG/graphcl-literal-0.json" in (tmp_path / "kept.csv").read_text()


def test_a_command_that_fails_is_named_with_its_log(tmp_path: Path) -> None:
    results = world(tmp_path, 0.8, 0.8)
    (tmp_path / "made.py").write_text("raise SystemExit('no such thing')")
    with pytest.raises(UserError, match=r"python -m made failed, see .*0\.log: no such thing"):
        command.main(["table2", "MUTAG", "graphcl", "--results", str(results)])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("table9", "MUTAG", "graphcl"), "unknown table 'table9'. Did you mean 'table"),
        (("table2", "MUTAK", "graphcl"), "Did you mean 'MUTAG'?"),
        (("table2", "MUTAG", "graphkl"), "Did you mean 'graphcl'?"),
        (("table2", "MUTAG", "graphcl", "--reading", "litteral"), "Did you mean 'literal'?"),
        (("table2", "MUTAG", "graphcl", "--seeds", "7"), "--seeds 7: no record of that seed; there are 0."),
    ],
)
def test_mistakes_are_answered(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        command.main([*words, "--results", str(world(tmp_path, 0.8, 0.8))])


def test_what_was_measured_is_compared_and_what_a_run_cost_is_not() -> None:
    then = {"metrics": {"a": 1.0}, "cost": {"seconds": 3}, "checkpoint": {"sha256": "a"}, "old": 1}
    assert same(then, {"metrics": {"a": 1.0}, "cost": {"seconds": 4}, "checkpoint": {"sha256": "b"}, "new": 2})
    assert not same(then, {"metrics": {"a": 1.0 + 1e-16 * 4}})


def test_every_committed_record_of_a_table_says_where_its_commands_write_it() -> None:
    kinds = {kind for table in TABLES.values() for kind in table.records if kind not in ("measure",)}
    paths = [path for kind in kinds for path in (ROOT / "results/small/records" / kind).rglob("*.json")]
    read = [(path, json.loads(path.read_text())) for path in paths]
    made = [(path, content) for path, content in read if "commands" in content]
    assert len(made) > 900
    for path, content in made:
        words = words_of(content["commands"][-1])
        output = words[words.index("--output") + 1].replace("{seed}", str(content["seed"]))
        assert Path(output).parent == path.relative_to(ROOT).parent


def test_the_first_two_seeds_are_taken_where_none_is_named() -> None:
    made = records("table2", "MUTAG", "khan_gcl", None, ROOT / "results/small")
    assert set(made) == {"literal", "literal_silu", "repaired", "released", "released_seeded"}
    assert [one.seed for one in chosen(made["literal"], None)] == [0, 1]
    assert [one.seed for one in chosen(made["literal"], [4, 2])] == [4, 2]
