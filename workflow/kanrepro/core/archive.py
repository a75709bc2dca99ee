"""Reading a zip archive that somebody else made: members are streamed, never unpacked to disk."""

import contextlib
import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

from kanrepro.core.errors import UserError

_BROKEN = (  # what zipfile raises on damaged bytes
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
    EOFError, NotImplementedError, OSError, OverflowError, RuntimeError, ValueError,
)  # fmt: skip


class Archive:
    """A zip archive whose members are checked before anything is read.

    Refused: a truncated file, a member that would leave its folder (`..`, absolute, drive letter), a link, an encrypted
    member, a name that appears twice, and more than `limit` bytes unzipped (the size that a member declares is the most
    that is ever read of it, so a zip bomb stops at the door).

    Args:
        path: the archive.
        limit: most bytes that all members together may unzip to.
        suffixes: only members whose name ends so are counted and offered; all are checked.

    Raises:
        UserError: naming the archive and the member at fault.
    """

    def __init__(self, path: Path, limit: int, suffixes: tuple[str, ...] = ("",)) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise UserError(f"{path} does not exist. Fetch it with: python -m kanrepro.tu.fetch --help") from None
        except _BROKEN as error:
            raise UserError(
                f"{path} is not a whole zip archive ({_say(error)}). Delete it and fetch it again."
            ) from error
        try:
            self._members = self._checked(limit, suffixes)
        except UserError:
            self._zip.close()
            raise

    def _checked(self, limit: int, suffixes: tuple[str, ...]) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for info in self._zip.infolist():
            name = re.sub("/+", "/", info.orig_filename.replace("\\", "/"))  # some TU archives write MUTAG//MUTAG_A.txt
            if name.startswith("/") or ".." in name.split("/") or ":" in name or "\0" in name:
                raise UserError(
                    f"{self.path}: member {name!r} would be written outside its folder. The archive is refused."
                )
            if stat.S_ISLNK(info.external_attr >> 16):
                raise UserError(f"{self.path}: member {name!r} is a link. The archive is refused.")
            if info.is_dir() or not name.endswith(suffixes):
                continue
            if info.flag_bits & 1:
                raise UserError(f"{self.path}: member {name!r} is encrypted. Zip the set again without a password.")
            base = name.rsplit("/", 1)[-1]
            if base in members:
                raise UserError(f"{self.path}: there are two members {base!r}. Zip the set again with one.")
            members[base] = info
            total += info.file_size
        if total > limit:
            raise UserError(
                f"{self.path} would unzip to {total / 1e6:,.0f} MB, more than the {limit / 1e6:,.0f} MB that the "
                "catalogue allows. If the archive is what you expect, raise `max_unzipped_mb` of its catalogue entry."
            )
        return members

    @property
    def names(self) -> list[str]:
        """Member names without folders, sorted."""
        return sorted(self._members)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Stream one member; its CRC is verified when the end is reached.

        Raises:
            UserError: the member is missing, or the archive is damaged inside it.
        """
        if name not in self._members:
            raise UserError(f"{name} is missing. The archive holds: {', '.join(self.names) or 'nothing of the set'}.")
        try:
            with self._zip.open(self._members[name]) as stream:
                yield stream
        except UserError:
            raise
        except _BROKEN as error:
            raise UserError(f"{name} is damaged ({_say(error)}). Delete the archive and fetch it again.") from error

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._zip.close()
        if isinstance(error, UserError):  # whatever is wrong with the content: say in which archive
            raise UserError(f"{self.path}: {error}") from error.__cause__


def _say(error: BaseException) -> str:
    return str(error) or type(error).__name__
