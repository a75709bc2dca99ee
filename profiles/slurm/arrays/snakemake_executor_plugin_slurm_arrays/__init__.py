"""Snakemake's Slurm executor, with arrays that hold only jobs that ask for the same time, memory and GPUs.

An array has one request for all its tasks, and `snakemake-executor-plugin-slurm` takes that of its first job: the
largest data set of a rule would run within the limits of whichever comes first. It also holds jobs back until all that
are ready can go together, which under `--jobs N` with more than N ready jobs is never: the run waits for ever. Here the
jobs of a rule are put together by what they ask for, and submitted at once. All settings are those of the plugin.
"""

from typing import Any

from snakemake_executor_plugin_slurm import Executor as SlurmExecutor
from snakemake_executor_plugin_slurm import ExecutorSettings, common_settings

__all__ = ["Executor", "ExecutorSettings", "common_settings"]


class Executor(SlurmExecutor):
    """The Slurm executor, but for how jobs are put together."""

    def run_jobs(self, jobs: list[Any]) -> None:
        """Submit jobs that may start now: those of the rules chosen for arrays as arrays of like jobs, others alone."""
        super().run_jobs([])  # what the plugin prepares before it submits
        alike: dict[Any, list[Any]] = {}
        for job in sorted(jobs, key=lambda job: job.jobid):
            alike.setdefault(request(job), []).append(job)
        for together in alike.values():
            if len(together) > 1 and self.array_jobs & {"all", together[0].name} and not together[0].is_group():
                self._submit_array_jobs(together)
            else:
                for job in together:
                    self._submit_job(job)


def request(job: Any) -> tuple[str, int, tuple[tuple[str, str], ...]]:
    """A job's rule, threads and resources, larger after a failed attempt: what tells arrays apart."""
    return job.name, job.threads, tuple(sorted((name, str(value)) for name, value in job.resources.items()))
