"""The RO-Crate metadata of a bundle: files, authors, papers, data sets, and what was made from what by which code.

Follows RO-Crate 1.1, Workflow RO-Crate 1.0 and Workflow Run Crate 0.5: the Snakefile is the main workflow; one
CreateAction stands for the run of all of it, one for each record (object: its data set, and the set that its encoder
was pre-trained on, if that is another; instrument: its stages, whose version is the digest of their code; description:
its commands), one for each table (object: its records).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from kanrepro.bundle.kinds import KINDS, TABLES, catalog_of, kind_of, stages_of
from kanrepro.core.catalog import SetEntry
from kanrepro.core.errors import UserError

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
FORMATS = {
    ".json": "application/json", ".yaml": "application/yaml", ".cff": "application/yaml", ".md": "text/markdown",
    ".csv": "text/csv", ".tex": "application/x-tex", ".html": "text/html", ".png": "image/png", ".py": "text/x-python",
    ".svg": "image/svg+xml", ".toml": "application/toml",
}  # fmt: skip
Entity = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What the metadata is made from: the checkout, and of each member its SHA-256 and its bytes."""

    root: Path
    preset: str
    commit: str | None
    date: str
    digests: Mapping[str, str]
    sizes: Mapping[str, int]
    records: Mapping[str, Any]


def metadata(told: Told) -> bytes:
    """The content of ro-crate-metadata.json.

    Raises:
        UserError: CITATION.cff cannot be read.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(CONTEXT)

    def mention(identifier: str, kind: str | list[str], **properties: Any) -> Entity:
        crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **_known(properties)}))
        return {"@id": identifier}

    citation = _citation(told.root)
    authors = [_author(mention, author) for author in citation.get("authors", [])]
    for name in sorted(told.digests):
        facts = _known({
            "sha256": told.digests[name],
            "contentSize": str(told.sizes[name]),
            "encodingFormat": FORMATS.get(PurePosixPath(name).suffix, "text/plain"),
            "name": name,
        })  # fmt: skip
        if name == "Snakefile":
            facts |= {"author": authors, "version": told.commit or "unknown"}
            crate.add_workflow(dest_path=name, main=True, lang="snakemake", properties=facts)
        else:
            crate.add_file(dest_path=name, properties=facts)
    licence = str(citation.get("license", "MIT"))
    root = crate.root_dataset
    root["name"] = f"{citation.get('title', 'kanrepro')}: results of the preset {told.preset}"
    root["description"] = " ".join(str(citation.get("abstract", "")).split()) or root["name"]
    root["datePublished"] = told.date
    root["version"] = str(citation.get("version", ""))
    root["author"] = authors
    root["license"] = mention(f"https://spdx.org/licenses/{licence}", "CreativeWork", name=licence)
    root["citation"] = [_paper(mention, i, paper) for i, paper in enumerate(citation.get("references", []))]
    root["conformsTo"] = [mention(i, "CreativeWork", name=n, version=i.rsplit("/", 1)[1]) for i, n in PROFILES.items()]
    if told.commit:
        root["identifier"] = f"git commit {told.commit}"

    data, stages = _Once(mention), _Once(mention)
    actions = [_record_action(mention, data, stages, name, told.records[name]) for name in sorted(told.records)]
    actions += _table_actions(mention, stages, told)
    results = [{"@id": name} for name in told.digests if name.startswith(f"results/{told.preset}/")]
    actions.append(
        mention(
            "#run",
            "CreateAction",
            name=f"snakemake --config preset={told.preset}",
            instrument={"@id": "Snakefile"},
            object=[{"@id": "settings.json"}, {"@id": "config.yaml"}, *data.made.values()],
            result=results,
            agent=authors,
        )
    )
    root["mentions"] = actions
    document = crate.metadata.generate()
    document["@graph"].sort(key=lambda entity: entity["@id"])
    for entity in document["@graph"]:
        for value in entity.values():
            if (
                isinstance(value, list)
                and value
                and all(isinstance(one, dict) and set(one) == {"@id"} for one in value)
            ):
                value.sort(key=lambda one: one["@id"])
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


class _Once:
    """Entities that several others refer to, each described once."""

    def __init__(self, mention: Any) -> None:
        self.mention, self.made = mention, dict[str, Entity]()

    def __call__(self, identifier: str, kind: str | list[str], **properties: Any) -> Entity:
        if identifier not in self.made:
            self.made[identifier] = self.mention(identifier, kind, **properties)
        return self.made[identifier]


def _known(properties: Entity) -> Entity:
    return {name: value for name, value in properties.items() if value not in (None, "", [])}


def _record_action(mention: Any, data: _Once, stages: _Once, name: str, record: Any) -> Entity:
    """How a record came about: from a prepared data set, by its stages, with the commands that it names."""
    code, kind = record.code, _kind(name)
    instruments = [
        stages(
            f"#stage-{stage}-{digest}",
            "SoftwareSourceCode",
            name=stage,
            version=f"code digest {digest}",
            isPartOf={"@id": f"workflow/{stage.replace('.', '/')}.py"},
        )
        for stage, digest in stages_of(KINDS[kind], record)
    ]
    each = KINDS[kind].each
    return mention(
        f"#made-{name}",
        "CreateAction",
        name=f"{record.dataset}, {each} {getattr(record, each)}",
        instrument=instruments,
        object=_used(data, name, record),
        result=[{"@id": name}],
        description=f"commit {code.commit or 'unknown'}{' with local changes' if code.dirty else ''}; "
        + "; ".join(record.commands),
    )


def _used(data: _Once, name: str, record: Any) -> list[Entity]:
    """The prepared set of a record; and the set that its encoder saw before, of which no checksum is known."""
    prepared = data(
        f"#data-{record.data.sha256}",
        "Dataset",
        name=f"{record.dataset}, prepared ({PurePosixPath(record.data.path).name})",
        sha256=record.data.sha256,
        description=f"prepared from a file with SHA-256 {record.data.source_sha256}"
        if record.data.source_sha256
        else None,
        **_origin(_entry(name, record.dataset)),
    )
    kind = KINDS[_kind(name)]
    before = getattr(record, "pretraining", None) if kind.seen else None
    if before is None or not before.epochs:
        return [prepared]
    count = getattr(before, kind.seen)
    seen = data(
        f"#data-{before.dataset}-{count}",
        "Dataset",
        name=f"{before.dataset}, {count} {kind.seen}, to pre-train on",
        **_origin(_entry(name, before.dataset)),
    )
    return [prepared, seen]


def _kind(name: str) -> str:
    kind = kind_of(name)
    assert kind is not None
    return kind


def _entry(name: str, dataset: str) -> SetEntry | None:
    """What the built-in catalogues say of a data set of the record `name`; None of a set of the user's own."""
    try:
        return catalog_of(_kind(name)).entry(dataset)
    except UserError:
        return None


