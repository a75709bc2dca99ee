"""Fetching, against a server on this machine that misbehaves as servers do."""

import hashlib
import io
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kanrepro.core.catalog import Mirror
from kanrepro.core.download import Patience
from kanrepro.core.errors import UserError
from kanrepro.tu import catalog
from kanrepro.tu.catalog import Entry, Expected
from kanrepro.tu.fetch import fetch, main

Happened = Callable[[object], None]

QUICK = Patience(timeout=0.3, attempts=3, wait=0.01)
NOWHERE = "http://127.0.0.1:9/DATA.zip"  # the discard port: nobody answers


def zip_of(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("DATA/DATA_A.txt", content)
    return buffer.getvalue()


GOOD, OTHER = zip_of(b"1, 2\n" * 40_000), zip_of(b"2, 1\n" * 40_000)
HALF = len(GOOD) // 2


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry(address: str = NOWHERE, **fields: Any) -> Entry:
    return Entry(
        **{"name": "DATA", "address": address, "expected": Expected(graphs=1, classes=1, node_labels=0), **fields}
    )


class Server(ThreadingHTTPServer):
    """Answers one request after the other as its script says; the last line of the script stays."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Callable[[Handler], None]] = []
        self.ranges: list[str | None] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/DATA.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        script = self.server.script
        self.server.ranges.append(self.headers["Range"])
        (script.pop(0) if len(script) > 1 else script[0])(self)

    def answer(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        if length != -1:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def whole(handler: Handler, content: bytes = GOOD) -> None:
    handler.answer(200, content)


def half(handler: Handler) -> None:
    handler.answer(200, GOOD[:HALF], length=len(GOOD))


def ranged(handler: Handler, content: bytes = GOOD) -> None:
    if not handler.headers["Range"]:
        return whole(handler, content)
    start = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    if start >= len(content):
        handler.answer(416, b"", Content_Range=f"bytes */{len(content)}")
    else:
        handler.answer(206, content[start:], Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}")


def stall(handler: Handler) -> None:
    handler.answer(200, GOOD[:HALF], length=len(GOOD))
    handler.wfile.flush()
    time.sleep(1)


def drip(handler: Handler) -> None:
    handler.answer(200, GOOD[:4], length=len(GOOD))
    for byte in GOOD[4:40]:
        time.sleep(0.02)
        try:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
        except OSError:
            return


def status(code: int, retry_after: str = "0") -> Callable[[Handler], None]:
    return lambda handler: handler.answer(code, b"<html>no</html>", Retry_After=retry_after)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "DATA.zip"


def nothing_left(output: Path) -> bool:
    return not output.parent.exists() or not list(output.parent.iterdir())


def ranges(*starts: int) -> list[str | None]:
    return [f"bytes={start}-" if start else None for start in starts]


@pytest.mark.fault(
    "Downloads",
    "a server that is slow, busy, stops in the middle or drops the line",
    "half a file and then the rest, one that does not resume, HTTP 503, 429 and 500, silence, a byte at a time",
)
@pytest.mark.parametrize(
    ("script", "asked"),
    [
        ([whole], ranges(0)),
        ([half, ranged], ranges(0, HALF)),
        ([half, whole], ranges(0, HALF)),  # the server does not resume and sends all
        ([status(503), whole], ranges(0, 0)),
        ([status(429, "Wed, 21 Oct 2015 07:28:00 GMT"), status(500, "soon"), whole], ranges(0, 0, 0)),
        ([stall, ranged], ranges(0, HALF)),
        ([drip, ranged], None),
    ],
    ids=["at once", "resumed", "not resumable", "busy", "busy twice", "stalled", "dripping"],
)
def test_a_download_ends_whole(
    happened: Happened, server: Server, output: Path, script: list[Any], asked: list[str] | None
) -> None:
    server.script = script
    fetch(entry(server.address, sha256=digest(GOOD)), output, patience=QUICK)
    assert output.read_bytes() == GOOD
    assert list(output.parent.iterdir()) == [output]
    assert len(server.ranges) > 1 if asked is None else server.ranges == asked
    happened("the file is whole: resumed where the server can, else sent again")


@pytest.mark.fault(
    "Downloads",
    "the line is dropped and attempts are used up",
    "half a file; then the same command",
)
def test_a_later_run_resumes_an_earlier_one(happened: Happened, server: Server, output: Path) -> None:
    server.script = [half, ranged]
    wanted = entry(server.address, sha256=digest(GOOD))
    with pytest.raises(UserError, match=r"in 1 attempts: the connection ended after \d+ of \d+ bytes. Run the same"):
        fetch(wanted, output, patience=Patience(attempts=1))
    assert not output.exists()
    assert output.with_name("DATA.zip.part").read_bytes() == GOOD[:HALF]
    fetch(wanted, output, patience=QUICK)
    assert output.read_bytes() == GOOD
    assert server.ranges == ranges(0, HALF)
    happened("one message with how many bytes came; the same command asks for the second half alone")


@pytest.mark.fault(
    "Downloads",
    "half a file of an older version lies there",
    "an older half, a longer file, a complete one",
)
@pytest.mark.parametrize("begun", [OTHER[:HALF], OTHER + b"more", GOOD], ids=["older half", "longer", "complete"])
def test_what_an_earlier_run_left_does_no_harm(happened: Happened, server: Server, output: Path, begun: bytes) -> None:
    output.parent.mkdir()
    output.with_name("DATA.zip.part").write_bytes(begun)
    server.script = [ranged]
    fetch(entry(server.address, sha256=digest(GOOD)), output, patience=QUICK)
    assert output.read_bytes() == GOOD
    happened("the checksum tells, and it is fetched from the start")


@pytest.mark.fault(
    "Downloads",
    "a download in which bits changed",
    "another archive than the catalogue states",
)
def test_a_wrong_checksum_names_both_and_deletes_the_file(happened: Happened, server: Server, output: Path) -> None:
    server.script = [lambda handler: whole(handler, OTHER)]
    with pytest.raises(UserError) as caught:
        fetch(entry(server.address, sha256=digest(GOOD)), output, patience=QUICK)
    assert f"checksum {digest(OTHER)}, but the catalogue states {digest(GOOD)}" in str(caught.value)
    assert nothing_left(output)
    happened("refused with both checksums, and deleted")


def test_without_a_checksum_the_log_says_what_decides(
    server: Server, output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = [whole]
    with caplog.at_level("INFO"):
        fetch(entry(server.address), output, patience=QUICK)
    assert "no checksum is known; the counts of the prepared set decide" in caplog.text


@pytest.mark.fault(
    "Downloads",
    "half a file, announced as whole, where no checksum is known",
    "a zip archive cut in the middle",
)
def test_without_a_checksum_half_a_file_is_still_noticed(happened: Happened, server: Server, output: Path) -> None:
    server.script = [lambda handler: handler.answer(200, GOOD[:HALF], length=-1)]
    with pytest.raises(UserError, match="not a whole zip archive"):
        fetch(entry(server.address), output, patience=QUICK)
    assert nothing_left(output)
    happened("refused as no whole zip archive, and deleted")


@pytest.mark.fault(
    "Downloads",
    "a server that sends something else",
    "a page (HTML) instead of the file, another format, HTTP 404, 403 and 502, more than the bound",
)
@pytest.mark.parametrize(
    ("script", "says", "requests"),
    [
        (lambda h: h.answer(200, b" <!DOCTYPE html><p>Log in</p>"), r"gives a web page \(HTML\), not a zip.*Log in", 1),
        (lambda h: h.answer(200, b"7z\xbc\xaf"), "gives something else, not a zip archive", 1),
        (status(404), "answers HTTP 404 Not Found. Correct the address", 1),
        (status(403), "answers HTTP 403 Forbidden", 1),
        (status(502), "in 3 attempts: HTTP 502 Bad Gateway", 3),
        (lambda h: h.answer(200, b"PK", length=10**7), r"larger than 1 MB.*`max_archive_mb`", 1),
        (lambda h: h.answer(200, b"PK" * 10**6, length=-1), r"larger than 1 MB.*`max_archive_mb`", 1),
    ],
    ids=["page", "other format", "missing", "forbidden", "down", "announces too much", "sends too much"],
)
def test_what_is_no_archive_is_refused(
    happened: Happened, server: Server, output: Path, script: Any, says: str, requests: int
) -> None:
    server.script = [script]
    with pytest.raises(UserError, match=says):
        fetch(entry(server.address, max_archive_mb=1), output, patience=QUICK)
    assert nothing_left(output)
    assert len(server.ranges) == requests
    happened("refused at the first bytes, nothing is left; only what may pass is tried again")


@pytest.mark.fault(
    "Downloads",
    "nobody answers",
    "a closed port of this machine",
)
def test_nobody_answers(happened: Happened, output: Path) -> None:
    with pytest.raises(UserError, match=r"127.0.0.1:9/DATA.zip in 3 attempts: .*refused.*KANREPRO_MIRROR"):
        fetch(entry(), output, patience=QUICK)
    assert nothing_left(output)
    happened("three attempts, then one message that names the mirror folder as a way out")


def test_a_folder_that_cannot_be_written_is_named_and_not_retried(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    server.script = [whole]
    with pytest.raises(UserError, match=r"cannot write .*DATA.zip.part"):
        fetch(entry(server.address), tmp_path / "file" / "DATA.zip", patience=QUICK)
    assert len(server.ranges) <= 1


@pytest.mark.fault(
    "Disks and clocks",
    "the disk is full in a download",
    "/dev/full as the file",
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is what a full disk is tried with")
def test_a_full_disk_is_named_and_not_retried(happened: Happened, server: Server, output: Path) -> None:
    output.parent.mkdir()
    output.with_name("DATA.zip.part").symlink_to("/dev/full")
    server.script = [whole]
    with pytest.raises(UserError, match=r"cannot write .*DATA.zip.part: No space left on device"):
        fetch(entry(server.address), output, patience=QUICK)
    assert len(server.ranges) == 1
    happened("one message with the file; no further attempt")


def test_a_right_file_is_left_alone(output: Path) -> None:
    output.parent.mkdir()
    output.write_bytes(GOOD)
    fetch(entry(sha256=digest(GOOD)), output, patience=QUICK)
    assert output.read_bytes() == GOOD


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mirror" / "tu").mkdir(parents=True)
    (tmp_path / "mirror" / "tu" / "DATA.zip").write_bytes(GOOD)
    return tmp_path / "mirror"


MIRRORED = Mirror(path="tu/DATA.zip", sha256=digest(GOOD))


@pytest.mark.parametrize(
    "fields",
    [{"mirror": MIRRORED, "sha256": digest(OTHER)}, {"sha256": digest(GOOD)}, {}],
    ids=["own checksum", "that of the public file", "none known"],
)
def test_the_mirror_comes_first(folder: Path, output: Path, fields: dict[str, Any]) -> None:
    fetch(entry(**fields), output, folder, QUICK)
    assert output.read_bytes() == GOOD


@pytest.mark.fault(
    "Downloads",
    "a damaged file in a mirror folder",
    "another archive there",
)
def test_a_wrong_file_in_the_mirror_is_named_and_kept(happened: Happened, folder: Path, output: Path) -> None:
    (folder / "tu" / "DATA.zip").write_bytes(OTHER)
    with pytest.raises(UserError) as caught:
        fetch(entry(mirror=MIRRORED), output, folder, QUICK)
    assert f"checksum {digest(OTHER)}, but the catalogue states {digest(GOOD)}" in str(caught.value)
    assert (folder / "tu" / "DATA.zip").exists()
    assert nothing_left(output)
    happened("refused with both checksums; the file is left to its owner")


def test_what_the_mirror_lacks_is_downloaded(server: Server, folder: Path, output: Path) -> None:
    (folder / "tu" / "DATA.zip").unlink()
    server.script = [whole]
    fetch(entry(server.address, mirror=MIRRORED, sha256=digest(GOOD)), output, folder, QUICK)
    assert output.read_bytes() == GOOD


def test_a_mirror_folder_that_is_not_there_is_a_mistake(tmp_path: Path, output: Path) -> None:
    with pytest.raises(UserError, match=r"mirror folder .*nowhere does not exist"):
        fetch(entry(), output, tmp_path / "nowhere", QUICK)


def test_own_sets_may_be_files(tmp_path: Path, output: Path) -> None:
    source = tmp_path / "my data.zip"
    source.write_bytes(GOOD)
    for address in (str(source), source.as_uri()):
        fetch(entry(address), output)
        assert output.read_bytes() == GOOD
        output.unlink()
    with pytest.raises(UserError, match=r"DATA: .*gone.zip does not exist. Correct `address`"):
        fetch(entry(str(tmp_path / "gone.zip")), output)


def test_a_demo_set_needs_no_download(output: Path) -> None:
    with pytest.raises(UserError, match="NCI-TPSA needs no download"):
        main(["--dataset", "NCI-TPSA", "--output", str(output)])


def test_the_command_line_reads_the_variable(
    folder: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(f"DATA: {{address: '{NOWHERE}', expected: {{graphs: 1, classes: 1, node_labels: 0}}}}")
    monkeypatch.setenv("KANREPRO_MIRROR", str(folder))
    main(["--dataset", "DATA", "--output", str(output), "--catalog", str(own)])
    assert output.read_bytes() == GOOD


def test_a_mistake_is_one_line_and_exit_code_2(output: Path) -> None:
    command = [sys.executable, "-m", "kanrepro.tu.fetch", "--dataset", "MUTGA", "--output", str(output)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("kanrepro: error: unknown data set 'MUTGA'. Did you mean 'MUTAG'?")
    assert ended.stderr.count("\n") == 1


def test_the_mirror_has_what_the_catalogue_says(mirror: Path, output: Path) -> None:
    fetch(catalog.entry("MUTAG"), output, mirror, QUICK)
    assert output.stat().st_size == 24422
