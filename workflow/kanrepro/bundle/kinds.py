"""What a bundle knows of results: kinds of records, the stages and sets that each came from, who makes which table."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from kanrepro.core.catalog import Catalog, SetEntry
from kanrepro.core.record import Record
from kanrepro.images import catalog as image_catalog
from kanrepro.images.record import ImageRecord
from kanrepro.images.report import table as image_table
from kanrepro.molecules import catalog as molecule_catalog
from kanrepro.molecules.catalog import MoleculeEntry
from kanrepro.molecules.record import MeasureRecord, TransferRecord
from kanrepro.molecules.report import table as transfer_table
from kanrepro.report import table
from kanrepro.superpixels import catalog as superpixel_catalog
from kanrepro.superpixels.catalog import SuperpixelEntry
from kanrepro.tu import catalog

AnyRecord = Record | ImageRecord | TransferRecord | MeasureRecord


@dataclass(frozen=True)
class Kind:
    """A kind of records: their schema, the catalogue of their sets, and what they are records of."""

    model: type[AnyRecord]
    catalog: Catalog[Any]
    of: str


# by folder below results/<preset>/records; what lies in other folders are documents without a schema
KINDS = {
    "tu": Kind(Record, catalog.CATALOG, "graphs"),
    "superpixels": Kind(Record, superpixel_catalog.CATALOG, "digits"),
    "images": Kind(ImageRecord, image_catalog.CATALOG, "images"),
    "transfer": Kind(TransferRecord, molecule_catalog.CATALOG, "molecules"),
    "measure": Kind(MeasureRecord, molecule_catalog.CATALOG, "clocked steps"),
    "sensitivity/tu": Kind(Record, catalog.CATALOG, "graphs for Figure 5"),
    "sensitivity/transfer": Kind(TransferRecord, molecule_catalog.CATALOG, "molecules for Figure 5"),
}
MADE_BY = {
    "report.table": table.ALL_TABLES,
    "images.report.table": image_table.TABLES,
    "molecules.report.table": transfer_table.TABLES,
}
_DESCRIPTIONS = ("data", "data-molecules", "data-superpixels")
_FOLDERS = {"table1": ("transfer",), "table4": _DESCRIPTIONS, "table6": ("measure",), "table7": ("superpixels",)}


def kind_of(member: str) -> str | None:
    """The kind of the record at `results/<preset>/records/<kind>/...`; None for any other member."""
    parts = PurePosixPath(member).parts
    if len(parts) < 5 or parts[2] != "records":
        return None
    below = "/".join(parts[3:-1]) + "/"
    return next((kind for kind in KINDS if below.startswith(f"{kind}/")), None)


def maker_of(name: str) -> str | None:
    """The module of kanrepro that makes a table; None where there is no such table."""
    return next((module for module, tables in MADE_BY.items() if name in tables), None)


def folders_of(name: str) -> tuple[str, ...]:
    """The folders of records that a table is made from."""
    return ("images",) if name in image_table.TABLES else _FOLDERS.get(name, ("tu",))


def stages_of(record: AnyRecord) -> dict[str, str]:
    """The stages by which a record came about, with the digests of their code."""
    match record:
        case Record():
            evaluation = "superpixels.finetune" if record.experiment == "superpixels" else "tu.probe"
            return {"pretraining.pretrain": record.code.pretrain, evaluation: record.code.probe}
        case ImageRecord():
            return {"images.classify": record.code.classify, "images.assess": record.code.assess}
        case TransferRecord(pretraining=trained) if trained:
            return {"pretraining.pretrain": trained.code, f"molecules.{record.code.stage}": record.code.digest}
    return {f"molecules.{record.code.stage}": record.code.digest}


def addresses_of(entry: SetEntry) -> list[str]:
    """The public addresses of a set's files."""
    match entry:
        case MoleculeEntry():
            found = [file.address for file in entry.files]
        case SuperpixelEntry():
            found = [file.address for file in (entry.train.images, entry.train.labels)] if entry.train else []
        case catalog.Entry() | image_catalog.ImageEntry():
            found = [entry.address]
        case _:
            found = []
    return [address for address in found if address and address.startswith("http")]
