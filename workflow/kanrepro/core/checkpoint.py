"""Checkpoints: tensors and a JSON document in one safetensors file, whole or not at all, and checked when read.

Nothing is unpickled. The file's SHA-256 stands in it, so a flipped bit is found; a state that cannot be read gives way
to the one before it.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
from torch import Tensor

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_tensors, sha256, write_tensors

Content = tuple[dict[str, Tensor], dict[str, Any]]


def save(path: Path | str, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
    """Write tensors and `meta` atomically. Equal content makes equal bytes."""
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in sorted(tensors.items())}
    write_tensors(path, tensors, {"meta": json.loads(json.dumps(meta, sort_keys=True))})


def load(path: Path | str) -> Content:
    """The tensors (on the CPU) and the document of a checkpoint.

    Raises:
        UserError: the file is missing, truncated, changed, or not a checkpoint.
    """
    if not Path(path).exists():
        raise UserError(f"checkpoint {path} does not exist.")
    sha256(path)
    try:
        tensors, document = read_tensors(path)
        return tensors, dict(document["meta"])
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, OSError, RuntimeError) as error:
        raise UserError(f"{path} is not a readable checkpoint ({error}). Delete it and run again.") from error


def save_state(path: Path, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
    """Write a training state; the one before it stays beside it as `<name>.previous`."""
    if path.exists():
        path.replace(_previous(path))
    save(path, tensors, meta)


def load_state(path: Path, identity: dict[str, Any], say: Callable[[str], None] = print) -> Content | None:
    """The newest readable training state whose meta["identity"] is `identity`, or None to start afresh; says which."""
    for candidate in (path, _previous(path)):
        if not candidate.exists():
            continue
        try:
            tensors, meta = load(candidate)
        except UserError as error:
            say(f"{error} Falling back to the state before it.")
            continue
        if meta.get("identity") == identity:
            return tensors, meta
        changed = sorted(k for k in identity if identity[k] != meta.get("identity", {}).get(k))
        say(f"{candidate} belongs to another run ({', '.join(changed)} differ); starting from the first epoch.")
        return None
    return None


def remove_state(path: Path) -> None:
    """Remove a training state that is no longer needed."""
    for candidate in (path, _previous(path)):
        candidate.unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")
