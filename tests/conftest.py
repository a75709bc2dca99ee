"""Shared fixtures: the folder with real data sets, where it exists."""

import os
from pathlib import Path

import hypothesis
import pytest

pytest_plugins = ["archives", "faults_page", "record_worlds"]

hypothesis.settings.register_profile("any machine", deadline=None)  # speed is measured in bench, not here
hypothesis.settings.load_profile("any machine")

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--method", help="a file with a method of your own, for tests/methods/test_contract.py")


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder with the real data sets (KANREPRO_MIRROR, or shared/data beside the checkout), or a skip."""
    named = os.environ.get("KANREPRO_MIRROR")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not (folder / "MANIFEST.json").is_file():
        pytest.skip(f"real data sets are not at {folder}; set KANREPRO_MIRROR to a folder that has them")
    return folder
