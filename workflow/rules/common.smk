"""Settings, and what the rules of all families share."""

import os
import shlex
import sys
from datetime import datetime
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from kanrepro import settings as kanrepro_settings
from kanrepro.core.errors import UserError
from kanrepro.core.gpus import gpus_here
from kanrepro.core.jobs import Place, as_json, option, said, settings_file
from kanrepro.core.provenance import code_digest
from kanrepro.core.yaml_file import read_yaml
from kanrepro.families import FAMILIES
from kanrepro.methods.folder import find, training_code
from kanrepro.page.ending import Failure, ending


def checked(make, *arguments):
    """What `make` makes of the arguments; a mistake of the user's stops before any job, in one line."""
    try:
        return make(*arguments)
    except UserError as error:
        raise WorkflowError(str(error)) from None


for path in workflow.configfiles:
    checked(read_yaml, Path(path))  # Snakemake has read it already, but takes the last of two equal keys without a word
SETTINGS = checked(kanrepro_settings.resolve, config, Path(workflow.basedir) / "workflow/presets")
# a profile that counts GPUs counts those of this machine; on a cluster jobs ask for what the nodes have
HERE = gpus_here() if "gpu" in workflow.resource_settings.resources else None
PLACE = Place(SETTINGS.preset, SETTINGS.gpus(HERE), SETTINGS.report.records == "existing")
RESULTS = PLACE.results
# what is made of records is made of all that lie there, of which a configuration may name a part
SHOWN = f"--preset {SETTINGS.preset} --records-from {RESULTS}/records"
PAGE = f"{RESULTS}/report.html"
MIRROR = f"--mirror {shlex.quote(SETTINGS.data.mirror)}" if SETTINGS.data.mirror else ""


wildcard_constraints:
    # records that exist are taken as they are: no rule makes anything of a data set then
    dataset=r"(?!)" if PLACE.existing else r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    method=r"[a-z0-9_]+",
    reading=r"[A-Za-z0-9_]+",
    seed=r"\d+",


def stem(wildcards, output):
    """The outputs' common path without suffix."""
    return os.path.splitext(output[0])[0]


def page(path, caption, category):
    """A result that the Snakemake report shows."""
    return report(path, caption=f"../report/{caption}.rst", category=category)


def last_words():
    """Jobs, failures, first numbers and what comes next, as a box."""
    done = list(workflow.dag.finished_jobs)
    failed = [
        Failure(job.rule.name, " ".join(job.wildcards_dict.values()), [str(path) for path in job.log])
        for job in workflow.scheduler.failed
        if not job.is_group()
    ]
    return ending(
        len(done),
        len(done) + len(list(workflow.dag.needrun_jobs())),
        (datetime.now() - workflow.start_time).total_seconds(),
        [str(path) for job in done for path in job.output],
        failed,
        RESULTS,
        "snakemake --cores 2 table2 --config preset=small" if SETTINGS.preset == "demo" else "",
    )


# through the logger, behind what it still has to say
onsuccess:
    logger.info(last_words())


onerror:
    logger.info(last_words())
