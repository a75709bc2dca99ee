"""Files that appear whole or not at all, and the digests that name their content."""

import contextlib
import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanrepro.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path` that is synced and renamed onto it on success, and removed on failure.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}. Choose a folder that you can write.") from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if error.filename not in (None, str(temporary), str(path)):
            raise  # some other file of the stage: not ours to explain
        raise UserError(f"cannot write {path}: {error.strerror}. Nothing was left half written.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_tensors(path: Path | str, tensors: "dict[str, Tensor]", document: str) -> None:
    """Write tensors and a document (JSON text) into one safetensors file, atomically. Equal content makes equal bytes.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    import safetensors.torch

    with atomic(path) as temporary:
        try:
            safetensors.torch.save_file(tensors, temporary, metadata={"kanrepro": document})
        except safetensors.SafetensorError as error:  # it hides the operating system's error
            raise OSError(errno.EIO, str(error).rstrip(".")) from error


def _umask() -> int:
    """The process's umask (mkstemp ignores it; the final file must not)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sha256(path: Path | str) -> str:
    """The SHA-256 of a file as hexadecimal text."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_json(path: Path | str) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: the file is missing, truncated or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is not valid JSON ({error}). Delete it and make it again.") from error


_NUMBERS = re.compile(r"\[\n[-+\d.eE,\s]+\]")  # no string holds a line break, so this is always a list


def write_json(path: Path | str, content: Any) -> None:
    """Write `content` as indented JSON, lists of numbers in one line, atomically. NaN is refused: it is not JSON."""
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    text = _NUMBERS.sub(lambda found: " ".join(found.group().split()).replace("[ ", "[").replace(" ]", "]"), text)
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
