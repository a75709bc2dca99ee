"""Small archives in TU format."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

# Three graphs: a path 1-2-3, a single node 4, and a pair 5-6 with a loop at 6. Edges stand unsorted, some twice.
TOY = {
    "A": "2, 3\n1, 2\n2, 1\n3, 2\n2, 3\n6, 6\n5, 6\n6, 5\n1, 2\n",
    "graph_indicator": "1\n1\n1\n2\n3\n3\n",
    "graph_labels": "7\n-1\n7\n",
    "node_labels": "6\n8\n6\n17\n6\n8\n",
}


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """Make TOY.zip from member texts, by default those of the toy set; None leaves a member out."""

    def make(name: str = "TOY", prefix: str = "TOY/", **members: str | None) -> Path:
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for part, text in {**TOY, **members}.items():
                if text is not None:
                    archive.writestr(f"{prefix}{name}_{part}.txt", text)
        return path

    return make
