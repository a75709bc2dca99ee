"""A bundle: one zip file with the results of a preset, the workflow that made them, and what connects the two.

Members stand at their paths in the checkout, so that an unpacked bundle is a checkout with results. Beside them:

    ro-crate-metadata.json   RO-Crate 1.1: records by data and code, tables by records, authors, licence
    settings.json            the configuration of the preset in full
    environment.json         commit, digests of the stages' code, versions and machines of the records
    manifest-sha256.txt      SHA-256 of every other member, as `sha256sum --check` reads it

Equal content gives equal bytes: members are sorted, times are fixed, nothing says when or where the bundle was made.
"""

import hashlib
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kanrepro.bundle import crate
from kanrepro.bundle.kinds import STAGES, kind_of, schema_of
from kanrepro.core import provenance
from kanrepro.core.errors import UserError
from kanrepro.core.files import atomic, sha256
from kanrepro.core.yaml_file import read_yaml
from kanrepro.families import FAMILIES
from kanrepro.settings import Settings, resolve

MANIFEST = "manifest-sha256.txt"
METADATA = "ro-crate-metadata.json"
SETTINGS = "settings.json"
ENVIRONMENT = "environment.json"
RESULTS = ("records", "tables", "figures")  # below results/<preset>; with report.html
SOURCE = (
    "Snakefile", "config.yaml", "workflow", "profiles", "envs", "pyproject.toml", "Makefile", "README.md",
    "CHANGELOG.md", "LICENSE", "CITATION.cff",
)  # fmt: skip
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can say


@dataclass(frozen=True)
class Checkout:
    """The folder that is bundled, and what git says of it. `commit` and `date` are None outside git."""

    root: Path
    preset: str
    commit: str | None
    date: str | None
    dirty: bool

    @classmethod
    def of(cls, results: Path) -> "Checkout":
        """The checkout that holds `results`, the folder of a preset such as results/small.

        Raises:
            UserError: it is not such a folder.
        """
        results = results.resolve()
        root, preset = results.parent.parent, results.name
        if not (results / "records").is_dir() or results.parent.name != "results":
            raise UserError(f"{results} holds no records. Name the results of a preset, such as results/small.")
        if not (root / "Snakefile").is_file():
            raise UserError(f"{root} holds no Snakefile: the results are not in a checkout of the workflow.")
        shown = _git(root, "show", "--no-patch", "--format=%H %cs", "HEAD")
        commit, date = shown.split() if shown else (None, None)
        changed = _git(root, "status", "--porcelain", "--", *SOURCE, f"results/{preset}")
        return cls(root, preset, commit, date, bool(changed))

    def files(self, settings: Settings) -> dict[str, Path]:
        """Member name -> file, of the results, the workflow and the user's own catalogues, sorted by name.

        Raises:
            UserError: a file has a name that no system can be trusted to unpack.
        """
        below = f"results/{self.preset}"
        chosen = [*SOURCE, *(f"{below}/{name}" for name in RESULTS), f"{below}/report.html"]
        chosen += [name for names in own_catalogues(settings).values() for name in names]
        chosen += own_methods(settings)
        found = {path.relative_to(self.root).as_posix(): path for name in chosen for path in _walk(self.root / name)}
        for name in found:
            if not is_safe(name):
                raise UserError(f"{name!r} cannot go into a bundle: use letters, digits and _ . - in names of files.")
        return dict(sorted(found.items()))

    def settings(self) -> Settings:
        """The configuration of the preset: its file, changed by config.yaml.

        Raises:
            UserError: the preset or config.yaml is at fault.
        """
        config = read_yaml(self.root / "config.yaml")
        return resolve({**config, "preset": self.preset}, self.root / "workflow" / "presets")


def is_safe(name: str) -> bool:
    """Whether a member name is one that every system unpacks where it says: relative, plain, not too long."""
    return len(name) <= 500 and all(_PART.fullmatch(part) for part in name.split("/"))


def own_catalogues(settings: Settings) -> dict[str, list[str]]:
    """The user's own catalogue files, by key below `data`; those alone that can go into a bundle."""
    keys = [key for family in FAMILIES for key in family.catalogues]
    return {key: [name for name in getattr(settings.data, key) if is_safe(name)] for key in keys}


def own_methods(settings: Settings) -> list[str]:
    """The user's own methods that the settings name by their files; those alone that can go into a bundle."""
    chosen = [word for part in vars(settings).values() for word in getattr(part, "own_files", ())]
    return [word for word in dict.fromkeys(chosen) if is_safe(word)]


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _walk(path: Path) -> Iterator[Path]:
    """The regular files at or below a path, without hidden ones, caches and links."""
    if path.name.startswith((".", "__pycache__")) or path.suffix == ".pyc" or path.is_symlink():
        return
    if path.is_dir():
        for below in path.iterdir():
            yield from _walk(below)
    elif path.is_file():
        yield path


def make(results: Path, output: Path, date: str | None = None) -> str:
    """Write the bundle of `results` atomically; returns the SHA-256 of its manifest, which names its content.

    Args:
        date: year-month-day of publication; None: the day of the commit.

    Raises:
        UserError: the folder is not the results of a preset in a checkout, a record is corrupt, or no date is known.
    """
    checkout = Checkout.of(results)
    date = date or checkout.date
    if date is None:
        raise UserError(f"{checkout.root} is not in git, so no date is known. Give one: --date 2026-01-31.")
    settings = checkout.settings()
    files = checkout.files(settings)
    records = {name: schema_of(kind).read(path) for name, path in files.items() if (kind := kind_of(name))}
    made = {
        SETTINGS: _json(settings.model_dump(mode="json")),
        ENVIRONMENT: _json(environment(checkout, records)),
    }
    digests = {name: sha256(path) for name, path in files.items()}
    digests |= {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    sizes = {name: path.stat().st_size for name, path in files.items()} | {name: len(made[name]) for name in made}
    told = crate.Told(checkout.root, checkout.preset, checkout.commit, date, digests, sizes, records)
    made[METADATA] = crate.metadata(told)
    digests[METADATA] = hashlib.sha256(made[METADATA]).hexdigest()
    made[MANIFEST] = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()
    with atomic(output) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted([*files, *made]):
            member = zipfile.ZipInfo(name, TIME)
            member.compress_type, member.create_system, member.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
            archive.writestr(member, made[name] if name in made else files[name].read_bytes(), compresslevel=9)
    return hashlib.sha256(made[MANIFEST]).hexdigest()


def environment(checkout: Checkout, records: dict[str, Any]) -> dict[str, Any]:
    """Commit, digests of the stages' code as it is now, and the versions and machines that the records name."""
    versions: dict[str, set[str]] = {}
    for record in records.values():
        for package, version in record.versions.items():
            versions.setdefault(package, set()).add(version)
    return {
        "commit": checkout.commit,
        "changed_since": checkout.dirty,
        "code": {stage: provenance.code_digest(stage) for stage in STAGES},
        "versions_of_records": {package: sorted(found) for package, found in sorted(versions.items())},
        "hardware_of_records": sorted({f"{r.cost.hardware}; {r.cost.device}" for r in records.values()}),
    }


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
