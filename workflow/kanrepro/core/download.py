"""Downloading one file over HTTP: resumed, retried, bounded in size and patience, and never half there."""

import contextlib
import email.utils
import http.client
import logging
import os
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kanrepro.core.errors import UserError

log = logging.getLogger(__name__)

CHUNK = 1 << 16  # bytes
SLOWEST = 1024  # bytes per second; a server that stays below it for a whole timeout is given up
LONGEST_WAIT = 60.0  # seconds between two attempts, also where the server asks for more
TEMPORARY = {408, 425, 429, 500, 502, 503, 504}  # HTTP answers after which another attempt makes sense


@dataclass(frozen=True)
class Patience:
    """How long to try: seconds without progress, number of attempts, seconds before the second (doubled each time)."""

    timeout: float = 30.0
    attempts: int = 5
    wait: float = 1.0


PATIENCE = Patience()


@dataclass(frozen=True)
class Kind:
    """What an address is to give.

    Attributes:
        name: for messages.
        begins: the bytes that it may begin with; empty: anything but a web page.
        whole: whether a file is a whole one, where no checksum is known.
    """

    name: str
    begins: tuple[bytes, ...]
    whole: Callable[[Path], bool]


ZIP = Kind("zip archive", (b"PK",), zipfile.is_zipfile)


class Interrupted(Exception):
    """The transfer stopped for a reason that may pass; `after` is what the server asks to wait, in seconds."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


def download(address: str, part: Path, limit: int, patience: Patience = PATIENCE, kind: Kind = ZIP) -> None:
    """Bring `part` to the whole content at `address`, going on from what it already holds.

    Args:
        address: http or https URL.
        part: the file that grows; it stays when attempts are used up, so that a later call resumes it.
        limit: most bytes that the file may have.
        patience: timeout and retries.
        kind: what must come.

    Raises:
        UserError: no attempt succeeded, the address is wrong, what it gives is not of that kind or too large, or
            `part` cannot be written.
    """
    for attempt in range(1, patience.attempts + 1):
        try:
            return _attempt(address, part, limit, patience.timeout, kind)
        except Interrupted as reason:
            if attempt == patience.attempts:
                raise UserError(
                    f"could not fetch {address} in {attempt} attempts: {reason}. Run the same command again to resume, "
                    "or put the file into a mirror folder and name it with --mirror or KANREPRO_MIRROR."
                ) from None
            pause = min(max(patience.wait * 2 ** (attempt - 1), reason.after), LONGEST_WAIT)
            log.info("attempt %d of %d: %s; again in %.0f s", attempt, patience.attempts, reason, pause)
            time.sleep(pause)


def _attempt(address: str, part: Path, limit: int, timeout: float, kind: Kind) -> None:
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "kanrepro", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=timeout) as response:
            have = have if response.status == 206 and _start(response) == have else 0  # 0: all is sent again
            if response.status == 206 and not have:
                part.unlink(missing_ok=True)
                raise Interrupted("the server resumed at the wrong place")
            total = have + int(response.headers["Content-Length"]) if response.headers["Content-Length"] else None
            if (total or 0) > limit:
                raise _too_large(address, limit)
            _receive(response, address, part, have, total, limit, timeout, kind)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing left to send: the file changed, or all of it is here already
            if have and error.headers.get("Content-Range", "").rpartition("/")[2] == str(have):
                return
            part.unlink(missing_ok=True)
            raise Interrupted("the file changed since it was begun") from None
        if error.code in TEMPORARY:
            raise Interrupted(f"HTTP {error.code} {error.reason}", _retry_after(error)) from None
        raise UserError(
            f"{address} answers HTTP {error.code} {error.reason}. Correct the address in the catalogue, or use a "
            "mirror folder (--mirror or KANREPRO_MIRROR)."
        ) from None
    except (OSError, http.client.HTTPException) as error:  # no route, reset, timeout, TLS, broken chunk, ...
        raise Interrupted(str(getattr(error, "reason", error)) or type(error).__name__) from None
    except ValueError as error:  # urllib: not a usable address
        raise UserError(f"cannot fetch {address!r}: {error}.") from None


def _receive(
    response: Any, address: str, part: Path, have: int, total: int | None, limit: int, timeout: float, kind: Kind
) -> None:
    """Append to `part` until the response ends, watching type, size and speed."""
    window, received = time.monotonic(), 0
    with _writing(part, "ab" if have else "wb") as write, _progress(part.name, have, total) as advance:
        while data := response.read1(CHUNK):
            if have == 0:
                _check_type(data, address, part, kind)
            have += len(data)
            if have > limit:
                part.unlink()
                raise _too_large(address, limit)
            write(data)
            advance(len(data))
            received += len(data)
            if time.monotonic() - window > timeout:
                if received < SLOWEST * timeout:
                    raise Interrupted(f"less than {SLOWEST} bytes a second for {timeout:.0f} s")
                window, received = time.monotonic(), 0
    if total is not None and have < total:
        raise Interrupted(f"the connection ended after {have} of {total} bytes")


def _check_type(data: bytes, address: str, part: Path, wanted: Kind) -> None:
    """Servers that are in trouble or want a login send a web page instead of the file."""
    page = data.lstrip()[:1] == b"<"
    if any(data.startswith(first[: len(data)]) for first in wanted.begins) or not (wanted.begins or page):
        return
    part.unlink(missing_ok=True)
    kind = "a web page (HTML)" if page else "something else"
    shown = " ".join(data[:200].decode("utf-8", "replace").split())[:80]
    raise UserError(f"{address} gives {kind}, not a {wanted.name}: {shown!r}. Try again later, or use a mirror folder.")


def _too_large(address: str, limit: int) -> UserError:
    return UserError(
        f"{address} is larger than {limit / 1e6:,.0f} MB, the bound in the catalogue. If it is what you expect, raise "
        "`max_archive_mb` of its catalogue entry."
    )


def _start(response: Any) -> int:
    """Where the bytes of a 206 answer start, -1 if it does not say."""
    digits = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(digits) if digits.isdigit() else -1


def _retry_after(error: urllib.error.HTTPError) -> float:
    """Seconds that the server asks to wait (a number or a date), 0 where it does not."""
    asked = error.headers.get("Retry-After") or ""
    if asked.isdigit():
        return float(asked)
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, email.utils.parsedate_to_datetime(asked).timestamp() - time.time())
    return 0.0


@contextlib.contextmanager
def _writing(part: Path, mode: str) -> Iterator[Callable[[bytes], Any]]:
    """A writer whose failures (full disk, no permission) name the file, apart from failures of the network."""

    def write(data: bytes) -> None:
        try:
            stream.write(data)
        except OSError as error:
            raise UserError(f"cannot write {part}: {error.strerror}.") from None

    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        stream = part.open(mode, buffering=0)
    except OSError as error:
        raise UserError(f"cannot write {part}: {error.strerror}. Choose a folder that you can write.") from None
    with stream:
        yield write
        os.fsync(stream.fileno())


@contextlib.contextmanager
def _progress(name: str, have: int, total: int | None) -> Iterator[Callable[[int], Any]]:
    """A progress bar on a terminal, a line every 10 % (or 10 MB) in a log."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(desc=name, initial=have, total=total, unit="B", unit_scale=True) as bar:
            yield bar.update
        return
    step = max((total or 0) // 10, 10**7)
    done = have

    def advance(count: int) -> None:
        nonlocal done
        if (done + count) // step > done // step:
            log.info("%s: %.0f MB%s", name, (done + count) / 1e6, f" of {total / 1e6:.0f} MB" if total else "")
        done += count

    yield advance
