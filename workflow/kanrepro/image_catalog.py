"""The catalogue of image sets: where each comes from, which folder is which class, what belongs together, counts."""

import re
import types
import typing
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from kanrepro.catalog import Count, Digest, Mirror, Strict
from kanrepro.errors import UserError, shown, unknown
from kanrepro.yaml_file import read_yaml

BUILT_IN = Path(__file__).with_name("images.yaml")

# A pattern of fnmatch for the last folders of a path: `NORMAL`, `test/*`, `benign/*`.
Folder = Annotated[str, Field(pattern=r"^[^/].*[^/]$|^[^/]$")]
Columns = Annotated[list[str], Field(min_length=1)]


class ImageCounts(Strict):
    """What a prepared set must show.

    Attributes:
        classes: images of each class.
        test: how many of them lie in the set's own test folders; not checked where it is left out.
        groups: distinct patients (or whatever groups are) that the set tells; not checked where it is left out.
    """

    classes: dict[str, Count]
    test: dict[str, Count] = {}
    groups: Count | None = None


class ImageMirror(Mirror):
    """A copy in a mirror folder; `expected` where it holds fewer images than the public set."""

    expected: ImageCounts | None = None


class GroupFile(Strict):
    """A CSV file (plain or gzip) that says which images belong together.

    Attributes:
        address, sha256, mirror: as in `ImageEntry`.
        folder, image, group: names that the columns may have: last folder, file name, and group of an image.
        within_folder: groups of different folders are different, though they may have the same number.
    """

    address: str | None = None
    sha256: Digest | None = None
    mirror: Mirror | None = None
    folder: Columns = ["folder"]
    image: Columns = ["image"]
    group: Columns = ["group"]
    within_folder: bool = False


class ImageEntry(Strict):
    """One image set.

    Attributes:
        name: as in paths and commands.
        printed: as in tables and figures.
        task, licence: as shown in reports.
        source: the page where the set is described and may be had.
        obtain: what a user does to get it where a program cannot (an account, a torrent).
        format: `folder-archive` (a zip or tar archive, or a folder, with a folder for each class) or `sklearn` (the
            digit images in scikit-learn, as if they lay in folders 0 to 9).
        address: http(s) address, file URL or path of the archive or folder; a relative path starts at the catalogue's
            folder; None where no program can fetch it.
        sha256: of the file at `address`; None where it is not known: the counts then decide.
        mirror: a copy in a mirror folder.
        channels: 1 (grey) or 3 (red, green, blue).
        classes: class -> folders, in the order of the class ids; of two classes the second is the positive one.
        test_folders: folders of the set's own test images, where it has some; all others count as training.
        skip_folders: folders that are passed over (copies of others, for instance).
        group: regular expression, searched for in the path of an image, whose group named `group` is the patient;
            images that it does not match stand alone.
        groups: a file that says it instead.
        demo: a stand-in set of the demo.
        expected: the counts that the prepared set must show; not checked where it is left out.
        max_archive_mb, max_unpacked_mb: size bounds, in 10^6 bytes, of the download and of what it unpacks to.
        max_megapixels: 10^6 pixels that an image may have; one with more is left out unread.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    printed: str = ""
    task: str = "image classification"
    licence: str = "not stated"
    source: str = ""
    obtain: str = ""
    format: Literal["folder-archive", "sklearn"] = "folder-archive"
    address: str | None = None
    sha256: Digest | None = None
    mirror: ImageMirror | None = None
    channels: Literal[1, 3] = 3
    classes: Annotated[dict[str, Annotated[list[Folder], Field(min_length=1)]], Field(min_length=1)]
    test_folders: list[Folder] = []
    skip_folders: list[Folder] = []
    group: str | None = None
    groups: GroupFile | None = None
    demo: bool = False
    expected: ImageCounts | None = None
    max_archive_mb: Count = 2048
    max_unpacked_mb: Count = 4096
    max_megapixels: Annotated[float, Field(gt=0, le=80)] = 50.0

    @model_validator(mode="before")
    @classmethod
    def _printed(cls, values: Any) -> Any:
        return {"printed": values.get("name", ""), **values} if isinstance(values, dict) else values

    @field_validator("group")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                named = re.compile(value).groupindex
            except re.error as error:
                raise ValueError(f"is not a regular expression: {error}") from None
            if "group" not in named:
                raise ValueError("needs a part (?P<group>...) that names the patient")
        return value

    @model_validator(mode="after")
    def _fits(self) -> "ImageEntry":
        if self.format == "folder-archive" and not (self.address or self.obtain):
            raise ValueError("needs an `address` (or a path) of its archive or folder")
        for address in (self.address, self.groups and self.groups.address):
            if address and re.match(r"^\w+://", address) and not re.match(r"^(https?|file)://", address):
                raise ValueError(f"address {address!r} must be an http, https or file URL, or a path")
        if self.group and self.groups:
            raise ValueError("says `group` and `groups`; keep one")
        for counts in (self.expected, self.mirror and self.mirror.expected):
            if counts and set(counts.classes) != set(self.classes):
                raise ValueError(f"expected.classes must count the classes {', '.join(self.classes)}")
        return self


def inside(folder: str, patterns: Sequence[str]) -> bool:
    """Whether the last parts of a folder's path match one of the patterns."""
    return any(fnmatchcase(f"/{folder}", f"*/{pattern}") for pattern in patterns)


