"""The catalogue of images for superpixel graphs: what it states, and what it refuses."""

from pathlib import Path

import pytest

from kanrepro.core.errors import UserError
from kanrepro.core.files import sha256
from kanrepro.superpixels import catalog as superpixel_catalog
from kanrepro.superpixels.fetch import fetch

PART = "{images: {address: i.gz}, labels: {address: l.gz}}"
COUNTS = "{train: 1, test: 1, classes: 1}"


def test_built_in_sets_have_what_a_reader_asks_for() -> None:
    mnist = superpixel_catalog.entry("mnist")
    assert mnist.expected.train + mnist.expected.test == 70_000 and not mnist.demo and "BY-SA" in mnist.licence
    for part in superpixel_catalog.PARTS:
        for kind in superpixel_catalog.KINDS:
            file = mnist.file(part, kind)  # type: ignore[arg-type]
            assert file.sha256 and file.mirror and file.address.endswith(Path(file.mirror).name)
    digits = superpixel_catalog.entry("digits")
    assert digits.demo
    with pytest.raises(UserError, match="comes with scikit-learn"):
        digits.file("train", "images")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"own: {{train: {PART}, expected: {COUNTS}}}", "needs the idx files of both parts"),
        (f"own: {{expected: {COUNTS}}}", "needs the idx files of both parts"),
        (f"own: {{trian: {PART}, test: {PART}, expected: {COUNTS}}}", "Did you mean 'train'"),
        (f"own: {{train: {{image: 3}}, test: {PART}, expected: {COUNTS}}}", "Did you mean 'images'"),
        (f"own: {{train: {PART}, test: {PART}, expected: {{trian: 3}}}}", "Did you mean 'train'"),
        (f"own: {{train: {PART}, test: {PART}, expected: {{train: 0, test: 1, classes: 1}}}}", "expected.train"),
        (
            f"own: {{train: {PART.replace('i.gz', 'ftp://x/i')}, test: {PART}, expected: {COUNTS}}}",
            "http, https or file",
        ),
        (f"mnist: {{train: {PART}, test: {PART}, expected: {COUNTS}}}", "'mnist' is taken"),
        ("own: 3", "expected fields such as `train`"),
        ("[1]", "must map names"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        superpixel_catalog.load([path])
    assert str(path) in str(error.value) and message in str(error.value)


def test_files_come_from_the_mirror_or_beside_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "i.gz").write_bytes(b"images")
    (tmp_path / "l.gz").write_bytes(b"labels")
    digest = sha256(tmp_path / "l.gz")
    path = tmp_path / "own.yaml"
    part = f"{{images: {{address: i.gz, mirror: i.gz}}, labels: {{address: l.gz, sha256: {digest}}}}}"
    path.write_text(f"own: {{train: {part}, test: {part}, expected: {COUNTS}}}")
    entry = superpixel_catalog.entry("own", [path])
    fetch(entry, entry.file("train", "images"), tmp_path / "out-i", tmp_path / "mirror")
    fetch(entry, entry.file("test", "labels"), tmp_path / "out-l", tmp_path / "mirror")
    assert (tmp_path / "out-i").read_bytes() == b"images" and (tmp_path / "out-l").read_bytes() == b"labels"
    (tmp_path / "l.gz").write_bytes(b"others")
    with pytest.raises(UserError, match=f"the catalogue states {digest}"):
        fetch(entry, entry.file("test", "labels"), tmp_path / "again")
    with pytest.raises(UserError, match="does not exist"):
        fetch(entry, entry.file("train", "images"), tmp_path / "again")
    with pytest.raises(UserError, match="mirror folder .* does not exist"):
        fetch(entry, entry.file("train", "images"), tmp_path / "again", tmp_path / "nothing")
