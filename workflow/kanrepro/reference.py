"""Pages made from the code as Markdown: all settings (`python -m kanrepro.reference`), and how the package is built."""

import json
from collections.abc import Sequence
from typing import Any

import pydantic
from pydantic_core import PydanticUndefined

from kanrepro.core.architecture import document
from kanrepro.core.errors import cli
from kanrepro.core.parser import stage_parser
from kanrepro.settings import Settings

HEAD = """# All settings

Made by `python -m kanrepro.reference`; do not edit. A key is written in `config.yaml` or a preset as nested maps
(`tu: {pretrain: {optimiser: {epochs: 20}}}`). "Unstated" marks what the paper leaves open; F.1 to F.3 and E.2 are its
appendices. What a reading sets (`workflow/kanrepro/methods/readings.py`) is changed under `tu.readings.<name>`, which
comes after `tu.pretrain`; what a method sets comes last and cannot be changed.

| key | type | default | meaning |
| :-- | :-- | :-- | :-- |
"""


def rows(model: type[pydantic.BaseModel], prefix: str = "") -> list[str]:
    """A line for every key of `model`, groups first described, then opened."""
    made = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
            about = (kind.__doc__ or "").strip().splitlines()[0]
            made += [f"| **{prefix}{name}** | | | {about} |", *rows(kind, f"{prefix}{name}.")]
            continue
        schema = model.model_json_schema()["properties"][name]
        default = "" if field.default is PydanticUndefined else f"`{_shown(field.default)}`"
        made.append(f"| {prefix}{name} | {_kind(schema)} | {default} | {field.description or ''} |")
    return made


def _kind(schema: dict[str, Any]) -> str:
    """A JSON schema's type in a word or two."""
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        of = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        return f"list of {_kind(of)}" if of else "list"
    kind = str(schema.get("type", ""))
    return {"string": "text", "boolean": "true, false", "object": "map"}.get(kind, kind)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(value) + "}"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def main(argv: Sequence[str] | None = None) -> None:
    """Print docs/configuration.md, or docs/architecture.md."""
    parser = stage_parser(main.__doc__)
    parser.add_argument("--architecture", action="store_true", help="how the package is built, not the settings")
    print(document() if parser.parse_args(argv).architecture else HEAD + "\n".join(rows(Settings)))


if __name__ == "__main__":
    cli(main)
