"""Typed settings: the one source of truth for every key, its type, range, default, unit and origin.

The models here and those that the families' doors name yield the JSON schema (`python -m kanrepro.settings --schema`)
and refuse, before any job, an unknown key, a wrong type or an impossible value, naming the key, the value and the
nearest valid one. Stages import the part that they need, so that a change elsewhere does not rerun them.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pydantic
from pydantic import Field

from kanrepro.core.dotted import nested
from kanrepro.core.errors import UserError, cli, shown, unknown
from kanrepro.core.family import Family
from kanrepro.core.parser import stage_parser
from kanrepro.core.parts import Part, Positive, merged, validate
from kanrepro.core.yaml_file import read_yaml
from kanrepro.families import FAMILIES


class ReportSettings(Part):
    """How measured and printed numbers are compared."""

    margin: Annotated[float, Field(gt=0)] = Field(default=1.0, description="equivalence margin, percentage points")
    records: Literal["make", "existing"] = Field(
        default="make", description="existing: of the records that are there, without training"
    )


class General(Part):
    """Everything that config.yaml and the presets can say."""

    preset: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")] = Field(
        default="demo", description="names results/<preset>"
    )
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N, for every training job")
    threads: Positive = Field(default=1, description="CPU threads of a training or evaluation job")

    @pydantic.field_validator("device")
    @classmethod
    def _device(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", value):
            raise ValueError("it is none of auto, cpu, cuda and cuda:N")
        return value

    def gpus(self, here: int | None) -> int:
        """GPUs that a training job asks for, given how many this machine has; None: where jobs go elsewhere."""
        return 0 if self.device == "cpu" or (self.device == "auto" and here == 0) else 1


def of(families: Iterable[Family]) -> type[General]:
    """The settings of a workflow with these families."""
    mirror = Field(default=None, description="folder tried before the public address, as KANREPRO_MIRROR")
    sources: dict[str, Any] = {"mirror": (str | None, mirror)}
    for family in families:
        for key, description in family.catalogues.items():
            sources[key] = (tuple[str, ...], Field(default=(), description=description))
    data = pydantic.create_model("DataSettings", __base__=Part, __doc__="Where data sets come from.", **sources)
    parts = {key: part for family in families for key, part in family.settings.items()}
    fields = {"data": data, **parts, "report": ReportSettings}
    made: dict[str, Any] = {key: (part, part()) for key, part in fields.items()}
    return pydantic.create_model("Settings", __base__=General, __doc__=General.__doc__, **made)


if TYPE_CHECKING:

    class Settings(General):
        def __getattr__(self, name: str) -> Any: ...  # the families' keys are known when the program runs

else:
    Settings = of(FAMILIES)


def resolve(config: Mapping[str, Any], presets: Path) -> Settings:
    """The settings of a workflow: the preset that `config` names, changed by the other keys of `config`.

    Raises:
        UserError: no such preset, or a key or value at fault in the preset or in `config`.
    """
    name = config.get("preset", "demo")
    known = {path.stem: path for path in presets.glob("*.yaml")}
    if not isinstance(name, str):
        raise UserError(f"config: preset = {shown(name)}: it must be one of {', '.join(sorted(known))}.")
    if name not in known:
        raise unknown("preset", name, known)
    for key in config:
        if right := nested(str(key), "...", ": "):
            raise UserError(f"config: {key!r} has a dot, but keys stand within each other: write {right!r}.")
    preset = read_yaml(known[name])
    validate(Settings, preset, str(known[name]))
    settings = validate(Settings, merged(preset, config), "config")
    mirror = settings.data.mirror or os.environ.get("KANREPRO_MIRROR")
    if mirror and not Path(mirror).is_dir():
        raise UserError(f"the mirror folder {mirror} does not exist. Correct data.mirror or KANREPRO_MIRROR.")
    for family in FAMILIES:
        for key in family.settings:
            getattr(settings, key).check()
    return settings


def main(argv: list[str] | None = None) -> None:
    """Print the JSON schema of the settings, or check a configuration file."""
    parser = stage_parser(main.__doc__)
    parser.add_argument("--schema", action="store_true", help="print the JSON schema")
    parser.add_argument("--check", type=Path, metavar="FILE", help="resolve a configuration and print it in full")
    arguments = parser.parse_args(argv)
    if arguments.schema:
        print(json.dumps(Settings.model_json_schema(), indent=1))
    elif arguments.check:
        presets = Path(__file__).resolve().parents[1] / "presets"
        print(json.dumps(resolve(read_yaml(arguments.check), presets).model_dump(mode="json"), indent=1))
    else:
        parser.print_help()


if __name__ == "__main__":
    cli(main)
