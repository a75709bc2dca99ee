"""Archives of images in every form, made to harm, and harmed."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from image_worlds import tarred

from kanrepro.core.errors import UserError
from kanrepro.images import archive as image_archive
from kanrepro.images.archive import members

Happened = Callable[[object], None]

FILES = {"set/b/2.png": b"two", "set/a/1.png": b"one" * 100, "note.txt": b""}


def content(source: Path, limit: int = 10**6) -> dict[str, bytes]:
    return {member.name: member.read() for member in members(source, limit)}


def zipped(path: Path, files: dict[str, bytes] = FILES) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def with_link(path: Path, kind: bytes, target: str = "/etc/passwd") -> Path:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("set/link.png")
        info.type, info.linkname = kind, target
        archive.addfile(info)
    return path


@pytest.mark.parametrize("form", ["zip", "tar", "gz", "bz2", "xz", "folder"])
def test_every_form_gives_the_same_files(tmp_path: Path, form: str) -> None:
    source = tmp_path / "set.archive"  # the content tells the form, not the name
    if form == "zip":
        zipped(source)
    elif form == "folder":
        for name, data in FILES.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(data)
    else:
        tarred(source, FILES, "w" if form == "tar" else f"w:{form}")
    assert content(source) == FILES


@pytest.mark.fault(
    "Untrusted input",
    "an archive of images whose member leaves its folder",
    "zip and tar; `..`, absolute paths, drive letters, backslashes",
)
@pytest.mark.parametrize("name", ["../out.png", "a/../../out.png", "/etc/out.png", "C:/out.png", "..\\out.png"])
@pytest.mark.parametrize("make", [tarred, zipped])
def test_a_member_that_leaves_its_folder_is_refused(happened: Happened, tmp_path: Path, make: Any, name: str) -> None:
    with pytest.raises(UserError, match="would be written outside its folder"):
        content(make(tmp_path / "a", {name: b"x"}))
    happened("refused with the member")


def test_leading_dots_and_double_slashes_are_no_other_place(tmp_path: Path) -> None:
    assert set(content(tarred(tmp_path / "a", {"./set//a.png": b"x"}))) == {"set/a.png"}


@pytest.mark.fault(
    "Untrusted input",
    "links and devices in an archive of images",
    "symbolic and hard links, pipes, devices",
)
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_not_followed(happened: Happened, tmp_path: Path, kind: bytes) -> None:
    (member,) = members(with_link(tmp_path / "a.tar", kind), 10**6)
    assert (member.name, member.fault) == ("set/link.png", "a link or other special file, not followed")
    happened("not followed; left out with the reason, and counted")


def test_a_link_in_a_zip_is_not_followed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    (member,) = members(tmp_path / "a.zip", 10**6)
    assert "a link" in member.fault


def test_links_in_a_folder_are_not_followed_but_seen(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "secret.png").write_bytes(b"x")
    (tmp_path / "set" / "file.png").symlink_to(tmp_path / "else" / "secret.png")
    (tmp_path / "set" / "folder").symlink_to(tmp_path / "else")
    assert {m.name: bool(m.fault) for m in members(tmp_path / "set", 10**6)} == {"file.png": True, "folder": True}


@pytest.mark.fault(
    "Untrusted input",
    "images that unpack to more than the catalogue allows",
    "zip, tar, tar.gz and folders of 3 MB against a bound of 2 MB",
)
@pytest.mark.parametrize("form", ["zip", "tar", "gz", "folder"])
def test_too_much_stops_at_the_limit(happened: Happened, tmp_path: Path, form: str) -> None:
    source, files = tmp_path / "bomb", {f"{i}.png": bytes(10**6) for i in range(3)}
    if form == "zip":
        zipped(source, files)
    elif form == "folder":
        source.mkdir()
        for name, data in files.items():
            (source / name).write_bytes(data)
    else:
        tarred(source, files, f"w:{form}" if form == "gz" else "w")
    with pytest.raises(UserError, match=r"unpacks to more than the 2 MB .* `max_unpacked_mb`"):
        content(source, 2 * 10**6)
    happened("refused at the bound")


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_archive, "LARGEST", 100)
    faults = {m.name: m.fault for m in members(tarred(tmp_path / "a.tar", FILES), 10**6)}
    assert [name for name, fault in faults.items() if fault] == ["set/a/1.png"]


def test_a_name_that_appears_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for data in (b"1", b"22"):
            info = tarfile.TarInfo("a.png")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    with pytest.raises(UserError, match=r"there are two members 'a.png'"):
        content(path)


@pytest.mark.fault(
    "Damaged files",
    "an archive of images is cut short",
    "zip, tar and tar.gz at two places",
)
@pytest.mark.parametrize("form", ["zip", "tar", "gz"])
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_half_an_archive_is_named(happened: Happened, tmp_path: Path, form: str, share: float) -> None:
    source, files = tmp_path / "half", {"a.png": bytes(range(256)) * 40, "b.png": bytes(reversed(range(256))) * 40}
    zipped(source, files) if form == "zip" else tarred(source, files, "w" if form == "tar" else "w:gz")
    whole = source.read_bytes()
    size = 21_000 if form == "tar" else len(whole)  # a tar ends with empty blocks
    source.write_bytes(whole[: int(size * share)])
    with pytest.raises(UserError, match="half is damaged, or no zip or tar archive .* fetch it again"):
        content(source)
    happened("refused with the archive")


@pytest.mark.parametrize("size", [1024, 1024 + 200])  # after the first member; within the header of the second
def test_a_tar_that_was_cut_where_nobody_looks_is_named(tmp_path: Path, size: int) -> None:
    source = tarred(tmp_path / "cut.tar", {"a.png": b"1", "b.png": b"2"})
    source.write_bytes(source.read_bytes()[:size])
    with pytest.raises(UserError, match="cut.tar is damaged"):
        content(source)


def test_a_flipped_byte_in_a_zip_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"0123456789")
    path.write_bytes(path.read_bytes().replace(b"0123456789", b"0123456780"))
    with pytest.raises(UserError, match=r"damaged.*Bad CRC-32"):
        content(path)


def test_a_file_that_is_none_of_these_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html>Sign in</html>" * 100)
    with pytest.raises(UserError, match="page is damaged, or no zip or tar archive"):
        content(tmp_path / "page")
    with pytest.raises(UserError, match=r"nothing does not exist. Fetch it with: .*images.fetch"):
        content(tmp_path / "nothing")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": b"x"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"'a.png' is encrypted"):
        content(path)
