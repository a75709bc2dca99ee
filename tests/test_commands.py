"""The command line: stages and tools by name, former module names, and what committed records were made with."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanrepro import __main__ as command
from kanrepro.core.errors import UserError
from kanrepro.core.former import FORMER, today
from kanrepro.core.parser import expanded, parser_of, stage_parser
from kanrepro.plan.jobs import jobs

ROOT = Path(__file__).resolve().parents[1]
RECORDS = sorted((ROOT / "results/small/records").rglob("*.json"))


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=cwd)


# names


@pytest.mark.parametrize(
    ("words", "module", "rest"),
    [
        (["probe", "--threads", "2"], "kanrepro.tu.probe", ["--threads", "2"]),
        (["images", "prepare", "--size", "8"], "kanrepro.images.prepare", ["--size", "8"]),
        (["prepare"], "kanrepro.tu.prepare", []),
        (["superpixels", "finetune"], "kanrepro.superpixels.finetune", []),
        (["explain", "table2"], "kanrepro.explain", ["table2"]),
    ],
)
def test_a_command_is_a_tool_or_a_stage_with_or_without_its_family(words: list[str], module: str, rest: list) -> None:
    _, found, left = command.find(words)
    assert (found, left) == (module, rest)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["prob"], "unknown command 'prob'. Did you mean 'probe'?"),
        (["image", "prepare"], "Did you mean 'images'?"),
        (["images", "prepar"], "Did you mean 'images prepare'?"),
        (["molecules"], "kanrepro molecules STAGE: name one of fetch, "),
    ],
)
def test_mistyped_commands_are_answered_with_the_nearest(words: list[str], message: str) -> None:
    with pytest.raises(UserError) as error:
        command.find(words)
    assert message in str(error.value)


@pytest.mark.parametrize("module", sorted(set(command.commands().values())))
def test_every_command_names_a_module_with_a_parser_that_says_what_it_does(module: str) -> None:
    parser = parser_of(importlib.import_module(module).main)
    assert (parser.description or "").strip()


def test_every_module_that_a_rule_runs_has_a_command() -> None:
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    used = set(re.findall(r"-m (kanrepro[.\w]+)", rules))
    assert used and used <= set(command.commands().values())


def test_help_version_and_completion(tmp_path: Path) -> None:
    assert "images      fetch, prepare" in run("-m", "kanrepro").stdout
    assert re.fullmatch(r"kanrepro \d+\.\d+\.\d+\n", run("-m", "kanrepro", "--version").stdout)
    script = tmp_path / "completion.sh"
    script.write_text(command.completion())
    for typed, offered in (
        ("kanrepro pro", "probe"),
        ("kanrepro images cl", "classify"),
        ("kanrepro probe --sh", "--shuffle-labels"),
        ("kanrepro superpixels finetune --tr", "--train"),
    ):
        words = typed.split()
        asked = f"source {script}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _kanrepro; echo ${{COMPREPLY[@]}}"
        assert subprocess.run(["bash", "-c", asked], capture_output=True, text=True).stdout.split() == [offered]


def test_a_mistake_is_one_line_and_exit_code_2() -> None:
    for words in (
        ("probee",),
        ("probe", "--checkpoint", "a", "--store", "b", "--folds", "c", "--output", "d", "--sed"),
    ):
        done = run("-m", "kanrepro", *words)
        assert done.returncode == 2
        assert done.stderr.startswith("kanrepro: error: unknown ") and done.stderr.count("\n") == 1


def test_a_reader_that_has_read_enough_gets_no_traceback() -> None:
    line = f"{shlex.quote(sys.executable)} -m kanrepro completion | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("_kanrepro() {\n", "")


# arguments


def test_arguments_may_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("--records\na b.json\nc.json\n")
    parser = stage_parser("A stage.")
    parser.add_argument("--records", nargs="+")
    assert parser.parse_args([f"@{tmp_path / 'more'}"]).records == ["a b.json", "c.json"]
    assert expanded(["x", f"@{tmp_path / 'more'}"]) == ["x", "--records", "a b.json", "c.json"]
    with pytest.raises(UserError, match="no file of arguments"):
        parser.parse_args([f"@{tmp_path / 'none'}"])


def test_a_mistyped_option_is_answered_with_the_nearest() -> None:
    parser = stage_parser("A stage.")
    parser.add_argument("--threads")
    with pytest.raises(UserError, match="Did you mean '--threads'"):
        parser.parse_args(["--thread", "2", "--treads", "2"])
    with pytest.raises(UserError, match="'extra' is one word too many"):
        parser.parse_args(["extra"])


# what committed records were made with


@pytest.mark.parametrize("former", sorted(FORMER))
def test_former_modules_are_found_where_they_are_now(former: str) -> None:
    assert importlib.util.find_spec(f"kanrepro.{FORMER[former]}")
    assert today(f"torchrun -m kanrepro.{former} --a -m kanrepro.{former}").startswith(
        f"torchrun -m kanrepro.{FORMER[former]} --a"
    )


@pytest.mark.parametrize("former", ["pretrain", "data.superpixels.prepare", "analysis.splines"])
def test_python_takes_former_names(former: str) -> None:
    done = run("-m", f"kanrepro.{former}", "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: python -m kanrepro.{former} ")


def test_former_names_are_no_modules_for_those_who_import_them() -> None:
    done = run("-c", "import kanrepro.pretrain")
    assert "No module named 'kanrepro.pretrain'" in done.stderr


def made_by() -> Iterator[tuple[Path, str]]:
    for path in RECORDS:
        content = json.loads(path.read_text())
        for line in content.get("commands") or [content["command"]] if {"commands", "command"} & set(content) else []:
            yield path, line


def test_the_commands_of_all_committed_records_are_taken_up_to_their_missing_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stage parses them, accepts the settings, and stops at the first file, which a fresh clone does not have."""
    monkeypatch.chdir(tmp_path)
    kinds = set()
    taken: dict[str, str] = {}
    for path, line in made_by():
        python, flag, module, *words = shlex.split(today(line))
        assert (python, flag) == ("python", "-m")
        kinds.add(module)
        main = importlib.import_module(module).main
        arguments = vars(parser_of(main).parse_args(words))
        if "checkpoint" not in arguments and "store" not in arguments:
            continue  # it needs no file, and would run
        if line not in taken:
            with pytest.raises(UserError) as error:
                main(words)
            taken[line] = str(error.value)
        assert re.search(r"does not exist|no such file|cannot (be )?read|not found", taken[line]), (path, taken[line])
    assert len(RECORDS) >= 1185 and len(kinds) == 13


def test_every_committed_record_is_a_target_in_a_fresh_clone(tmp_path: Path) -> None:
    """What explanations print under `again`."""
    for name in ("Snakefile", "config.yaml", "workflow", "profiles"):
        (tmp_path / name).symlink_to(ROOT / name)
    targets = [str(path.relative_to(ROOT)) for path in RECORDS]
    made = {path for job in jobs(targets, ["--config", "preset=small"], 1, tmp_path) for path in job.outputs}
    assert made >= set(targets)
