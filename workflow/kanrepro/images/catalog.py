"""The catalogue of image sets: where each comes from, which folder is which class, what belongs together, counts."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from kanrepro.core.catalog import Address, Catalog, Count, Digest, Mirror, SetEntry, Strict

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

    address: Address | None = None
    sha256: Digest | None = None
    mirror: Mirror | None = None
    folder: Columns = ["folder"]
    image: Columns = ["image"]
    group: Columns = ["group"]
    within_folder: bool = False


class ImageEntry(SetEntry):
    """One image set.

    Attributes:
        name, printed, licence, demo: as in `SetEntry`.
        task: as shown in reports.
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
        expected: the counts that the prepared set must show; not checked where it is left out.
        max_archive_mb, max_unpacked_mb: size bounds, in 10^6 bytes, of the download and of what it unpacks to.
        max_megapixels: 10^6 pixels that an image may have; one with more is left out unread.
    """

    task: str = "image classification"
    source: str = ""
    obtain: str = ""
    format: Literal["folder-archive", "sklearn"] = "folder-archive"
    address: Address | None = None
    sha256: Digest | None = None
    mirror: ImageMirror | None = None
    channels: Literal[1, 3] = 3
    classes: Annotated[dict[str, Annotated[list[Folder], Field(min_length=1)]], Field(min_length=1)]
    test_folders: list[Folder] = []
    skip_folders: list[Folder] = []
    group: str | None = None
    groups: GroupFile | None = None
    expected: ImageCounts | None = None
    max_archive_mb: Count = 2048
    max_unpacked_mb: Count = 4096
    max_megapixels: Annotated[float, Field(gt=0, le=80)] = 50.0

    @property
    def origins(self) -> tuple[str | None, ...]:
        return (self.address,)

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
        if self.group and self.groups:
            raise ValueError("says `group` and `groups`; keep one")
        for counts in (self.expected, self.mirror and self.mirror.expected):
            if counts and set(counts.classes) != set(self.classes):
                raise ValueError(f"expected.classes must count the classes {', '.join(self.classes)}")
        return self


def inside(folder: str, patterns: Sequence[str]) -> bool:
    """Whether the last parts of a folder's path match one of the patterns."""
    return any(fnmatchcase(f"/{folder}", f"*/{pattern}") for pattern in patterns)


CATALOG = Catalog(ImageEntry, "image set", "`address` and `classes`", "docs/images.md")
load, entry = CATALOG.load, CATALOG.entry
