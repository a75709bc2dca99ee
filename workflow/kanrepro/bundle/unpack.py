"""Unpacks an archive that nobody vouches for: every name and size is looked at before a byte is written."""

import hashlib
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from kanrepro.bundle.make import is_safe
from kanrepro.core.errors import UserError

MEMBERS = 100_000  # at most
MB = 1 << 20


def unpack(bundle: Path, folder: Path, limit: int) -> dict[str, str]:
    """Write the members below `folder`; returns the SHA-256 of each.

    Raises:
        UserError: not a zip file, a member with an unsafe name or kind, or more than `limit` bytes.
    """
    try:
        with zipfile.ZipFile(bundle) as archive:
            members = archive.infolist()
            _refuse_unsafe(bundle, members, limit)
            return {member.filename: _copy(archive, member, folder) for member in members}
    except OSError as error:
        raise UserError(f"{bundle} cannot be read: {error.strerror or error}.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UserError(f"{bundle} is not a whole zip file: {error}.") from None


def _refuse_unsafe(bundle: Path, members: list[zipfile.ZipInfo], limit: int) -> None:
    if len(members) > MEMBERS:
        raise UserError(f"{bundle} has {len(members)} members, more than {MEMBERS}.")
    total = sum(member.file_size for member in members)
    if total > limit:
        raise UserError(f"{bundle} holds {total // MB} MiB unpacked, more than {limit // MB}; see --max-mb.")
    seen: set[str] = set()
    for member in members:
        name = member.filename
        kind = stat.S_IFMT(member.external_attr >> 16)
        if not is_safe(name):
            raise UserError(f"{bundle}: member {name!r} has a name that no bundle has; it was not unpacked.")
        if kind not in (0, stat.S_IFREG) or member.flag_bits & 1:
            raise UserError(f"{bundle}: member {name!r} is a link, encrypted or no plain file; it was not unpacked.")
        if name.lower() in seen:
            raise UserError(f"{bundle}: member {name!r} is there twice.")
        seen.add(name.lower())
    for name in seen:
        if any(str(parent) in seen for parent in PurePosixPath(name).parents):
            raise UserError(f"{bundle}: member {name!r} lies below another member, which is a file.")


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> str:
    """Write a member, reading no more than it declares; returns its SHA-256."""
    target = folder / member.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), member.file_size
    with archive.open(member) as source, target.open("wb") as written:
        while block := source.read(min(MB, left + 1)):
            left -= len(block)
            if left < 0:
                raise ValueError(f"{member.filename} is larger than it says")
            digest.update(block)
            written.write(block)
    return digest.hexdigest()
