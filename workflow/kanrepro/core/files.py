"""Files that appear whole or not at all, and the digests that name their content.

What the project writes and reads again, tensors and JSON, carries a digest of itself, so that a flipped bit is found
before it becomes a number. Files without one, of older versions or other programs, are taken as they are.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kanrepro.core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a path to write to: it is synced and renamed onto `path` on success, and removed on failure.

    It lies in a hidden folder of its own beside `path`, so that what a library writes beside its file, as safetensors
    does, is removed with it, by `sweep` if the process is killed.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part"))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}. Choose a folder that you can write.") from error
    temporary = folder / f"{path.name}.part"  # no search for finished files meets it
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
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what killed writers left half written in `folder`, where nobody else may be writing."""
    for half in folder.glob(".*.part"):
        shutil.rmtree(half, ignore_errors=True)


def _umask() -> int:
    """The process's umask (a library may make its file for the owner alone; the final file follows the umask)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


_BLANK = b"0" * 64  # stands for the digest of a tensor file while that is computed
_DIGEST = re.compile(rb'\{"__metadata__":\{"kanrepro":"\{\\"file_sha256\\": \\"([0-9a-f]{64})')  # in JSON in JSON


def write_tensors(path: Path | str, tensors: "dict[str, Tensor]", document: dict[str, Any]) -> None:
    """Write tensors and a document into one safetensors file, atomically. Equal content makes equal bytes.

    The document is kept as JSON whose first member is the SHA-256 of the whole file with that digest left blank.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    import safetensors.torch

    told = {"kanrepro": json.dumps({"file_sha256": _BLANK.decode(), **document})}
    with atomic(path) as temporary:
        try:
            safetensors.torch.save_file(tensors, temporary, metadata=told)
        except safetensors.SafetensorError as error:  # it hides the operating system's error
            raise OSError(errno.EIO, str(error).rstrip(".")) from error
        with temporary.open("r+b") as stream:
            found = _DIGEST.match(_header(stream), 8)
            assert found is not None
            _, digest = _digests(stream, found)
            stream.seek(found.start(1))
            stream.write(digest.encode())


def read_tensors(path: Path | str) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    """Tensors, mapped into memory as they are touched, and document of a tensor file. `sha256` verifies its digest.

    Raises:
        OSError, RuntimeError, ValueError, safetensors.SafetensorError: the file is missing, or no such file.
    """
    import safetensors

    with safetensors.safe_open(path, framework="pt") as stored:
        document = json.loads((stored.metadata() or {}).get("kanrepro", "{}"))
        if not isinstance(document, dict):
            raise ValueError("its document is not a JSON object")
        document.pop("file_sha256", None)
        return {name: stored.get_tensor(name) for name in stored.keys()}, document  # noqa: SIM118


def _header(stream: IO[bytes]) -> bytes:
    """The first bytes of a tensor file, up to the end of its header; of other files anything."""
    size = int.from_bytes(stream.read(8), "little")
    stream.seek(0)
    return stream.read(8 + size) if size < 1 << 30 else b""


def _digests(stream: IO[bytes], found: re.Match[bytes] | None) -> tuple[str, str]:
    """The SHA-256 of a file, and of the file with the digest `found` left blank."""
    stream.seek(0)
    whole, blank = hashlib.sha256(), hashlib.sha256()
    if found:
        start = stream.read(found.end(1))
        whole.update(start)
        blank.update(start[: found.start(1)] + _BLANK)
    while block := stream.read(1 << 20):
        whole.update(block)
        if found:
            blank.update(block)
    return whole.hexdigest(), blank.hexdigest()


def sha256(path: Path | str) -> str:
    """The SHA-256 of a file as hexadecimal text; a tensor file is verified by the digest that stands in it.

    Raises:
        UserError: the file cannot be read, or does not hold what was written into it.
    """
    try:
        with Path(path).open("rb") as stream:
            found = _DIGEST.match(_header(stream), 8)
            whole, blank = _digests(stream, found)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    if found and found[1].decode() != blank:
        raise UserError(f"{path} does not hold what was written into it. Delete it and run again.")
    return whole


def content_digest(path: Path | str) -> str:
    """The SHA-256 of what a file holds, apart from what it says of its making.

    Of a tensor file: names, types, shapes and values; of a JSON object all members but digests of other files; of any
    other file all of it. Two files of equal content may come from different code, or from stores of another layout.

    Raises:
        UserError: the file cannot be read.
    """
    path = Path(path)
    if path.suffix == ".json":
        content = read_json(path)
        kept = content if not isinstance(content, dict) else {k: v for k, v in content.items() if not _of_files(k)}
        return _content_digest(kept)
    if path.suffix != ".safetensors":
        return sha256(path)
    try:
        with path.open("rb") as stream:
            header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
            header.pop("__metadata__", None)
            digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
            while block := stream.read(1 << 20):
                digest.update(block)
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{path} cannot be read as a tensor file ({error}).") from None
    return digest.hexdigest()


def _of_files(key: str) -> bool:
    return key == "set" or key.endswith("sha256")


def read_json(path: Path | str) -> Any:
    """The content of a JSON file, verified by its digest where `write_json` left one.

    Raises:
        UserError: the file is missing, truncated, changed, or not JSON.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON ({error}). Delete it and make it again.") from error
    if isinstance(content, dict) and (digest := content.pop("content_sha256", None)) is not None:
        try:
            changed = _content_digest(content) != digest
        except ValueError:  # NaN
            changed = True
        if changed:
            raise UserError(f"{path} does not hold what was written into it. Delete it and make it again.")
    return content


def _content_digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


_NUMBERS = re.compile(r"\[\n[-+\d.eE,\s]+\]")  # no string holds a line break, so this is always a list


def write_json(path: Path | str, content: Any) -> None:
    """Write `content` as indented JSON, lists of numbers in one line, atomically. NaN is refused: it is not JSON.

    An object gets one more member, `content_sha256`: a digest of the others.
    """
    if isinstance(content, dict):
        plain = json.loads(json.dumps(content, allow_nan=False))  # keys as text, tuples as lists
        content = {**plain, "content_sha256": _content_digest(plain)}
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    text = _NUMBERS.sub(lambda found: " ".join(found.group().split()).replace("[ ", "[").replace(" ]", "]"), text)
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
