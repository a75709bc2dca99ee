"""The catalogue: data set -> where it comes from, its checksums and licence, and the counts that it must show."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from kanrepro.core.catalog import Address, Catalog, Count, Digest, Mirror, SetEntry, Strict


class Expected(Strict):
    """What a prepared set must show.

    Attributes:
        graphs: number of graphs.
        classes: number of distinct graph labels.
        node_labels: number of distinct node labels, 0 where the set has none.
        mean_nodes: nodes per graph, to two decimals; not checked where it is left out.
        directed_edges: distinct directed edges over all graphs; not checked where it is left out.
    """

    graphs: Count
    classes: Count
    node_labels: Annotated[int, Field(ge=0)]
    mean_nodes: Annotated[float, Field(gt=0)] | None = None
    directed_edges: Annotated[int, Field(ge=0)] | None = None


class Entry(SetEntry):
    """One data set.

    Attributes:
        name: as in paths and commands; in TU format also how the members of the archive begin (NAME_A.txt).
        printed, licence, demo: as in `SetEntry`.
        task, domain: as shown in tables and in the report.
        format: `tu` (a zip archive in TU format) or `rdkit` (made from files that RDKit brings along).
        address: http(s) address, file URL or path of the archive; a relative path starts at the catalogue's folder.
        sha256: of the file at `address`; None where it is not known: the counts then decide.
        mirror: a copy in a mirror folder.
        expected: the counts that the prepared set must show.
        max_archive_mb, max_unzipped_mb: size bounds, in 10^6 bytes, of the download and of what it unzips to.
    """

    task: Literal["graph classification"] = "graph classification"
    domain: str = "Own"
    format: Literal["tu", "rdkit"] = "tu"
    address: Address | None = None
    sha256: Digest | None = None
    mirror: Mirror | None = None
    expected: Expected
    max_archive_mb: Count = 512
    max_unzipped_mb: Count = 1024

    @property
    def origins(self) -> tuple[str | None, ...]:
        return (self.address,)

    @model_validator(mode="after")
    def _has_source(self) -> "Entry":
        if self.format == "tu" and not self.address:
            raise ValueError("a set in TU format needs an `address` (or a path) of its zip archive")
        return self


CATALOG = Catalog(Entry, "data set", "`address` and `expected`", "docs/own-data.md")
load, entry = CATALOG.load, CATALOG.entry
