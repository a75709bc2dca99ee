"""The catalogue of image sets that become superpixel graphs: their idx files, checksums, licences, and counts."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from kanrepro.catalog import Count, Digest, Strict
from kanrepro.errors import UserError, shown, unknown
from kanrepro.yaml_file import read_yaml

BUILT_IN = Path(__file__).with_name("superpixels.yaml")
PARTS = ("train", "test")
KINDS = ("images", "labels")


class IdxFile(Strict):
    """A file in idx format, plain or gzip.

    Attributes:
        address: http(s) address, file URL or path; a relative path starts at the catalogue's folder.
        sha256: of the file; None where it is not known: the counts then decide.
        mirror: its path below a mirror folder.
    """

    address: str
    sha256: Digest | None = None
    mirror: str | None = None

    @field_validator("address")
    @classmethod
    def _known(cls, address: str) -> str:
        if re.match(r"^\w+://", address) and not re.match(r"^(https?|file)://", address):
            raise ValueError("must be an http, https or file URL, or a path")
        return address

    @field_validator("mirror")
    @classmethod
    def _below(cls, path: str | None) -> str | None:
        if path and (Path(path).is_absolute() or ".." in Path(path).parts):
            raise ValueError("must lie below the mirror folder")
        return path


class IdxPart(Strict):
    """One part of a set: its images, and the label of each."""

    images: IdxFile
    labels: IdxFile


class SuperpixelCounts(Strict):
    """What the two parts must show: images of each, and distinct labels of the training part."""

    train: Count
    test: Count
    classes: Count


class SuperpixelEntry(Strict):
    """One set of images.

    Attributes:
        name: as in paths and commands.
        printed: its name in the papers' tables.
        licence, source: as shown in reports.
        train, test: the files of the two parts; without them the digits of scikit-learn, which need none.
        demo: a stand-in set of the demo.
        expected: the counts that the prepared parts must show.
        max_file_mb: bound of each file's download, in 10^6 bytes.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    printed: str = ""
    licence: str = "not stated"
    source: str = ""
    train: IdxPart | None = None
    test: IdxPart | None = None
    demo: bool = False
    expected: SuperpixelCounts
    max_file_mb: Count = 256

    @model_validator(mode="before")
    @classmethod
    def _printed(cls, values: Any) -> Any:
        return {"printed": values.get("name", ""), **values} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _whole(self) -> "SuperpixelEntry":
        if (self.train is None) != (self.test is None) or (self.train is None) != (self.name == "digits"):
            raise ValueError("needs the idx files of both parts, `train` and `test`")
        return self

    def file(self, part: Literal["train", "test"], kind: Literal["images", "labels"]) -> IdxFile:
        """The file with the images or labels of a part.

        Raises:
            UserError: the set needs none.
        """
        files = self.train if part == "train" else self.test
        if files is None:
            raise UserError(f"{self.name} needs no files: it comes with scikit-learn. Leave --images and --labels out.")
        return files.images if kind == "images" else files.labels


def load(extra: Sequence[Path | str] = ()) -> dict[str, SuperpixelEntry]:
    """The built-in catalogue together with the user's own catalogue files, by name.

    Args:
        extra: more files of the same form. They add sets; a name that is taken is refused.

    Raises:
        UserError: naming the file, the set and the key at fault.
    """
    entries = dict(_read(BUILT_IN))
    for path in map(Path, extra):
        for name, entry in _read(path).items():
            if name in entries:
                raise UserError(f"{path}: the name {name!r} is taken by another set of images. Choose another name.")
            entries[name] = entry
    return entries


def entry(name: str, extra: Sequence[Path | str] = ()) -> SuperpixelEntry:
    """The entry of one set.

    Raises:
        UserError: no such name (with the nearest one), or as in `load`.
    """
    entries = load(extra)
    if name not in entries:
        raise unknown("set of superpixel images", name, entries)
    return entries[name]


@cache
def _read(path: Path) -> dict[str, SuperpixelEntry]:
    content = read_yaml(path, "names of data sets to their entries, as in docs/superpixels.md")
    return {str(name): _entry(path, str(name), fields) for name, fields in content.items()}


def _entry(path: Path, name: str, fields: Any) -> SuperpixelEntry:
    if not isinstance(fields, dict):
        raise UserError(f"{path}: {name}: expected fields such as `train` and `expected`, found {shown(fields)}.")
    try:
        return SuperpixelEntry(name=name, **_placed(fields, path.parent))
    except ValidationError as error:
        raise UserError(f"{path}: {name}: {_first(error)}") from None
    except TypeError:
        raise UserError(f"{path}: {name}: `name` is the key of the entry, not one of its fields.") from None


def _placed(fields: Any, folder: Path) -> Any:
    """The fields with every relative path under `address` made absolute."""
    if not isinstance(fields, dict):
        return fields
    made = {key: _placed(value, folder) for key, value in fields.items()}
    address = made.get("address")
    if isinstance(address, str) and "://" not in address:
        made["address"] = str(folder.absolute() / address)
    return made


def _first(error: ValidationError) -> str:
    """The most telling thing that pydantic found wrong: a misspelt key rather than the one it leaves missing."""
    wrong = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    parts = [str(part) for part in wrong["loc"]]
    if wrong["type"] == "extra_forbidden":
        inner = {0: SuperpixelEntry, 1: SuperpixelCounts if parts[0] == "expected" else IdxPart, 2: IdxFile}
        return str(unknown("key", parts[-1], set(inner[len(parts) - 1].model_fields) - {"name"}))
    key, message = ".".join(parts), wrong["msg"].removeprefix("Value error, ")
    found = "" if wrong["type"] == "missing" or not key or isinstance(wrong["input"], dict) else wrong["input"]
    return f"{key}: {message}{f' (found {shown(found)})' if found != '' else ''}." if key else f"{message}."
