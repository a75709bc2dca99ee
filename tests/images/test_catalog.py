"""The catalogue of image sets: what it states, and what it says about a user's own file."""

import json
import re
from pathlib import Path

import pytest

from kanrepro.core.errors import UserError
from kanrepro.images import catalog as image_catalog
from kanrepro.images.catalog import inside

OWN = """
PETS:
  address: pets
  classes: {cat: [cats], dog: [dogs]}
  groups: {address: owners.csv}
"""


def test_it_holds_the_sets_of_the_experiments_and_the_demo() -> None:
    entries = image_catalog.load()
    assert {e.name for e in entries.values() if not e.demo} == {"chest-xray", "brain-mri", "lc25000-lung", "breakhis"}
    assert {e.name for e in entries.values() if e.demo} == {"digits", "digits-odd"}
    for entry in entries.values():
        assert entry.expected
        assert entry.demo == (entry.format == "sklearn")
        assert entry.demo or (entry.obtain and entry.source)


def test_classes_run_from_healthy_to_ill() -> None:
    assert [list(e.classes)[:2] for e in image_catalog.load().values() if not e.demo] == [
        ["NORMAL", "PNEUMONIA"],
        ["no_tumor", "glioma_tumor"],
        ["benign", "malignant"],
        ["benign", "malignant"],
    ]


def test_mirror_checksums_and_counts_are_those_of_the_manifest(mirror: Path) -> None:
    listed = {row["path"]: row for row in json.loads((mirror / "MANIFEST.json").read_text())}
    for entry in image_catalog.load().values():
        for part in (entry, entry.groups):
            if part and part.mirror:
                assert part.mirror.sha256 == listed[part.mirror.path]["sha256"]
        if entry.mirror:
            expected = entry.mirror.expected or entry.expected
            assert expected
            assert sum(expected.classes.values()) == listed[entry.mirror.path]["counts"]["images"]


@pytest.mark.parametrize(
    ("dataset", "path", "patient"),
    [
        ("chest-xray", "chest_xray/train/PNEUMONIA/person255_bacteria_1160.jpeg", "person255_bacteria"),
        ("chest-xray", "chest_xray/train/PNEUMONIA/person255_virus_531.jpeg", "person255_virus"),
        ("chest-xray", "chest_xray/train/NORMAL/IM-0115-0001.jpeg", "IM-0115"),
        ("chest-xray", "chest_xray/test/NORMAL/NORMAL2-IM-0173-0001-0002.jpeg", "NORMAL2-IM-0173"),
        ("breakhis", "a/benign/SOB/adenosis/SOB_B_A_14-22549AB/40X/SOB_B_A-14-22549AB-40-001.png", "14-22549"),
        ("breakhis", "a/malignant/SOB/x/SOB_M_LC_14-13412/100X/SOB_M_LC-14-13412-100-026.png", "14-13412"),
    ],
)
def test_patients_are_read_off_the_names(dataset: str, path: str, patient: str) -> None:
    pattern = image_catalog.entry(dataset).group
    assert pattern
    match = re.search(pattern, f"/{path}")
    assert match and match["group"] == patient


@pytest.mark.parametrize(
    ("folder", "pattern", "fits"),
    [
        ("cats", "cats", True),
        ("set/train/cats", "cats", True),
        ("set/wildcats", "cats", False),
        ("set/cats/young", "cats", False),
        ("set/test/cats", "test/*", True),
        ("set/train/cats", "test/*", False),
        ("a/malignant/SOB/x/y/40X", "malignant/*", True),
        ("a/malignant/SOB/x/y/40X", "malignant/*/200X", False),
        ("", "cats", False),
    ],
)
def test_a_pattern_names_the_last_folders(folder: str, pattern: str, fits: bool) -> None:
    assert inside(folder, ["other", pattern]) == fits


def test_an_own_file_adds_a_set_beside_itself(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(OWN)
    entry = image_catalog.entry("PETS", [own])
    assert entry.groups
    assert (entry.address, entry.groups.address) == (str(tmp_path / "pets"), str(tmp_path / "owners.csv"))
    assert (entry.printed, entry.channels, entry.expected, entry.demo) == ("PETS", 3, None, False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("PETS: {address: x, clases: {a: [a]}}", "PETS: unknown key 'clases'. Did you mean 'classes'?"),
        ("PETS: {address: x, classes: {a: [a]}, groups: {imag: [x]}}", "unknown key 'imag'. Did you mean 'image'?"),
        ("PETS: {address: x, classes: {a: [a]}, expected: {class: {}}}", "unknown key 'class'. Did you mean 'classes'"),
        ("PETS: {address: x, classes: {a: []}}", "PETS: classes.a: at least 1 are needed"),
        ("PETS: {address: x, classes: {a: [/a]}}", "PETS: classes.a.0: String should match"),
        ("PETS: {classes: {a: [a]}}", "PETS: needs an `address`"),
        ("PETS: {address: ftp://x/y.zip, classes: {a: [a]}}", "must be an http, https or file URL, or a path"),
        ("PETS: {address: x, classes: {a: [a]}, channels: 2}", "PETS: channels: "),
        ("PETS: {address: x, classes: {a: [a]}, group: '('}", "group: is not a regular expression"),
        ("PETS: {address: x, classes: {a: [a]}, group: 'p(.)'}", "group: needs a part (?P<group>...)"),
        ("PETS: {address: x, classes: {a: [a]}, group: '(?P<group>.)', groups: {}}", "keep one"),
        ("PETS: {address: x, classes: {a: [a]}, expected: {classes: {b: 1}}}", "must count the classes a"),
        ("PETS: {address: x, classes: {a: [a]}, max_megapixels: 500}", "max_megapixels: it must be at most"),
        ("PETS: {address: x, classes: {a: [a]}, name: y}", "`name` is the key of the entry"),
        ("PETS: 3", "expected fields such as `address` and `classes`, found 3"),
        ("- PETS", "must map names of image sets to their entries"),
        ("PETS: {", "is not valid YAML"),
        ("digits: {address: x, classes: {a: [a]}}", "the name 'digits' is taken"),
    ],
)
def test_what_is_wrong_with_an_own_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(UserError) as caught:
        image_catalog.load([own])
    assert says in str(caught.value) and str(own) in str(caught.value)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown image set 'brain_mri'. Did you mean 'brain-mri'\?"):
        image_catalog.entry("brain_mri")
    with pytest.raises(UserError, match="nowhere.yaml cannot be read"):
        image_catalog.entry("digits", ["nowhere.yaml"])
