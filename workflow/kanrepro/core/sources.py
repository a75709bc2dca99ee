"""Bringing files here, whole or not at all, with their checksums verified: copies, and downloads."""

import logging
import shutil
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kanrepro.core.download import PATIENCE, ZIP, Kind, Patience, download
from kanrepro.core.errors import UserError
from kanrepro.core.files import atomic, sha256

log = logging.getLogger(__name__)

_UNKNOWN = "no checksum is known; the counts of the prepared set decide"


def local_path(address: str) -> Path:
    """The path that a file URL or a plain path means."""
    return Path(urllib.request.url2pathname(urllib.parse.urlparse(address).path) if "://" in address else address)


def in_mirror(mirror: Path | None, named: str | None, others: Iterable[str] = ()) -> tuple[Path | None, bool]:
    """The copy in the mirror folder, if there is one, and whether it is the one that the catalogue names.

    Args:
        named: its path there, as the catalogue has it.
        others: where a user may have put one.

    Raises:
        UserError: the mirror folder does not exist.
    """
    if mirror is None:
        return None, False
    if not mirror.is_dir():
        raise UserError(f"the mirror folder {mirror} does not exist. Correct --mirror, data.mirror or KANREPRO_MIRROR.")
    if named and (mirror / named).is_file():
        return mirror / named, True
    return next((path for other in others if (path := mirror / other).exists()), None), False


def bring(
    name: str,
    address: str | None,
    digests: Sequence[str | None],
    output: Path,
    copy: Path | None,
    limit_mb: int,
    patience: Patience = PATIENCE,
    kind: Kind = ZIP,
    vouched: bool = True,
    put: Callable[[Path, Path, set[str]], None] | None = None,
    absent: str = "",
) -> None:
    """Put a file at `output`: a copy of it, or what its address serves. One that is right already is left alone.

    Args:
        name: of the set, for messages.
        address: http(s) address, file URL or path.
        digests: SHA-256 of what the address serves, then of copies; as far as they are known.
        copy: of the file, where a mirror has one; `vouched`: its checksum must be known.
        limit_mb: bound of a download, in 10^6 bytes.
        put: copies local files; `copy_file` unless it is said otherwise.
        absent: what to say where there is neither address nor copy.

    Raises:
        UserError: that, there is no such local file, a checksum differs, or as in `fetch_address`.
    """
    known, put = {digest for digest in digests if digest}, put or copy_file
    if output.is_file() and sha256(output) in known:
        log.info("%s is there already, checksum verified", output)
    elif copy:
        put(copy, output, known if vouched else set())
    elif not address:
        raise UserError(absent)
    elif address.startswith(("http://", "https://")):
        fetch_address(address, output, digests[0], limit_mb * 10**6, patience, kind)
    elif (path := local_path(address)).exists():
        put(path, output, known)
    else:
        raise UserError(f"{name}: {path} does not exist. Correct `address` in the catalogue.")


def copy_file(source: Path, output: Path, known: set[str]) -> None:
    """Copy a file whose checksum is one of `known`, or any where that is empty.

    Raises:
        UserError: another checksum (both are named), or it cannot be copied.
    """
    with atomic(output) as temporary:
        try:
            shutil.copyfile(source, temporary)
        except OSError as error:
            raise UserError(f"cannot copy {source} to {output}: {error.strerror}.") from None
        found = sha256(temporary)
        if known and found not in known:
            raise UserError(
                f"{source} has checksum {found}, but the catalogue states {' or '.join(sorted(known))}. "
                "Replace the file by a good copy, or take it away to use the public address."
            )
    log.info("%s -> %s (%s)", source, output, "checksum verified" if known else _UNKNOWN)


def fetch_address(
    address: str, output: Path, expected: str | None, limit: int, patience: Patience = PATIENCE, kind: Kind = ZIP
) -> None:
    """Download a file of at most `limit` bytes whose SHA-256 is `expected`, or any of its kind where that is None.

    Raises:
        UserError: another checksum (a bad file is deleted), or as in `kanrepro.core.download.download`.
    """
    part = output.with_name(f"{output.name}.part")
    resumed = part.exists()
    log.info("%s %s", "resuming" if resumed else "fetching", address)
    download(address, part, limit, patience, kind)
    fault = _fault(part, expected, kind)
    if fault and resumed:  # the first half may be that of an older file: once more from the start
        log.info("%s; starting again from the beginning", fault)
        part.unlink()
        download(address, part, limit, patience, kind)
        fault = _fault(part, expected, kind)
    if fault:
        part.unlink()
        raise UserError(
            f"{address}: {fault}. The bad file was deleted; try again. If it stays so, the public file was replaced: "
            "enter the new one in a catalogue file of your own (docs/own-data.md), or use a mirror folder."
        )
    part.replace(output)
    log.info("%s -> %s (%s)", address, output, "checksum verified" if expected else _UNKNOWN)


def _fault(part: Path, expected: str | None, kind: Kind) -> str | None:
    """What is wrong with a downloaded file, or None."""
    if expected is None:
        return None if kind.whole(part) else f"what came is not a whole {kind.name}"
    found = sha256(part)
    return None if found == expected else f"the file has checksum {found}, but the catalogue states {expected}"
