"""What a run says: progress in a line a kind of job, failures with their log, and the box at the end."""

import io
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_kanrepro as plugin
from kanrepro.page.ending import WIDTH, Failure, ending, first_number
from kanrepro.page.progress import EVERY, Progress

ROOT = Path(__file__).resolve().parents[2]
TABLES = sorted((ROOT / "results/small/tables").glob("*.csv"))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_kind_has_a_line_when_it_is_done_and_now_and_then_before() -> None:
    clock = Clock()
    progress = Progress(clock=clock)
    assert progress.plan({"fold": 12, "train": 1, "total": 13}) == "13 jobs of 2 kinds"
    for number in range(12):
        progress.start(number, "fold")
    assert progress.finish(0) == ("", False)
    clock.now = EVERY + 1
    assert progress.finish(1) == ("  fold    2 of 12   total 2 of 13, 31.0 s", True)
    lines = [progress.finish(number)[0] for number in range(2, 12)]
    assert lines == [""] * 9 + ["  fold   12 of 12   total 12 of 13, 31.0 s"]
    assert progress.finish(99) == ("", False)  # of which nothing was said before


def test_in_a_terminal_lines_of_a_kind_are_written_over_each_other() -> None:
    progress = Progress(live=True, clock=Clock())
    progress.plan({"fold": 2, "total": 2})
    progress.start(0, "fold")
    progress.start(1, "fold")
    assert [progress.finish(number) for number in (0, 1)] == [
        ("  fold  1 of 2   total 1 of 2, 0 s", False),
        ("  fold  2 of 2   total 2 of 2, 0 s", True),
    ]


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_every_committed_table_has_a_first_number(table: Path) -> None:
    assert first_number(table)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "dataset,mean\nA,not run\nB,nan\n", "\0"])
def test_a_table_without_a_number_has_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    assert first_number(tmp_path / "t.csv") is None and first_number(tmp_path / "none.csv") is None


def test_the_box_names_numbers_the_page_and_what_to_type() -> None:
    folder = ROOT / "results/small/tables"
    made = [f"{folder}/table2.{form}" for form in ("csv", "md")]
    box = ending(2, 2, 4000, [*made, "results/small/report.html"], [], "results/small", "make test")
    lines = box.splitlines()
    assert len({len(line) for line in lines}) == 1 and len(lines[0]) <= WIDTH + 4
    assert "| 2 of 2 jobs done in 1.1 h" in box and "±" in box
    assert "|   results/small/report.html" in box and "table2.md" not in box  # the page shows it
    assert "|   kanrepro explain table2 MUTAG infograph --results results/small" in box and "|   make test" in box


def test_without_a_page_its_parts_are_named_and_of_many_the_first() -> None:
    figures = [f"results/small/figures/{letter}.png" for letter in "abcdefgh"]
    box = ending(8, 8, 1, figures, [], "results/small")
    assert "figures/a.png" in box and "figures/h.png" not in box and "type next" not in box
    assert ending(0, 0, 1, [], [], "results/small").count("\n") == 2
    assert "the same command goes on" in ending(1, 2, 1, [], [], "results/small", "make test")  # broken off


def test_failures_are_named_with_the_log_to_read() -> None:
    failures = [Failure("train", f"MUTAG {seed}", [f"logs/{seed}.log"]) for seed in range(8)]
    box = ending(3, 11, 70, [], [*failures, Failure("fold", "", [])], "results/small", "make test")
    assert "9 failed; read why in" in box and "|   logs/0.log   (train MUTAG 0)" in box and "and 3 more" in box
    assert "the same command goes on from here" in box and "make test" not in box


# the plugin


def handler(**given: Any) -> tuple[plugin.LogHandler, io.StringIO]:
    plain = {"printshellcmds": False, "verbose": False, "debug_dag": False, "quiet": None, "nocolor": True}
    common = SimpleNamespace(**{**plain, "stdout": False, "dryrun": False, "show_failed_logs": True, **given})
    made = plugin.LogHandler(common, None)  # type: ignore[arg-type]
    made.stream = made.usual.stream = io.StringIO()
    return made, made.stream


def record(text: str, event: LogEvent | None = None, level: int = logging.INFO, **more: Any) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": text, "levelno": level, "event": event, **more})


def test_a_run_shows_progress_warnings_and_failures_and_no_commands(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("\n".join(f"line {i} {'x' * 500}" for i in range(50)))
    shown, stream = handler()
    shown.emit(record("Building DAG of jobs..."))
    shown.emit(record("Job stats: ...", LogEvent.RUN_INFO, stats={"fold": 1, "total": 1}))
    shown.emit(record("Rule: fold", LogEvent.JOB_INFO, jobid=0, rule_name="fold"))
    shown.emit(record("python -m ...", LogEvent.SHELLCMD, cmd="python -m ..."))
    shown.emit(record("Finished jobid: 0", LogEvent.JOB_FINISHED, job_id=0))
    shown.emit(
        record("Error", LogEvent.JOB_ERROR, logging.ERROR, rule_name="train", log=[str(log), "none.log"], shellcmd="ls")
    )
    shown.emit(record("RuleException:\nCalledProcessError in file ...", LogEvent.ERROR, logging.ERROR))
    shown.emit(record("careful", None, logging.WARNING))
    shown.emit(record("+---+\n| box |\n+---+"))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "1 job of 1 kind" and lines[1].startswith("  fold  1 of 1   total 1 of 1")
    assert lines[2] == f"FAILED train: {log}, none.log"
    assert lines[3].startswith("  line 40") and lines[12].startswith("  line 49") and max(map(len, lines[3:13])) <= 202
    assert lines[13:] == ["  by hand: ls", "careful", "+---+", "| box |", "+---+"]


def test_a_dry_run_is_the_table_of_jobs_once() -> None:
    shown, stream = handler(dryrun=True)
    for _ in range(2):
        shown.emit(record("Job stats:\nfold 1", LogEvent.RUN_INFO, stats={"fold": 1, "total": 1}))
    shown.emit(record("Reasons: many"))
    assert stream.getvalue().startswith("Job stats:\nfold 1\n") and stream.getvalue().count("Job stats") == 1
    assert "Reasons" not in stream.getvalue()


def test_who_asks_for_commands_sees_what_snakemake_prints() -> None:
    shown, stream = handler(printshellcmds=True)
    shown.emit(record("", LogEvent.SHELLCMD, cmd="python -m kanrepro.tu.probe"))
    assert stream.getvalue() == "python -m kanrepro.tu.probe\n"


def test_only_what_follows_config_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    plugin.refuse_dotted_keys(["-n", "a.b=1", "--config", "preset=demo", "--cores", "a.b=1"])
    with pytest.raises(SystemExit):
        plugin.refuse_dotted_keys(["--config", "preset=demo", "tu.seeds=[0]"])
    assert capsys.readouterr().err == "kanrepro: error: --config tu.seeds=[0]: write 'tu={seeds: [0]}'.\n"
