"""What Snakemake says of this workflow in a terminal (`logger: [kanrepro]` in a profile): progress, failures, the end.

`--printshellcmds` (-p), `--verbose`, `--debug-dag` and `--quiet ...` give what Snakemake prints without it. Its log
file below `.snakemake/log` tells of every job either way.
"""

import logging
import re
import sys
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from kanrepro.core.dotted import nested
from kanrepro.page.progress import Progress

TAIL, WIDTH = 10, 200  # lines of a failed job's log that are shown, and characters of each
# what is said once in every run and tells nobody anything
NOISE = re.compile(
    r"Using |Config file|Assuming |Building DAG|Select jobs|Execute |Elapsed time|Singularity containers|"
    r"Conda environments|Group jobs|Reasons:|This was a dry-run|Some jobs were triggered|Rules with |\d+ jobs have |"
    r"Removing output files of failed|Provided |Touching |Shutting down"
)
SAID_BETTER = (
    "RuleException:\nCalledProcessError",
    "Exiting because a job execution failed",
)  # by `failure` and the box


def refuse_dotted_keys(words: list[str]) -> None:
    """Leave with one line where --config is given a key with a dot, which Snakemake answers with a traceback."""
    within = False
    for word in words:
        within = word in ("--config", "-C") or (within and not word.startswith("-"))
        key, _, value = word.partition("=")
        if within and (right := nested(key, value)):
            print(f"kanrepro: error: --config {word}: write '{right}'.", file=sys.stderr)
            raise SystemExit(2)


class LogHandler(LogHandlerBase):
    """Shows a line a kind of job, failures with the end of their log, warnings, and the box at the end."""

    def __post_init__(self) -> None:
        from snakemake.logging import ColorizingTextHandler, DefaultFormatter

        given = self.common_settings
        self.dryrun = given.dryrun
        self.stream = sys.stdout if given.stdout else sys.stderr
        formatter = DefaultFormatter(given.quiet, given.show_failed_logs)  # type: ignore[arg-type]
        self.usual = ColorizingTextHandler(given.nocolor, self.stream, formatter=formatter)
        self.all = bool(given.printshellcmds or given.verbose or given.debug_dag or given.quiet)
        self.progress = Progress(live=self.stream.isatty())
        self.planned = False

    writes_to_stream, writes_to_file = True, False  # type: ignore[assignment]
    has_filter, has_formatter, needs_rulegraph = False, True, False  # type: ignore[assignment]

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, or nothing of it."""
        event = getattr(record, "event", None)
        if self.all:
            self.usual.emit(record)
        elif event == LogEvent.RUN_INFO:
            self._plan(record)
        elif event == LogEvent.JOB_INFO:
            self.progress.start(record.__dict__["jobid"], record.__dict__["rule_name"])
        elif event == LogEvent.JOB_FINISHED:
            line, stays = self.progress.finish(record.__dict__["job_id"])
            if line:
                self._write(line, "\n" if stays else "")
        elif event == LogEvent.JOB_ERROR:
            job = record.__dict__
            self._write(failure(job["rule_name"], job["log"], job.get("shellcmd")))
        elif event is None or event == LogEvent.ERROR or record.levelno >= logging.WARNING:
            text = record.getMessage() if isinstance(record.msg, str) else ""
            quiet = record.levelno < logging.WARNING and (not text.strip() or NOISE.match(text))
            if not quiet and not text.startswith(SAID_BETTER):
                self._write("", "")
                self.usual.emit(record)

    def _plan(self, record: logging.LogRecord) -> None:
        """The jobs of a run in a line; of a dry run, which names them twice, as the table that Snakemake makes."""
        if self.planned:
            return
        self.planned = True
        line = self.progress.plan(record.__dict__["stats"])
        if self.dryrun:
            self._write(f"{record.msg}\nevery job, its files, reason and command: -n -p; its hours: kanrepro plan")
        else:
            self._write(line)

    def _write(self, text: str, end: str = "\n") -> None:
        start = "\r\x1b[K" if self.progress.live else ""  # over a line that does not stay
        self.stream.write(f"{start}{text}{end}")
        self.stream.flush()


def failure(rule: str, logs: list[str], command: str | None = None) -> str:
    """A failed job, with the end of its log and the command that can be tried by hand."""
    lines = [f"FAILED {rule}: {', '.join(logs) or 'it keeps no log'}"]
    for path in logs:
        try:
            said = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        lines += [f"  {line[:WIDTH]}" for line in said[-TAIL:]]
    return "\n".join([*lines, *([f"  by hand: {command}"] if command else [])])


# Snakemake imports its plugins before it reads its options: the only place where such a key can be answered in a line
if Path(sys.argv[0]).name in ("snakemake", "snakemake.exe") or "snakemake" in Path(sys.argv[0]).parts[-2:]:
    refuse_dotted_keys(sys.argv[1:])
