"""Bringing image archives here: from a mirror, a path, a folder, an address; and what is said where none serves."""

import functools
import hashlib
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from image_worlds import encoded, image_entry, noise, tarred

from kanrepro.core.catalog import Mirror
from kanrepro.core.download import Patience
from kanrepro.core.errors import UserError
from kanrepro.core.files import sha256
from kanrepro.images import catalog as image_catalog
from kanrepro.images.archive import members
from kanrepro.images.catalog import GroupFile, ImageMirror
from kanrepro.images.fetch import fetch, fetch_groups, main

QUICK = Patience(timeout=1, attempts=1, wait=0.01)
FILES = {"pets/cats/a.png": encoded(noise(1)), "pets/dogs/b.png": encoded(noise(2))}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that has seen enough hangs up


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a server of tmp_path."""
    server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    (tmp_path / "mirror" / "images").mkdir(parents=True)
    return tmp_path / "mirror"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "PETS.archive"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_archive_comes_over_the_net(tmp_path: Path, address: str, output: Path, mode: str) -> None:
    served = tarred(tmp_path / "pets.tar", FILES, mode)
    fetch(image_entry(address=f"{address}/pets.tar"), output, patience=QUICK)
    assert output.read_bytes() == served.read_bytes()
    fetch(image_entry(address=f"{address}/pets.tar", sha256=sha256(served)), output, patience=QUICK)
    with pytest.raises(UserError, match="the file has checksum .* but the catalogue states 000"):
        fetch(image_entry(address=f"{address}/pets.tar", sha256="0" * 64), output, patience=QUICK)


def test_a_page_or_junk_instead_of_an_archive_is_refused(tmp_path: Path, address: str, output: Path) -> None:
    (tmp_path / "login").write_text("<!doctype html><title>Sign in</title>")
    with pytest.raises(UserError, match=r"gives a web page \(HTML\), not a zip or tar archive: '<!doctype"):
        fetch(image_entry(address=f"{address}/login"), output, patience=QUICK)
    (tmp_path / "junk").write_bytes(b"junk" * 1000)
    with pytest.raises(UserError, match="what came is not a whole zip or tar archive"):
        fetch(image_entry(address=f"{address}/junk"), output, patience=QUICK)
    assert not list(output.parent.iterdir())


def test_too_large_a_download_stops(tmp_path: Path, address: str, output: Path) -> None:
    tarred(tmp_path / "pets.tar", {"a": bytes(1_100_000)})
    with pytest.raises(UserError, match="larger than 1 MB"):
        fetch(image_entry(address=f"{address}/pets.tar", max_archive_mb=1), output, patience=QUICK)


def test_the_mirror_s_named_copy_comes_first_and_must_be_it(mirror: Path, output: Path) -> None:
    copy = tarred(mirror / "pets.tar", FILES)
    right = image_entry(mirror=ImageMirror(path="pets.tar", sha256=sha256(copy)))
    tarred(mirror / "images" / "PETS.zip", {"other": b""})
    fetch(right, output, mirror)
    assert output.read_bytes() == copy.read_bytes()
    wrong = image_entry(mirror=ImageMirror(path="pets.tar", sha256="0" * 64))
    output.unlink()
    with pytest.raises(UserError, match=r"pets.tar has checksum .* but the catalogue states 000"):
        fetch(wrong, output, mirror)
    assert not output.exists()


@pytest.mark.parametrize("name", ["PETS.zip", "PETS.tar", "PETS.tar.gz", "PETS.tgz"])
def test_what_a_user_puts_into_the_mirror_may_be_another_copy(mirror: Path, output: Path, name: str) -> None:
    copy = tarred(mirror / "images" / name, FILES)
    fetch(image_entry(address=None, obtain="Ask.", sha256="0" * 64), output, mirror)
    assert output.read_bytes() == copy.read_bytes()


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_folder_is_packed_the_same_way_every_time(mirror: Path, tmp_path: Path, output: Path, by_hand: bool) -> None:
    folder = mirror / "images" / "PETS" if by_hand else tmp_path / "own"
    for name in sorted(FILES, reverse=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(FILES[name])
    entry = image_entry(address=None, obtain="Ask.") if by_hand else image_entry(address=str(folder))
    fetch(entry, output, mirror if by_hand else None)
    assert {member.name: member.read() for member in members(output, 10**6)} == FILES
    first = hashlib.sha256(output.read_bytes()).hexdigest()
    fetch(entry, output, mirror if by_hand else None)
    assert sha256(output) == first
    (folder / "link.png").symlink_to(folder / "pets" / "cats" / "a.png")
    with pytest.raises(UserError, match=r"link.png: a link or other special file, not followed. Put the file itself"):
        fetch(entry, output, mirror if by_hand else None)


def test_an_empty_folder_and_none_are_named(tmp_path: Path, output: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty holds no files"):
        fetch(image_entry(address=str(tmp_path / "empty")), output)
    with pytest.raises(UserError, match="nowhere does not exist. Correct `address`"):
        fetch(image_entry(address=str(tmp_path / "nowhere")), output)
    with pytest.raises(UserError, match="the mirror folder .* does not exist"):
        fetch(image_entry(), output, tmp_path / "nowhere")
    assert not output.exists()


def test_a_set_that_needs_an_account_says_how_and_where(mirror: Path, output: Path) -> None:
    entry = image_entry(address=None, obtain="Log in at https://pets.example and take pets.zip.")
    for folder in (None, mirror):
        with pytest.raises(UserError) as caught:
            fetch(entry, output, folder)
        assert str(caught.value) == (
            "No program can fetch this zip or tar archive. By hand: Log in at https://pets.example and take pets.zip. "
            "Put it as images/PETS.zip (.tar, .tar.gz, or a folder images/PETS) into a folder of your choice, and name "
            "that folder with --mirror, data.mirror or KANREPRO_MIRROR."
        )


def test_the_file_of_groups_is_another_part(tmp_path: Path, mirror: Path, address: str, output: Path) -> None:
    table = tmp_path / "owners.csv"
    table.write_text("folder,image,group\ncats,a.png,1\n")
    entry = image_entry(groups=GroupFile(address=f"{address}/owners.csv"))
    fetch_groups(entry, output, patience=QUICK)
    assert output.read_bytes() == table.read_bytes()
    (mirror / "images" / "PETS-groups.csv").write_text("other")
    fetch_groups(entry, output, mirror)
    assert output.read_text() == "other"
    (mirror / "named.csv").write_text("named")
    named = Mirror(path="named.csv", sha256=sha256(mirror / "named.csv"))
    fetch_groups(image_entry(groups=GroupFile(mirror=named)), output, mirror)
    assert output.read_text() == "named"
    with pytest.raises(UserError, match="PETS has no file with groups in the catalogue"):
        fetch_groups(image_entry(), output)
    with pytest.raises(UserError, match="No program can fetch this CSV file"):
        fetch_groups(image_entry(groups=GroupFile()), output)


def test_the_command_line(tmp_path: Path, output: Path) -> None:
    tarred(tmp_path / "pets.tar", FILES)
    (tmp_path / "own.yaml").write_text("PETS: {address: pets.tar, classes: {cat: [cats]}}")
    main(["--dataset", "PETS", "--catalog", str(tmp_path / "own.yaml"), "--output", str(output)])
    assert output.read_bytes() == (tmp_path / "pets.tar").read_bytes()
    with pytest.raises(UserError, match="digits needs no download: it comes with scikit-learn"):
        main(["--dataset", "digits", "--output", str(output)])


def test_every_real_set_says_how_it_may_be_had() -> None:
    for entry in image_catalog.load().values():
        if not entry.demo:
            assert "https://" in entry.obtain and entry.obtain.endswith(".")