def _origin(entry: SetEntry | None) -> Entity:
    if entry is None:
        return {}
    return {"license": entry.licence, "url": entry.urls[0] if len(entry.urls) == 1 else entry.urls}


def _table_actions(mention: Any, stages: _Once, told: Told) -> list[Entity]:
    """How each table came about: from which records, by the module that makes it."""
    made = []
    folder = f"results/{told.preset}/tables"
    for table in sorted({PurePosixPath(name).stem for name in told.digests if name.startswith(f"{folder}/")}):
        if table not in TABLES:
            continue
        module = TABLES[table].module
        stage = stages(
            f"#stage-{module}",
            "SoftwareSourceCode",
            name=module,
            isPartOf={"@id": f"workflow/{module.replace('.', '/')}.py"},
        )
        forms = [{"@id": name} for name in told.digests if name.startswith(f"{folder}/{table}.")]
        used = [{"@id": name} for name in sources(told, table)]
        made.append(mention(f"#made-{table}", "CreateAction", name=table, instrument=stage, object=used, result=forms))
    return made


def sources(told: Told, table: str) -> list[str]:
    """The members that a table is made from: its records, or the descriptions of data sets; and the printed numbers."""
    published = [name for name in (f"workflow/published/{table}.csv",) if name in told.digests]
    folders = tuple(f"results/{told.preset}/records/{folder}/" for folder in TABLES[table].records)
    found = [name for name in told.digests if name.startswith(folders)]
    if method := TABLES[table].method:
        found = [name for name in found if getattr(told.records[name], "method", "") == method]
    return published + found


def _citation(root: Path) -> dict[str, Any]:
    path = root / "CITATION.cff"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a citation file: expected keys such as `title` and `authors`.")
    return content


def _author(mention: Any, author: dict[str, str]) -> Entity:
    """A person or an organisation of CITATION.cff; a person with an ORCID is named by it."""
    if "name" in author:
        return mention(f"#{author['name'].replace(' ', '-')}", "Organization", name=author["name"])
    given, family = author.get("given-names", ""), author.get("family-names", "")
    identifier = author.get("orcid") or f"#{given}-{family}".replace(" ", "-")
    return mention(
        identifier, "Person", name=f"{given} {family}".strip(), affiliation=author.get("affiliation"),
    )  # fmt: skip


def _paper(mention: Any, number: int, paper: dict[str, Any]) -> Entity:
    authors = ", ".join(
        f"{a.get('given-names', '')} {a.get('family-names', a.get('name', ''))}".strip()
        for a in paper.get("authors", [])
    )
    title = paper.get("title")
    return mention(
        f"#paper-{number + 1}", "ScholarlyArticle", name=title, description=f"by {authors}", url=paper.get("url")
    )
