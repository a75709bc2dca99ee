"""What the settings of a family of graphs say of methods: which are run, in which readings, and with which settings."""

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

import pydantic

from kanrepro.core.errors import UserError, unknown
from kanrepro.core.parts import Part, merged, once
from kanrepro.methods.folder import built_in, find, of
from kanrepro.methods.method import Changes
from kanrepro.methods.readings import changes_of, names, settings_of, usual
from kanrepro.pretraining.settings import PretrainSettings, of_run, with_keys


class MethodChoice(Part):
    """The keys that each family declares with its defaults; a user's own method is named by the path of its file.

    Attributes:
        section: the key in the configuration.
        family: that its encoders have.
        shared: settings of its pre-trainings, without the keys of methods.
        not_pretrained: controls without an encoder.
    """

    section: ClassVar[str]
    family: ClassVar[str]
    shared: ClassVar[type[PretrainSettings]]
    not_pretrained: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:
        methods: tuple[str, ...]
        controls: tuple[str, ...]
        readings: dict[str, dict[str, Any]]
        pretrain: PretrainSettings

    @pydantic.field_validator("readings", mode="before", check_fields=False)
    @classmethod
    def _over_the_built_in(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        named = {**{name: {} for name in usual(cls.family)}, **value}
        return {name: changes for name, changes in named.items() if changes is not None}

    @pydantic.field_validator("methods", check_fields=False)
    @classmethod
    def _methods(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = of("variant", "method", family=cls.family)
        return tuple(_own(w, cls.family) if w.endswith(".py") else _checked("method", w, known) for w in value)

    @pydantic.field_validator("controls", check_fields=False)
    @classmethod
    def _controls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = [*of("control", family=cls.family), *cls.not_pretrained]
        return tuple(_checked("control", name, known) for name in value)

    _once = pydantic.field_validator("datasets", "methods", "controls", "seeds", check_fields=False)(once)

    @pydantic.field_validator("pretrain", mode="wrap", check_fields=False)
    @classmethod
    def _with_own_keys(cls, value: Any, ordinary: Callable[[Any], Any], info: pydantic.ValidationInfo) -> Any:
        own = [find(name) for name in info.data.get("methods", ()) if name not in built_in()]
        return with_keys(cls.shared, [*built_in().values(), *own]).model_validate(value) if own else ordinary(value)

    @property
    def own_files(self) -> list[str]:
        """The files of the methods of the user's own."""
        return [find(name).word for name in self.methods if name not in built_in()]

    @pydantic.field_serializer("methods", check_fields=False)
    def _as_words(self, value: tuple[str, ...]) -> list[str]:
        return [find(name).word for name in value]

    def check(self) -> None:
        """Make the settings of every pre-training. Raises UserError as `pretrain_settings`."""
        for reading in self.readings:
            for method in self.methods:
                self.pretrain_settings(method, reading)

    def pretrain_settings(self, method: str, reading: str) -> PretrainSettings:
        """The settings of one pre-training: base, built-in reading, the user's changes to it, method.

        Raises:
            UserError: a reading changes a key that does not exist, or to an impossible value, or is `like` itself or
                a reading that does not exist.
        """
        made = settings_of(self.pretrain.model_dump(mode="json"), self._changes(reading, method), method)
        return of_run(self.shared, made, find(method), f"{self.section}.readings.{reading}")

    def _changes(self, reading: str, method: str, below: tuple[str, ...] = ()) -> Changes:
        """What a reading changes for a method, on top of what the reading does that it is `like`."""
        own = dict(self.readings.get(reading, {}))
        base = changes_of(self.family, reading, method)
        if (like := own.pop("like", None)) is not None:
            known = {*names(self.family), *self.readings} - {reading, *below}
            if like not in known:
                key = f"{self.section}.readings.{reading}.like"
                raise UserError(str(unknown(f"reading in {key}", str(like), sorted(known))))
            base = merged(base, self._changes(like, method, (*below, reading)))
        return merged(base, own)


def _checked(kind: str, name: str, known: Iterable[str]) -> str:
    """The name, if it is known."""
    if name not in known:
        raise ValueError(str(unknown(kind, name, known)))
    return name


def _own(file: str, family: str) -> str:
    """The name of a user's own method, read from its file."""
    method = find(file)
    if family not in method.families:
        raise UserError(f"{file} learns from the families {', '.join(method.families)}, not from {family}.")
    return method.name


def without_own(content: Any) -> Any:
    """Settings of a whole workflow, as JSON, without the user's own methods: to read them executes no file."""
    if not isinstance(content, dict):
        return content
    return {key: _part_without_own(part) for key, part in content.items()}


def _part_without_own(part: Any) -> Any:
    if not isinstance(part, dict) or not isinstance(part.get("methods"), list):
        return part
    own = [word for word in part["methods"] if isinstance(word, str) and word.endswith(".py")]
    keys = {PurePosixPath(word).stem for word in own}
    kept = {**part, "methods": [word for word in part["methods"] if word not in own]}
    if isinstance(part.get("pretrain"), dict):
        kept["pretrain"] = {key: value for key, value in part["pretrain"].items() if key not in keys}
    return kept
