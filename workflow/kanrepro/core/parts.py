"""What typed settings are made of: groups of keys that refuse what they do not know, and the errors they give."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import pydantic
from pydantic import AfterValidator, Field

from kanrepro.core.errors import UserError, foreign, shown, unknown
from kanrepro.core.files import read_json

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Scale = Annotated[float, Field(ge=0)]
Values = TypeVar("Values", tuple[Any, ...], tuple[Any, ...] | None)


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] >= value[1]:
        raise ValueError("the lower end must be below the upper end")
    return value


Interval = Annotated[tuple[float, float], AfterValidator(_rising)]


def once(value: Values) -> Values:
    """A validator of keys: the values, of which none may stand there twice."""
    twice = [v for v in value or () if (value or ()).count(v) > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} stands there twice")
    return value


class Part(pydantic.BaseModel):
    """A group of keys; unknown ones are refused."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, values: Any) -> Any:
        """Python counts true as 1; `threads: yes` is a mistake all the same, and refused as the word that it is."""
        if not isinstance(values, dict):
            return values
        wrong = [
            name
            for name, value in values.items()
            if isinstance(value, bool) and name in cls.model_fields and _is_number(cls.model_fields[name].annotation)
        ]
        return {**values, **{name: str(values[name]).lower() for name in wrong}} if wrong else values

    def check(self) -> None:
        """Refuse what shows only when more is made of the part than its fields. Raises UserError."""


def _is_number(annotation: Any) -> bool:
    """Whether a field takes numbers and neither words nor truth values."""
    kinds, waiting = set(), [annotation]
    while waiting:
        one = waiting.pop()
        kinds.add(one)
        waiting.extend(get_args(one))
    return bool(kinds & {int, float}) and not kinds & {bool, str}


Model = TypeVar("Model", bound=Part)
Read = TypeVar("Read", bound=pydantic.BaseModel)

# kind of fault, as pydantic names it, without what tells how a value was read -> what is expected
_EXPECTED = {
    "int": "a whole number is expected",
    "float": "a number is expected",
    "string": "text is expected",
    "bool": "true or false is expected",
    "tuple": "a list is expected, such as [a, b]",
    "list": "a list is expected, such as [a, b]",
    "dict": "keys with values are expected, such as {{key: value}}",
    "model": "keys with values are expected, such as {{key: value}}",
    "finite": "a finite number is expected",
    "missing": "it is missing",
    "greater_than_equal": "it must be at least {ge:g}",
    "greater_than": "it must be more than {gt:g}",
    "less_than_equal": "it must be at most {le:g}",
    "less_than": "it must be less than {lt:g}",
    "literal_error": "it must be {expected}",
    "too_short": "at least {min_length} are needed",
    "too_long": "at most {max_length} are allowed",
}

_READ = re.compile(r"([a-z]+)_(?:\w+_)?(?:type|parsing|from_float|number)")  # int_type, int_parsing, finite_number


def in_words(error: Mapping[str, Any]) -> str:
    """What is wrong with a value, in a person's words, without a full stop; `error`: one of pydantic's."""
    kind, said = error["type"], error["msg"].removeprefix("Value error, ").rstrip(".")
    read = _READ.fullmatch(kind)
    expected = _EXPECTED.get(read[1] if read else kind)
    return expected.format(**error.get("ctx", {})) if expected else said


def validate(model: type[Model], content: Any, where: str) -> Model:
    """`content` as a `model`.

    Args:
        where: the file or option that the content comes from, for the message.

    Raises:
        UserError: naming the first key at fault, its value, and the nearest valid key or what is expected.
    """
    try:
        return model.model_validate(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        path = [str(part) for part in first["loc"]]
        key = ".".join(path)
        if first["type"] == "extra_forbidden":
            known = [".".join([*path[:-1], name]) for name in _keys(model, path[:-1])]
            raise unknown(f"key in {where}", key, known) from None
        named, said = shown(key)[1:-1] or "content", in_words(first)
        raise UserError(f"{where}: {named} = {shown(first.get('input'))}: {said}.") from None


def read_as(model: type[Read], path: Path | str, fault: str) -> Read:
    """The content of a JSON file as a `model`.

    Args:
        fault: what is wrong with a file that is none, in words: `is not a record`.

    Raises:
        UserError: the file is missing, truncated, changed, or none.
    """
    content = read_json(path)
    try:
        return model.model_validate(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "document"
        raise foreign(path, f"{fault}: {where}: {first['msg']}") from error


def _keys(model: type[pydantic.BaseModel], path: list[str]) -> list[str]:
    """The keys that the part of `model` at `path` knows."""
    for name in path:
        field = model.model_fields.get(name)
        below = field.annotation if field else None
        if not (isinstance(below, type) and issubclass(below, pydantic.BaseModel)):
            return []
        model = below
    return list(model.model_fields)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the leaves of `changes` put over it, neither of them altered."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return result
