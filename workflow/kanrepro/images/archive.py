"""Reading images out of a zip or tar archive, or a folder, that somebody else made: nothing is unpacked to disk."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kanrepro.core.errors import UserError

LARGEST = 256 * 10**6  # bytes of one file; a larger one is not an image that we could use

_BROKEN = (  # what zipfile and tarfile raise on damaged bytes
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error,
    EOFError, NotImplementedError, OSError, OverflowError, RuntimeError, ValueError,
)  # fmt: skip
_PACKED: dict[bytes, Callable[[IO[bytes]], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


@dataclass(frozen=True)
class Member:
    """One file.

    Attributes:
        name: path with slashes, below the archive or folder.
        read: gives its content; to be called before the next member is asked for.
        fault: why it must not be read, empty where it may.
    """

    name: str
    read: Callable[[], bytes]
    fault: str = ""


def members(source: Path, limit: int) -> Iterator[Member]:
    """The files of a zip archive, a tar archive (plain, gzip, bzip2, xz) or a folder, in its own order.

    Links are never followed, and come with a fault; so do files of more than 256 MB. Refused: a path that would leave
    its folder (`..`, absolute, drive letter), a name that appears twice, an encrypted member, more than `limit` bytes.

    Raises:
        UserError: naming the archive and what is at fault; `read` raises it too, where the archive is damaged.
    """
    if not source.exists():
        raise UserError(f"{source} does not exist. Fetch it with: python -m kanrepro.images.fetch --help")
    with _reading(source):
        kind = _folder if source.is_dir() else _zip if zipfile.is_zipfile(source) else _tar
    seen: set[str] = set()
    for member in kind(source, limit):
        if member.name in seen:
            raise UserError(f"{source}: there are two members {member.name!r}. Make the archive again with one.")
        seen.add(member.name)
        yield member


def _zip(source: Path, limit: int) -> Iterator[Member]:
    with _reading(source), contextlib.closing(zipfile.ZipFile(source)) as archive:
        files = [info for info in archive.infolist() if not info.is_dir()]
        _bounded(source, sum(info.file_size for info in files), limit)  # no more than it declares is read of a member
        for info in files:
            name = _name(source, info.orig_filename)
            if info.flag_bits & 1:
                raise UserError(f"{source}: member {name!r} is encrypted. Zip the set again without a password.")
            link = stat.S_ISLNK(info.external_attr >> 16)

            def read(info: zipfile.ZipInfo = info) -> bytes:
                with _reading(source):
                    return archive.read(info)  # verifies the CRC

            yield Member(name, read, _fault(link, info.file_size))


def _tar(source: Path, limit: int) -> Iterator[Member]:
    with _reading(source), source.open("rb") as raw:
        start = raw.read(8)
        raw.seek(0)
        unpack = next((unpack for magic, unpack in _PACKED.items() if start.startswith(magic)), None)
        stream = _Bounded(unpack(raw) if unpack else raw, source, limit)
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for info in archive:
                if info.isdir():
                    continue

                def read(info: tarfile.TarInfo = info) -> bytes:
                    with _reading(source):
                        content = archive.extractfile(info)
                        assert content is not None
                        return content.read()

                plain = info.isreg() and not info.issparse()  # a sparse file unpacks to more than the archive holds
                yield Member(_name(source, info.name), read, _fault(not plain, info.size))
        if any(stream.tail):  # tarfile takes an archive that was cut between two members, or in a header, as whole
            raise EOFError("the end is missing")


def _folder(source: Path, limit: int) -> Iterator[Member]:
    total = 0
    for folder, below, files in os.walk(source, followlinks=False, onerror=_raise):
        below.sort()
        links = [name for name in below if (Path(folder) / name).is_symlink()]
        for file in sorted([*files, *links]):
            path = Path(folder) / file
            status = path.lstat()
            total += status.st_size
            _bounded(source, total, limit)

            def read(path: Path = path) -> bytes:
                with _reading(source):
                    return path.read_bytes()

            yield Member(
                path.relative_to(source).as_posix(), read, _fault(not stat.S_ISREG(status.st_mode), status.st_size)
            )


class _Bounded(io.BufferedIOBase):
    """A stream that gives no more than `limit` bytes: what a packed archive unpacks to is known only afterwards.

    `tail` are the last bytes that it gave: a whole tar archive ends with a block of zeros.
    """

    def __init__(self, stream: IO[bytes], source: Path, limit: int) -> None:
        self.stream, self.source, self.limit, self.given, self.tail = stream, source, limit, 0, b""

    def read(self, size: int | None = -1, /) -> bytes:
        data = self.stream.read(-1 if size is None else size)
        self.given += len(data)
        _bounded(self.source, self.given, self.limit)
        self.tail = (self.tail + data)[-tarfile.BLOCKSIZE :]
        return data


def _bounded(source: Path, size: int, limit: int) -> None:
    if size > limit:
        raise UserError(
            f"{source} unpacks to more than the {limit / 1e6:,.0f} MB that the catalogue allows. If it is what you "
            "expect, raise `max_unpacked_mb` of its catalogue entry."
        )


def _fault(link: bool, size: int) -> str:
    if link:
        return "a link or other special file, not followed"
    return f"larger than {LARGEST // 10**6} MB" if size > LARGEST else ""


def _name(source: Path, written: str) -> str:
    name = re.sub("/+", "/", written.replace("\\", "/")).removeprefix("./")
    if name.startswith("/") or ".." in name.split("/") or ":" in name or "\0" in name:
        raise UserError(f"{source}: member {name!r} would be written outside its folder. The archive is refused.")
    return name


def _raise(error: OSError) -> None:
    raise UserError(f"cannot read {error.filename}: {error.strerror}.")


@contextlib.contextmanager
def _reading(source: Path) -> Iterator[None]:
    """Say in which archive, where its bytes turn out to be damaged."""
    try:
        yield
    except _BROKEN as error:
        say = str(error) or type(error).__name__
        raise UserError(
            f"{source} is damaged, or no zip or tar archive ({say}). Delete it and fetch it again."
        ) from error
