"""What the catalogues have in common: YAML files of named sets, one that is built in and the user's own beside it.

A catalogue is a model of its entries and the words of its messages, each of which names the file, the set and the key
at fault.
"""

import inspect
import re
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from kanrepro.core.errors import UserError, shown, unknown
from kanrepro.core.parts import in_words
from kanrepro.core.yaml_file import read_yaml


def _reachable(address: str) -> str:
    if re.match(r"^\w+://", address) and not re.match(r"^(https?|file)://", address):
        raise ValueError("must be an http, https or file URL, or a path")
    return address


def _below(path: str) -> str:
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError("must lie below the mirror folder")
    return path


Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1)]
Address = Annotated[str, AfterValidator(_reachable)]
MirrorPath = Annotated[str, AfterValidator(_below)]


class Strict(BaseModel):
    """A group of fields; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Mirror(Strict):
    """A copy in a mirror folder (KANREPRO_MIRROR).

    Attributes:
        path: below the mirror folder.
        sha256: of that copy; it may differ from the archive at the public address.
    """

    path: MirrorPath
    sha256: Digest


class SetEntry(Strict):
    """What every catalogue says of a set.

    Attributes:
        name: as in paths and commands.
        printed: its name in the papers' tables.
        licence: as shown in reports.
        demo: a stand-in set of the demo: no published number belongs beside it.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    printed: str = ""
    licence: str = "not stated"
    demo: bool = False

    @property
    def origins(self) -> tuple[str | None, ...]:
        """The addresses of its files, None for one that no program can fetch; none of a set without files."""
        return ()

    @property
    def urls(self) -> list[str]:
        """The public ones of its addresses."""
        return [address for address in self.origins if address and address.startswith("http")]

    @model_validator(mode="before")
    @classmethod
    def _printed(cls, values: Any) -> Any:
        return {"printed": values.get("name", ""), **values} if isinstance(values, dict) else values


E = TypeVar("E", bound=SetEntry)


@dataclass(frozen=True)
class Catalog(Generic[E]):
    """A catalogue.

    Attributes:
        model: of an entry; the built-in file is catalog.yaml beside its module.
        kind: what messages call a set, such as `data set`.
        such_as: fields that messages give as examples.
        page: of the documentation, where the file's form is explained.
        also: keys that an entry takes besides the fields of `model`.
    """

    model: type[E]
    kind: str
    such_as: str
    page: str
    also: frozenset[str] = frozenset()

    @property
    def built_in(self) -> Path:
        """The file that comes along."""
        return Path(inspect.getfile(self.model)).with_name("catalog.yaml")

    def load(self, extra: Sequence[Path | str] = ()) -> dict[str, E]:
        """The built-in catalogue together with the user's own catalogue files, by name.

        Args:
            extra: more files of the same form (`data.catalog` and its like). They add sets; a name that is taken is
                refused.

        Raises:
            UserError: naming the file, the set and the key at fault.
        """
        entries: dict[str, E] = {}
        for path in (self.built_in, *map(Path, extra)):
            for name, entry in self._read(path).items():
                if name in entries:
                    raise UserError(f"{path}: the name {name!r} is taken by another {self.kind}. Choose another name.")
                entries[name] = entry
        return entries

    def entry(self, name: str, extra: Sequence[Path | str] = ()) -> E:
        """The entry of one set.

        Raises:
            UserError: no such name (with the nearest one), or as in `load`.
        """
        entries = self.load(extra)
        if name not in entries:
            raise unknown(self.kind, name, entries)
        return entries[name]

    @cache  # noqa: B019  (catalogues live as long as the program)
    def _read(self, path: Path) -> dict[str, E]:
        content = read_yaml(path, f"names of {self.kind}s to their entries, as in {self.page}")
        named = {str(name): fields for name, fields in content.items() if not str(name).startswith(".")}  # .x: anchors
        return {name: self._entry(path, name, fields) for name, fields in named.items()}

    def _entry(self, path: Path, name: str, fields: Any) -> E:
        if not isinstance(fields, dict):
            raise UserError(f"{path}: {name}: expected fields such as {self.such_as}, found {shown(fields)}.")
        if "name" in fields:
            raise UserError(f"{path}: {name}: `name` is the key of the entry, not one of its fields.")
        try:
            return self.model.model_validate({"name": name, **_placed(fields, path.parent.absolute())})
        except ValidationError as error:
            raise UserError(f"{path}: {name}: {self._first(error)}") from None

    def _first(self, error: ValidationError) -> str:
        """The most telling thing that pydantic found wrong: a misspelt key rather than the one it leaves missing."""
        wrong = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        *path, last = wrong["loc"] or [""]
        if wrong["type"] == "extra_forbidden":
            model = _model_at(self.model, path)
            known = {*model.model_fields, *(self.also if model is self.model else ())}
            return str(unknown("key", str(last), known - {"name"}))
        key, message = ".".join(map(str, [*path, last])), in_words(wrong)
        of_a_part = wrong["type"] == "value_error" and isinstance(wrong["input"], dict)  # the message says what of it
        found = "" if wrong["type"] == "missing" or of_a_part else f" (found {shown(wrong['input'])})"
        return f"{key}: {message}{found}." if key else f"{message}."


def _placed(fields: Any, folder: Path) -> Any:
    """The fields with every relative path under `address` made absolute."""
    if isinstance(fields, list):
        return [_placed(one, folder) for one in fields]
    if not isinstance(fields, dict):
        return fields
    made = {key: _placed(value, folder) for key, value in fields.items()}
    address = made.get("address")
    if isinstance(address, str) and "://" not in address:
        made["address"] = str(folder / address)
    return made


def _model_at(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """The model of the part of an entry at `path`."""
    for key in path:
        field = model.model_fields.get(str(key))  # none for a place in a list
        model = next(_models(field.annotation), model) if field else model
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models(inner)
