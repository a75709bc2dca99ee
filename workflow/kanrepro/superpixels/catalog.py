"""The catalogue of image sets that become superpixel graphs: their idx files, checksums, licences, and counts."""

from typing import Literal

from pydantic import model_validator

from kanrepro.core.catalog import Address, Catalog, Count, Digest, MirrorPath, SetEntry, Strict
from kanrepro.core.errors import UserError

PARTS = ("train", "test")
KINDS = ("images", "labels")


class IdxFile(Strict):
    """A file in idx format, plain or gzip.

    Attributes:
        address: http(s) address, file URL or path; a relative path starts at the catalogue's folder.
        sha256: of the file; None where it is not known: the counts then decide.
        mirror: its path below a mirror folder.
    """

    address: Address
    sha256: Digest | None = None
    mirror: MirrorPath | None = None


class IdxPart(Strict):
    """One part of a set: its images, and the label of each."""

    images: IdxFile
    labels: IdxFile


class SuperpixelCounts(Strict):
    """What the two parts must show: images of each, and distinct labels of the training part."""

    train: Count
    test: Count
    classes: Count


class SuperpixelEntry(SetEntry):
    """One set of images.

    Attributes:
        name, printed, licence, demo: as in `SetEntry`.
        source: as shown in reports.
        train, test: the files of the two parts; without them the digits of scikit-learn, which need none.
        expected: the counts that the prepared parts must show.
        max_file_mb: bound of each file's download, in 10^6 bytes.
    """

    source: str = ""
    train: IdxPart | None = None
    test: IdxPart | None = None
    expected: SuperpixelCounts
    max_file_mb: Count = 256

    @property
    def origins(self) -> tuple[str | None, ...]:
        return (self.train.images.address, self.train.labels.address) if self.train else ()

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


CATALOG = Catalog(SuperpixelEntry, "superpixel set", "`train` and `expected`", "docs/superpixels.md")
load, entry = CATALOG.load, CATALOG.entry
