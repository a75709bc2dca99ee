"""Archives made to harm, and archives that were harmed."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanrepro.core.archive import Archive
from kanrepro.core.errors import UserError
from kanrepro.tu import read as tu

Happened = Callable[[object], None]

Zipped = Callable[..., Path]


def single(path: Path, member: str | zipfile.ZipInfo, content: bytes = b"1\n") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    return path


@pytest.mark.fault(
    "Untrusted input",
    "an archive of graphs whose member leaves its folder",
    "`..`, absolute paths, drive letters, backslashes",
)
@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/etc/out.txt", "C:/out.txt", "..\\out.txt"])
def test_a_member_that_leaves_its_folder_is_refused(happened: Happened, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="would be written outside its folder"):
        Archive(single(tmp_path / "a.zip", name), 10**6, ("_A.txt",))
    happened("refused with the member")


@pytest.mark.fault(
    "Untrusted input",
    "a link in an archive of graphs",
    "to /etc/passwd",
)
def test_a_link_is_refused(happened: Happened, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("TOY_A.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(UserError, match=r"'TOY_A.txt' is a link"):
        Archive(single(tmp_path / "a.zip", link, b"/etc/passwd"), 10**6)
    happened("refused with the member")


@pytest.mark.fault(
    "Untrusted input",
    "an archive that unpacks to more than the catalogue allows",
    "3 MB in 5 kB, against a bound of 2 MB",
)
def test_a_bomb_stops_at_the_door(happened: Happened, tmp_path: Path) -> None:
    path = single(tmp_path / "bomb.zip", "TOY_A.txt", bytes(3_000_000))
    assert path.stat().st_size < 5_000
    with pytest.raises(UserError, match=r"would unzip to 3 MB, more than the 2 MB .* `max_unzipped_mb`"):
        Archive(path, 2 * 10**6)
    with Archive(path, 2 * 10**6, ("_labels.txt",)) as archive:  # members that nobody reads do not count
        assert archive.names == []
    happened("refused before anything is read")


@pytest.mark.fault(
    "Untrusted input",
    "an archive that lies about its size",
    "1 MB that says 1 kB",
)
def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_says(happened: Happened, tmp_path: Path) -> None:
    path = single(tmp_path / "liar.zip", "TOY_A.txt", b"1, 1\n" * 200_000)
    content = path.read_bytes()
    true, false = (1_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little")
    assert content.count(true) == 2  # local header and central directory
    path.write_bytes(content.replace(true, false))
    with pytest.raises(UserError, match=r"liar.zip: TOY_A.txt is damaged \(Bad CRC-32"):  # noqa: SIM117
        with Archive(path, 10**6) as archive, archive.open("TOY_A.txt") as stream:
            assert len(stream.read(10**6)) <= 1_000
    happened("no more than it says is read; then its checksum fails: refused")


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one/TOY_A.txt", "1")
        archive.writestr("two/TOY_A.txt", "2")
    with pytest.raises(UserError, match=r"two members 'TOY_A.txt'"):
        Archive(tmp_path / "a.zip", 10**6)


@pytest.mark.fault(
    "Untrusted input",
    "an encrypted archive",
    "a member with a password",
)
def test_an_encrypted_member_is_refused(happened: Happened, tmp_path: Path) -> None:
    path = single(tmp_path / "a.zip", "TOY_A.txt")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is encrypted"):
        Archive(path, 10**6)
    happened("refused with the member")


def test_a_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no.zip does not exist. Fetch it with: python -m kanrepro.tu.fetch"):
        Archive(tmp_path / "no.zip", 10**6)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_archive_is_refused(zipped: Zipped, share: float) -> None:
    path = zipped()
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=r"TOY.zip is not a whole zip archive .* fetch it again"):
        tu.read(path, "TOY")


@pytest.mark.fault(
    "Damaged files",
    "a byte of an archive changes",
    "any byte, 100 times (hypothesis)",
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damaged_byte_is_noticed_or_harmless(happened: Happened, zipped: Zipped, data: st.DataObject) -> None:
    path = zipped()
    expected = tu.read(path, "TOY").edge_index.tolist()
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = tu.read(path, "TOY").edge_index.tolist()
    except UserError:
        return
    assert found == expected  # time stamps, attributes, comments
    happened("refused, or nothing that is read changed")
