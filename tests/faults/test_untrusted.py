"""What others made, wrong by accident or on purpose: a clear message or something valid, no traceback, nothing run."""

import gzip
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from image_worlds import encoded, image_entry, image_set, noise
from PIL import Image

from kanrepro.core import checkpoint
from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json
from kanrepro.core.record import Record
from kanrepro.images.catalog import GroupFile
from kanrepro.images.decode import Excluded, decode
from kanrepro.images.groups import read_groups
from kanrepro.images.record import ImageRecord
from kanrepro.images.splits import read_split
from kanrepro.images.store import ImageSet
from kanrepro.molecules.catalog import MoleculeEntry
from kanrepro.molecules.prepare import prepare
from kanrepro.molecules.splits import read_split as read_molecule_split
from kanrepro.report import described
from kanrepro.store.store import GraphStore
from kanrepro.superpixels import idx
from kanrepro.tu import read as tu
from kanrepro.tu.splits import read_folds

Happened = Callable[[object], None]
RECORD = Path(__file__).resolve().parents[2] / "results/small/records/tu/MUTAG/khan_gcl-repaired-0.json"
TOY = {
    "A": "2, 3\n1, 2\n2, 1\n3, 2\n2, 3\n6, 6\n5, 6\n6, 5\n1, 2\n",
    "graph_indicator": "1\n1\n1\n2\n3\n3\n",
    "graph_labels": "7\n-1\n7\n",
    "node_labels": "6\n8\n6\n17\n6\n8\n",
    "edge_labels": "5\n9\n9\n5\n5\n2\n2\n2\n9\n",
}
CHARACTERS = "0123456789-,. \t\r\n;e+\"'x\x00\ufeffé"
TRIES = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True, database=None
)


@st.composite
def slips(draw: st.DrawFn, text: str) -> str:
    """A text with up to four places deleted, doubled or overwritten."""
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 6))
        new = draw(st.one_of(st.text(CHARACTERS, max_size=4), st.just(text[at : at + length] * 2)))
        text = text[:at] + new + text[at + length :]
    return text