def load(extra: Sequence[Path | str] = ()) -> dict[str, ImageEntry]:
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
                raise UserError(f"{path}: the name {name!r} is taken by another image set. Choose another name.")
            entries[name] = entry
    return entries


def entry(name: str, extra: Sequence[Path | str] = ()) -> ImageEntry:
    """The entry of one image set.

    Raises:
        UserError: no such name (with the nearest one), or as in `load`.
    """
    entries = load(extra)
    if name not in entries:
        raise unknown("image set", name, entries)
    return entries[name]


@cache
def _read(path: Path) -> dict[str, ImageEntry]:
    content = read_yaml(path, "names of image sets to their entries, as in docs/images.md")
    return {str(name): _entry(path, str(name), fields) for name, fields in content.items()}


def _entry(path: Path, name: str, fields: Any) -> ImageEntry:
    if not isinstance(fields, dict):
        raise UserError(f"{path}: {name}: expected fields such as `address` and `classes`, found {shown(fields)}.")
    fields = _placed(fields, path.parent)
    if isinstance(fields.get("groups"), dict):
        fields["groups"] = _placed(fields["groups"], path.parent)
    try:
        return ImageEntry(name=name, **fields)
    except ValidationError as error:
        raise UserError(f"{path}: {name}: {_first(error)}") from None
    except TypeError:
        raise UserError(f"{path}: {name}: `name` is the key of the entry, not one of its fields.") from None


def _placed(fields: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The fields with a relative path under `address` made absolute."""
    address = fields.get("address")
    if isinstance(address, str) and "://" not in address:
        return {**fields, "address": str(folder.absolute() / address)}
    return dict(fields)


def _first(error: ValidationError) -> str:
    """The most telling thing that pydantic found wrong: a misspelt key rather than the one it leaves missing."""
    wrong = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    parts = [str(part) for part in wrong["loc"]]
    if wrong["type"] == "extra_forbidden":
        return str(unknown("key", parts[-1], _keys(parts[:-1])))
    key, message = ".".join(parts), wrong["msg"].removeprefix("Value error, ")
    found = "" if wrong["type"] == "missing" or not key else f" (found {shown(wrong['input'])})"
    return f"{key}: {message}{found}." if key else f"{message}."


def _keys(path: Sequence[str]) -> set[str]:
    """The keys that the part of an entry at `path` knows."""
    model: type[BaseModel] = ImageEntry
    for name in path:
        kinds = model.model_fields[name].annotation
        kinds = typing.get_args(kinds) if isinstance(kinds, types.UnionType) else (kinds,)
        model = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return set(model.model_fields) - {"name"}
