"""The cluster that the tests of this folder share."""

from collections.abc import Iterator

import pytest
from slurm import Cluster, Unavailable, install


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running Slurm cluster, or a skip that says why there is none."""
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="install envs/slurm.txt")
    try:
        install()
        running = Cluster()
    except Unavailable as why:
        pytest.skip(f"no Slurm cluster here: {why}")
    yield running
    running.stop()
    assert not running.processes()
