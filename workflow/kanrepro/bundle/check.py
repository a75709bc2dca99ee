"""Checks a bundle as the untrusted file that it is: nothing of it runs, nothing stays outside a temporary folder.

In this order: member names and sizes; every SHA-256 against the manifest, nothing missing, nothing beside; the RO-Crate
metadata against the members; records against their schema; tables made again from the records, compared by the byte.
"""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from kanrepro.bundle.kinds import KINDS, kind_of, schema_of
from kanrepro.bundle.make import MANIFEST, METADATA, SETTINGS
from kanrepro.bundle.remake import remake
from kanrepro.bundle.unpack import MB, unpack
from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json
from kanrepro.core.parts import validate
from kanrepro.pretraining.choice import without_own
from kanrepro.settings import Settings

_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def check(bundle: Path, max_mb: int = 2048) -> list[str]:
    """What was checked, in lines.

    Args:
        max_mb: the most that the members may hold together, in MiB.

    Raises:
        UserError: naming what is wrong with the bundle.
    """
    with tempfile.TemporaryDirectory(prefix="kanrepro-bundle-") as name:
        folder = Path(name)
        found = unpack(bundle, folder, max_mb * MB)
        said = [f"members    {len(found)}, names and sizes are safe"]
        said.append(f"manifest   {_manifest(bundle, found, folder)}")
        said.append(f"metadata   {_metadata(bundle, found, folder)}")
        preset, settings = _settings(bundle, folder)
        said.append(f"records    {_records(bundle, folder, preset)}")
        said += [f"tables     {line}" for line in remake(bundle, folder, preset, settings)]
    return said


# manifest and metadata


def _manifest(bundle: Path, found: dict[str, str], folder: Path) -> str:
    if MANIFEST not in found:
        raise UserError(f"{bundle} has no {MANIFEST}; make it with `python -m kanrepro.bundle make`.")
    listed: dict[str, str] = {}
    for line in _text(bundle, folder / MANIFEST).splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match[2] in listed:
            raise UserError(f"{bundle}: {MANIFEST} has a line that is no digest of one member: {line[:100]!r}.")
        listed[match[2]] = match[1]
    others = {name: digest for name, digest in found.items() if name != MANIFEST}
    _none(bundle, "missing, though listed in the manifest", listed.keys() - others.keys())
    _none(bundle, "not listed in the manifest", others.keys() - listed.keys())
    _none(bundle, "changed since the manifest was made", (n for n in listed if listed[n] != others[n]))
    return f"every SHA-256 is right, nothing missing, nothing beside; the manifest's own is {found[MANIFEST]}"


def _metadata(bundle: Path, found: dict[str, str], folder: Path) -> str:
    """Read the metadata with the rocrate library, and compare the files that it describes with those that are there."""
    from rocrate.rocrate import ROCrate

    content = _json(bundle, folder, METADATA)
    try:
        linked = set(_linked(content))
        crate = ROCrate(content)  # a document: nothing is opened or fetched
        files = {unquote(one.id): one.get("sha256") for one in crate.get_by_type("File")}
        main, title = crate.root_dataset["mainEntity"].id, str(crate.name)  # type: ignore[index]
    except Exception as error:  # whatever the library stumbles over, it is the document's fault
        raise UserError(f"{bundle}: {METADATA} is not an RO-Crate: {type(error).__name__}: {error}.") from None
    described = {name for name in found if name not in (MANIFEST, METADATA)}
    _none(bundle, f"not described in {METADATA}", described - files.keys())
    _none(bundle, f"described in {METADATA}, but missing", (files.keys() | linked) - described)
    _none(bundle, f"described in {METADATA} with another SHA-256", (n for n in described if files[n] != found[n]))
    if main != "Snakefile":
        raise UserError(f"{bundle}: {METADATA} names {main!r} as the workflow, not Snakefile.")
    return f"RO-Crate of {len(files)} files, workflow {main}: {' '.join(title.split())[:200]}"


def _linked(content: Any) -> Iterator[str]:
    """The files that something was made from, or that were made."""
    for entity in content["@graph"]:
        for key in ("object", "result") if entity["@type"] == "CreateAction" else ():
            value = entity.get(key, [])
            for one in value if isinstance(value, list) else [value]:
                if not one["@id"].startswith("#"):
                    yield unquote(one["@id"])


# what it says


def _settings(bundle: Path, folder: Path) -> tuple[str, Settings]:
    settings = validate(Settings, without_own(_json(bundle, folder, SETTINGS)), f"{bundle}: {SETTINGS}")
    if not (folder / "results" / settings.preset / "records").is_dir():
        raise UserError(f"{bundle} holds no records of the preset {settings.preset!r}, which {SETTINGS} names.")
    return settings.preset, settings


def _records(bundle: Path, folder: Path, preset: str) -> str:
    """Validate every record; descriptions, traces and the rest must be JSON."""
    counted: Counter[str | None] = Counter()
    for path in sorted((folder / "results" / preset / "records").rglob("*")):
        if not path.is_file():
            continue
        kind = kind_of(path.relative_to(folder).as_posix())
        try:
            if kind is None:
                read_json(path)
            elif (named := schema_of(kind).read(path).preset) != preset:
                raise UserError(f"{path} is of the preset {named!r}.")
        except UserError as error:
            raise UserError(f"{bundle}: {str(error).replace(f'{folder}/', '')}") from None
        except RecursionError:
            raise UserError(f"{bundle}: {path.relative_to(folder)} is nested too deeply to be a record.") from None
        counted[kind] += 1
    valid = [f"{counted[kind]} of {KINDS[kind].of}" for kind in KINDS if counted[kind]]
    return f"{', '.join(valid) or 'none'} are valid, {counted[None]} others are JSON"


# helpers


def _text(bundle: Path, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{bundle}: {path.name} is not text.") from None


def _json(bundle: Path, folder: Path, name: str) -> Any:
    if not (folder / name).is_file():
        raise UserError(f"{bundle} has no {name}.")
    try:
        return json.loads(_text(bundle, folder / name))
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{bundle}: {name} is not valid JSON ({error}).") from None


def _none(bundle: Path, what: str, names: Iterable[str]) -> None:
    """Raise UserError if there is any of `names`, with the first few of them."""
    found = sorted(names)
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise UserError(f"{bundle}: {what}: {', '.join(found[:3])}{more}.")
