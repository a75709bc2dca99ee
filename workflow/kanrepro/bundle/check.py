"""Checks a bundle as the untrusted file that it is: nothing of it runs, nothing stays outside a temporary folder.

In this order: member names and sizes; every SHA-256 against the manifest, nothing missing, nothing beside; the RO-Crate
metadata against the members; records against their schema; tables made again from the records, compared by the byte.
"""

import ast
import hashlib
import json
import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from kanrepro import provenance
from kanrepro.bundle.make import MANIFEST, METADATA, SETTINGS, is_safe
from kanrepro.errors import UserError
from kanrepro.files import read_json
from kanrepro.image_record import ImageRecord
from kanrepro.parts import validate
from kanrepro.record import Record
from kanrepro.report import image_table, table, transfer_table
from kanrepro.report.image_inputs import ImageInputs
from kanrepro.report.inputs import Inputs
from kanrepro.report.transfer_table import TransferInputs
from kanrepro.settings import Settings
from kanrepro.transfer_record import MeasureRecord, TransferRecord

MEMBERS = 100_000  # at most
MB = 1 << 20
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
        found = _unpack(bundle, folder, max_mb * MB)
        said = [f"members    {len(found)}, names and sizes are safe"]
        said.append(f"manifest   {_manifest(bundle, found, folder)}")
        said.append(f"metadata   {_metadata(bundle, found, folder)}")
        preset, settings = _settings(bundle, folder)
        said.append(f"records    {_records(bundle, folder, preset)}")
        said += [f"tables     {line}" for line in _tables(bundle, folder, preset, settings)]
    return said


# the archive


def _unpack(bundle: Path, folder: Path, limit: int) -> dict[str, str]:
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
    settings = validate(Settings, _json(bundle, folder, SETTINGS), f"{bundle}: {SETTINGS}")
    if not (folder / "results" / settings.preset / "records").is_dir():
        raise UserError(f"{bundle} holds no records of the preset {settings.preset!r}, which {SETTINGS} names.")
    return settings.preset, settings


def _records(bundle: Path, folder: Path, preset: str) -> str:
    """Validate every record; descriptions, traces and the rest must be JSON."""
    kinds = {"tu": Record, "images": ImageRecord, "transfer": TransferRecord, "measure": MeasureRecord}
    counted = dict.fromkeys([*kinds, "others"], 0)
    records = folder / "results" / preset / "records"
    for path in sorted(records.rglob("*")):
        if not path.is_file():
            continue
        kind = path.relative_to(records).parts[0]
        model = kinds.get(kind)
        try:
            if model is None:
                read_json(path)
            elif (named := model.read(path).preset) != preset:
                raise UserError(f"{path} is of the preset {named!r}.")
        except UserError as error:
            raise UserError(f"{bundle}: {str(error).replace(f'{folder}/', '')}") from None
        except RecursionError:
            raise UserError(f"{bundle}: {path.relative_to(folder)} is nested too deeply to be a record.") from None
        counted[kind if model else "others"] += 1
    valid = f"{counted['tu']} of graphs, {counted['images']} of images and {counted['transfer']} of molecules are valid"
    return f"{valid}, {counted['others'] + counted['measure']} others are JSON"


def _tables(bundle: Path, folder: Path, preset: str, settings: Settings) -> list[str]:
    """Make every table of the bundle again with the installed package, and compare."""
    results = folder / "results" / preset
    said = []
    for name in sorted({path.stem for path in (results / "tables").glob("*") if path.is_file()}):
        module = next((module for module, tables in MADE_BY.items() if name in tables), None)
        if module is None:
            raise UserError(f"{bundle}: results/{preset}/tables/{name} is no table of this workflow.")
        if not same_code(f"kanrepro.report.{module}", folder):
            said.append(f"{name} NOT compared: the installed kanrepro.report.{module} differs from the bundled one")
            continue
        with tempfile.TemporaryDirectory(
            dir=results
        ) as made:  # as deep as tables/, so that paths in tables are the same
            try:
                forms = _make_again(name, results, preset, settings, Path(made) / name, folder)
            except Exception as error:  # records may be valid one by one and yet make no table
                said_of = " ".join(str(error).replace(f"{folder}/", "").split())
                raise UserError(f"{bundle}: {name} cannot be made: {type(error).__name__}: {said_of}") from None
            differing = [path.name for path in forms if path.read_bytes() != _bytes(results / "tables" / path.name)]
        if differing:
            raise UserError(f"{bundle}: {', '.join(differing)} cannot be made from the bundled records: other bytes.")
        said.append(f"{name}: all four forms made again from the records, the same bytes")
    return said or ["none in the bundle"]


# which module makes which tables
MADE_BY = {"table": table.ALL_TABLES, "image_table": image_table.TABLES, "transfer_table": transfer_table.TABLES}


def _make_again(name: str, results: Path, preset: str, settings: Settings, stem: Path, folder: Path) -> list[Path]:
    records = results / "records"
    if name in image_table.TABLES:
        images = settings.images
        given = ImageInputs(preset, (), records, images.datasets, images.models, images.split)
        document, rows = image_table.build(name, given, stem.parent)
    elif name in transfer_table.TABLES:
        transfer = TransferInputs(preset, folder=records, published=folder / "workflow" / "published")
        document, rows = transfer_table.build(name, transfer, stem.parent, settings.report.margin)
    else:
        catalogs = tuple(folder / path for path in settings.data.catalog if is_safe(path))
        inputs = Inputs(preset, (), (), records, (), catalogs, folder / "workflow" / "published")
        document, rows = table.build(name, inputs, stem.parent, settings.report.margin)
    return table.write(document, rows, stem)


def same_code(module: str, folder: Path) -> bool:
    """Whether the bundled sources of a module and of all that it imports run the same code as the installed ones.

    Sources are parsed, never run. The data sets' catalogues count too.
    """
    installed, bundled = Path(provenance.__file__).parents[1], folder / "workflow"
    names = provenance.import_closure(module)
    for name in names:
        ours = provenance._source(name)
        assert ours is not None
        theirs = bundled / ours.relative_to(installed)
        if _bytes(theirs) != ours.read_bytes() and _code(theirs) != _code(ours):
            return False
    catalogues = ("kanrepro/catalog.yaml", "kanrepro/images.yaml", "kanrepro/molecules.yaml")
    return all(_bytes(bundled / name) == (installed / name).read_bytes() for name in catalogues)


def _code(path: Path) -> str | None:
    try:
        return provenance._without_docstrings(ast.parse(_bytes(path) or b"?"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


# helpers


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


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