@st.composite
def harmed(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes with up to six places overwritten, deleted or filled in."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 6))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 8))
        data[at : at + length] = draw(st.binary(max_size=8))
    return bytes(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def rewritten(draw: st.DrawFn, content: Any) -> Any:
    """A JSON document in which one value became another, or a key was lost or added."""
    document = json.loads(json.dumps(content))
    place: Any = {"all": document}
    key: Any = "all"
    while isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
        place = place[key]
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
    if "all" in place:
        return draw(json_values)
    if draw(st.integers(0, 4)):
        place[key] = draw(json_values)
    else:
        del place[key]
    return document


def said(error: UserError) -> str:
    """The message of an error, which is one line of bounded length and tells nothing of the environment."""
    text = str(error)
    assert "\n" not in text and len(text) < 2000, text
    assert os.environ["HOME"] == "/" or os.environ["HOME"] not in text.replace(os.getcwd(), ""), text
    return text


@pytest.mark.fault(
    "Untrusted input",
    "a graph set whose text files are damaged",
    "150 times up to four slips in a member (hypothesis): digits, commas, line ends, quotes, zero bytes, other letters",
)
@TRIES
@seed(1)
@given(st.data())
def test_text_of_graphs(tmp_path: Path, happened: Happened, data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(list(TOY)))
    path = tmp_path / "TOY.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in TOY.items():
            archive.writestr(f"TOY/TOY_{name}.txt", data.draw(slips(text)) if name == part else text)
    try:
        store = tu.read(path, "TOY")
    except UserError as error:
        assert said(error).startswith(f"{path}: TOY_"), error
    else:
        store.check()
        store.save(tmp_path / "store")
        assert GraphStore.load(tmp_path / "store").meta["source_sha256"]
    happened("refused with archive, member and line, or a valid store")


TABLE = 'id,mol,blue,"red, dark"\n1,CCO,1,0\n2,OCC,1,\n3,[Na+].[Cl-],0,1.0\n\n4,c1ccccc1,,0\n'


@pytest.mark.fault(
    "Untrusted input",
    "a table of molecules that is damaged",
    "150 times up to four slips (hypothesis), plain and packed",
)
@TRIES
@seed(2)
@given(st.data())
def test_tables_of_molecules(tmp_path: Path, happened: Happened, data: st.DataObject) -> None:
    path, text = tmp_path / "dyes.csv", data.draw(slips(TABLE)).encode()
    path.write_bytes(data.draw(harmed(gzip.compress(text, mtime=0))) if data.draw(st.booleans()) else text)
    fields: Any = {"name": "DYES", "address": "x", "smiles": "mol", "tasks": ["blue", "red, dark"]}
    (tmp_path / "store").unlink(missing_ok=True)
    try:
        prepare(MoleculeEntry(**fields), [path], tmp_path / "store")
    except UserError as error:
        assert "dyes.csv" in said(error) or "DYES" in said(error)
        assert not (tmp_path / "store").exists()
    else:
        GraphStore.load(tmp_path / "store").check()
    happened("refused with file and line, or a valid store that counts what was left out; nothing half written")


@pytest.mark.fault(
    "Untrusted input", "a file of groups of images that is damaged", "150 times up to four slips (hypothesis)"
)
@TRIES
@seed(3)
@given(st.data())
def test_files_of_groups(tmp_path: Path, happened: Happened, data: st.DataObject) -> None:
    path = tmp_path / "groups.csv"
    path.write_text(data.draw(slips("folder,image,group\ncats,1.png,a\ncats,2.png,b\ndogs,1.png,a\n")), newline="")
    columns: Any = {"address": "x", "folder": ["folder"], "image": ["image"], "group": ["group"]}
    try:
        read_groups(path, GroupFile(**columns))
    except UserError as error:
        assert "groups.csv" in said(error)
    happened("refused with the file, or read")


FORMS = {"PNG": encoded(noise(1)), "JPEG": encoded(noise(1), "JPEG"), "TIFF": encoded(noise(1), "TIFF")}
FORMS |= {"BMP": encoded(noise(1), "BMP"), "RGB": encoded(noise(2, mode="RGB"))}


@pytest.mark.fault(
    "Untrusted input",
    "an image that is damaged",
    "PNG, JPEG, TIFF and BMP, 150 times up to six places overwritten (hypothesis)",
)
@TRIES
@seed(4)
@given(st.data())
def test_images(happened: Happened, data: st.DataObject) -> None:
    content = data.draw(harmed(FORMS[data.draw(st.sampled_from(list(FORMS)))]))
    try:
        pixels, digest = decode(content, 1, 8, 1e6)
    except Excluded as reason:
        assert str(reason) and "\n" not in str(reason)
    else:
        assert pixels.shape == (8, 8) and pixels.dtype == np.uint8 and len(digest) == 32
    happened("left out of the set with the reason, and counted; or read")


@pytest.mark.fault(
    "Untrusted input", "an image that unpacks to gigabytes", "a PNG of 60,000 x 60,000 pixels in a few kB"
)
def test_an_image_bomb(happened: Happened) -> None:
    bomb = bytearray(encoded(Image.new("1", (1, 1))))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2  # what its header says
    with pytest.raises(Excluded) as reason:
        decode(bytes(bomb), 1, 8, 40e6)
    happened(f"left out before anything is decoded: “{reason.value}”")


@pytest.mark.fault(
    "Untrusted input",
    "an idx file (MNIST) that is damaged",
    "150 times up to six places overwritten (hypothesis), plain and packed",
)
@TRIES
@seed(5)
@given(st.data())
def test_idx_files(tmp_path: Path, happened: Happened, data: st.DataObject) -> None:
    whole = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (2, 3, 3)) + bytes(range(18))
    path = tmp_path / "images.idx"
    path.write_bytes(data.draw(harmed(gzip.compress(whole, mtime=0) if data.draw(st.booleans()) else whole)))
    try:
        assert idx.read(path, 3).dtype == np.uint8
    except UserError as error:
        assert "images.idx" in said(error)
    happened("refused with the file, or read")


PARTS = {"train": [0, 1, 2, 3], "validation": [4, 5], "test": [6, 7], "leaked": [6], "notes": ["a"], "set": "x"}
MOLECULES = {**{k: v for k, v in PARTS.items() if k != "leaked"}, "scaffolds": {"train": 3}, "one_class": {"train": []}}


def description() -> Any:
    return read_json(RECORD.parents[2] / "data" / "MUTAG.json")


DOCUMENTS: dict[str, tuple[Callable[[], Any], Callable[[Path], Any]]] = {
    "fold file": (lambda: {"test": [[0, 3], [1, 2]]}, lambda path: read_folds(path, 4)),
    "split of images": (lambda: PARTS, lambda path: read_split(path, 8)),
    "split of molecules": (lambda: MOLECULES, lambda path: read_molecule_split(path, 8)),
    "record": (lambda: read_json(RECORD), Record.read),
    "record of images": (lambda: {"schema": 1, "dataset": "x"}, ImageRecord.read),
    "description": (description, lambda path: described.read([path])),
}


@pytest.mark.fault(
    "Untrusted input",
    "a record, description, fold or split file that says something else",
    "150 times one value of each is replaced by any JSON (hypothesis)",
)
@pytest.mark.parametrize("kind", list(DOCUMENTS))
@TRIES
@seed(6)
@given(st.data())
def test_json(tmp_path: Path, happened: Happened, kind: str, data: st.DataObject) -> None:
    content, read = DOCUMENTS[kind]
    path = tmp_path / "document.json"
    path.write_text(json.dumps(data.draw(rewritten(content()))))
    try:
        read(path)
    except UserError as error:
        assert str(path) in said(error)
    happened("refused with file and field, or valid")


class Harm:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.fault(
    "Untrusted input",
    "a pickle that runs code, given as checkpoint or store",
    "as pickle, as file of torch.save, and inside a safetensors header",
)
def test_nothing_is_unpickled(tmp_path: Path, happened: Happened) -> None:
    harm, given = tmp_path / "harm", tmp_path / "given"
    readers = (checkpoint.load, GraphStore.load, ImageSet.load, Record.read, read_json)
    for write in (
        lambda: given.write_bytes(pickle.dumps(Harm(harm))),
        lambda: torch.save({"a": Harm(harm)}, given),
        lambda: given.write_bytes((200).to_bytes(8, "little") + pickle.dumps(Harm(harm)).ljust(200)),
        lambda: given.write_bytes((2**62).to_bytes(8, "little") + b"{}"),
    ):
        write()
        for read in readers:
            with pytest.raises(UserError) as error:
                read(given)
            assert str(given) in str(error.value)
    assert not harm.exists()
    happened("refused everywhere, nothing ran: “given is not a readable checkpoint ...”")


def test_stores_that_lie_about_themselves_are_refused(tmp_path: Path) -> None:
    good = image_set([0, 1, 0, 1])
    for change in ({"y": torch.tensor([0, 1, 0, 9])}, {"pixels": torch.zeros(4, 1, 3, 4, dtype=torch.uint8)}):
        with pytest.raises(ValueError):
            ImageSet(**{**vars(good), **change})
    assert image_entry().name == "PETS"
