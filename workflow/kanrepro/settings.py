"""Typed settings: the one source of truth for every key, its type, range, default, unit and origin.

The models below yield the JSON schema (`python -m kanrepro.settings --schema`) and refuse, before any job, an unknown
key, a wrong type or an impossible value, naming the key, the value and the nearest valid one.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pydantic
import yaml
from pydantic import Field

from kanrepro.errors import UserError, cli, unknown
from kanrepro.methods import CONTROLS, METHODS, READINGS, merged, settings_of

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Scale = Annotated[float, Field(ge=0)]


class Part(pydantic.BaseModel):
    """A group of keys; unknown ones are refused."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class KanSettings(Part):
    """KAN layers (Khan-GCL section 3, appendix F.1)."""

    grid: Positive = Field(default=5, description="intervals of the grid (F.1)")
    order: Annotated[int, Field(ge=1, le=5)] = Field(default=3, description="spline degree; 3 = cubic (F.1)")
    range: tuple[float, float] = Field(
        default=(-1.0, 1.0), description="interval that the grid covers; unstated, set by the reading"
    )
    base: bool = Field(default=True, description="SiLU branch of the original KAN; unstated")
    coefficient_scale: Scale = Field(
        default=0.1, description="std of initial coefficients times sqrt(inputs); unstated"
    )

    @pydantic.field_validator("range")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] >= value[1]:
            raise ValueError("the lower end must be below the upper end")
        return value


class EncoderSettings(Part):
    """GIN (table 5)."""

    network: Literal["mlp", "kan"] = Field(default="kan", description="what updates a node; set by the method")
    hidden: Positive = Field(default=32, description="width of every layer (table 5)")
    layers: Positive = Field(default=3, description="number of layers (table 5)")
    readout: Literal["sum", "mean"] = Field(default="sum", description="over the nodes of a graph (table 5)")
    join: Literal["concat", "last"] = Field(
        default="concat", description="z from all layers or the last; GraphCL concatenates on TU"
    )
    normalise_input: bool = Field(default=False, description="batch norm before each KAN; set by the reading")
    kan: KanSettings = KanSettings()


class FeatureSettings(Part):
    """Node features of TU sets."""

    unlabelled: Literal["constant", "degree"] = Field(
        default="constant", description="sets without labels; set by the reading"
    )
    degree_cap: Positive = Field(default=64, description="larger degrees count as this one; unstated")
    self_loops: bool = Field(
        default=False, description="GraphCL's habit: on all nodes but a graph's last, in untouched graphs"
    )


ViewKind = Literal["drop_nodes", "perturb_edges", "mask_attributes", "subgraph"]


class ViewSettings(Part):
    """Augmentations (GraphCL's four kinds at its ratios)."""

    kinds: Annotated[tuple[ViewKind, ...], Field(min_length=1)] = Field(
        default=("drop_nodes", "subgraph", "perturb_edges", "mask_attributes"),
        description="drawn uniformly for each graph",
    )
    drop_ratio: Share = Field(default=0.1, description="share of nodes dropped")
    edge_ratio: Share = Field(default=0.1, description="share of edges dropped, and as many added")
    mask_ratio: Share = Field(default=0.1, description="share of nodes masked")
    subgraph_ratio: Share = Field(default=0.2, description="share of nodes kept, plus one node")
    subgraph_hops: Positive | None = Field(
        default=None, description="reach of the subgraph; null: unbounded, 1: GraphCL's code"
    )
    add_edges: bool = Field(default=True, description="false: edges are only dropped, as in GraphCL's code")
    directed_edges: bool = Field(default=False, description="true: each direction is an edge, as in GraphCL's code")
    first_view: Literal["augmented", "original"] = Field(default="augmented", description="original: GraphCL's code")


class NegativeSettings(Part):
    """Hard negatives (eq. 9, appendix E.2, F.3)."""

    perturbations: tuple[Literal["delta", "rho", "random"], ...] = Field(default=(), description="set by the method")
    epsilon_delta: Scale = Field(default=0.075, description="F.3")
    sigma_delta: Scale = Field(default=0.05, description="F.3")
    epsilon_rho: Scale = Field(default=0.075, description="F.3")
    sigma_rho: Scale = Field(default=0.05, description="F.3")
    epsilon_random: Scale = Field(default=0.075, description="unstated; as the others")
    sigma_random: Scale = Field(default=0.05, description="unstated; as the others")
    scale: Literal["raw", "relative"] = Field(default="raw", description="of the scores; set by the reading")
    shared_alpha: bool = Field(
        default=False, description="one sign for both perturbations (Algorithm 3) or one each (eq. 9)"
    )
    ranks: tuple[Positive, Positive, Positive] | None = Field(
        default=None, description="multilinear ranks; null: full (slow if set)"
    )


class ContrastSettings(Part):
    """Losses and projection head (eq. 1, 11, 12; table 5; F.3)."""

    loss: Literal["nt_xent", "one_way"] = Field(default="nt_xent", description="eq. 1, or GraphCL's own")
    temperature: Annotated[float, Field(gt=0)] = Field(default=0.2, description="tau (F.3)")
    head: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(default=(32, 32), description="widths (table 5)")
    negatives: NegativeSettings = NegativeSettings()


class OptimiserSettings(Part):
    """Adam (F.3)."""

    epochs: Annotated[int, Field(ge=0)] = Field(default=60, description="F.3; 0: the untrained encoder")
    learning_rate: Annotated[float, Field(gt=0)] = Field(default=1e-4, description="F.3")
    batch_size: Annotated[int, Field(ge=2)] = Field(default=128, description="graphs; unstated, GraphCL's")
    shuffle: Literal["each_epoch", "once"] = Field(default="each_epoch", description="once: GraphCL's code")
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="of matrix products; bfloat16: mixed precision"
    )
    compile: bool = Field(default=False, description="torch.compile the encoder; needs a C++ compiler at run time")


class PretrainSettings(Part):
    """Everything that decides one pre-training, but for the data and the seed."""

    encoder: EncoderSettings = EncoderSettings()
    features: FeatureSettings = FeatureSettings()
    views: ViewSettings = ViewSettings()
    contrast: ContrastSettings = ContrastSettings()
    optimiser: OptimiserSettings = OptimiserSettings()


class SvmSettings(Part):
    """SVM on frozen z: RBF kernel, gamma = 1 / (D var z), C by inner cross-validation (GraphCL's evaluation)."""

    c_values: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (
        1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3,
    )  # fmt: skip
    folds: Annotated[int, Field(ge=2)] = Field(default=10, description="outer folds, stratified")
    inner_folds: Annotated[int, Field(ge=2)] = Field(default=5, description="inner folds of the search for C")


Model = TypeVar("Model", bound=Part)


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
        raise UserError(f"{where}: {key or 'content'} = {first.get('input')!r}: {first['msg']}.") from None


def _keys(model: type[pydantic.BaseModel], path: list[str]) -> list[str]:
    """The keys that the part of `model` at `path` knows."""
    for name in path:
        field = model.model_fields.get(name)
        below = field.annotation if field else None
        if not (isinstance(below, type) and issubclass(below, pydantic.BaseModel)):
            return []
        model = below
    return list(model.model_fields)


class DataSettings(Part):
    """Where data sets come from."""

    mirror: str | None = Field(default=None, description="folder tried before the public address, as KANREPRO_MIRROR")
    catalog: tuple[str, ...] = Field(
        default=(), description="own catalogue files beside the built-in one (docs/own-data.md)"
    )


class ReportSettings(Part):
    """How measured and printed numbers are compared."""

    margin: Annotated[float, Field(gt=0)] = Field(default=1.0, description="equivalence margin, percentage points")
    records: Literal["make", "existing"] = Field(
        default="make", description="existing: of the records that are there, without training"
    )


class TuSettings(Part):
    """Unsupervised learning on graph sets in TU format: tables 2 to 4, figure 4."""

    datasets: tuple[str, ...] = Field(default=(), description="names in the catalogue")
    methods: tuple[str, ...] = Field(default=tuple(METHODS), description="variants of the ablation")
    controls: tuple[str, ...] = Field(default=tuple(CONTROLS), description="rows that a number must beat, or sit at")
    readings: dict[str, dict[str, Any]] = Field(
        default={name: {} for name in READINGS},
        description="changes to readings, or new ones; null drops one",
    )
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = Field(default=(0, 1, 2, 3, 4), description="runs (5: E.2)")
    pretrain: PretrainSettings = PretrainSettings()
    svm: SvmSettings = SvmSettings()

    @pydantic.field_validator("readings", mode="before")
    @classmethod
    def _over_the_built_in(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        named = {**{name: {} for name in READINGS}, **value}
        return {name: changes for name, changes in named.items() if changes is not None}

    @pydantic.field_validator("methods", "controls")
    @classmethod
    def _known(cls, value: tuple[str, ...], info: pydantic.ValidationInfo) -> tuple[str, ...]:
        known = METHODS if info.field_name == "methods" else CONTROLS
        for name in value:
            if name not in known:
                raise ValueError(str(unknown(str(info.field_name)[:-1], name, known)))
        return value

    @pydantic.field_validator("datasets", "methods", "controls", "seeds")
    @classmethod
    def _once(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        twice = [v for v in value if value.count(v) > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} stands there twice")
        return value

    def pretrain_settings(self, method: str, reading: str) -> PretrainSettings:
        """The settings of one pre-training: base, built-in reading, the user's changes to it, method.

        Raises:
            UserError: a reading changes a key that does not exist, or to an impossible value.
        """
        changes = merged(READINGS.get(reading, {}), self.readings[reading])
        made = settings_of(self.pretrain.model_dump(mode="json"), changes, method)
        return validate(PretrainSettings, made, f"tu.readings.{reading}")


class Settings(Part):
    """Everything that config.yaml and the presets can say."""

    preset: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")] = Field(
        default="demo", description="names results/<preset>"
    )
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N, for every training job")
    threads: Positive = Field(default=1, description="CPU threads of a training or evaluation job")
    data: DataSettings = DataSettings()
    tu: TuSettings = TuSettings()
    report: ReportSettings = ReportSettings()

    @property
    def gpu(self) -> int:
        """GPUs that a training job asks for: 0 where the settings say cpu."""
        return 0 if self.device == "cpu" else 1


def resolve(config: Mapping[str, Any], presets: Path) -> Settings:
    """The settings of a workflow: the preset that `config` names, changed by the other keys of `config`.

    Raises:
        UserError: no such preset, or a key or value at fault in the preset or in `config`.
    """
    name = str(config.get("preset", "demo"))
    known = {path.stem: path for path in presets.glob("*.yaml")}
    if name not in known:
        raise unknown("preset", name, known)
    try:
        preset = yaml.safe_load(known[name].read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{known[name]} cannot be read: {' '.join(str(error).split())}.") from None
    validate(Settings, preset, str(known[name]))
    settings = validate(Settings, merged(preset, config), "config")
    for reading in settings.tu.readings:
        for method in settings.tu.methods:
            settings.tu.pretrain_settings(method, reading)
    return settings


def main(argv: list[str] | None = None) -> None:
    """Print the JSON schema of the settings, or check a configuration file."""
    parser = argparse.ArgumentParser(prog="python -m kanrepro.settings", description=main.__doc__)
    parser.add_argument("--schema", action="store_true", help="print the JSON schema")
    parser.add_argument("--check", type=Path, metavar="FILE", help="resolve a configuration and print it in full")
    arguments = parser.parse_args(argv)
    if arguments.schema:
        print(json.dumps(Settings.model_json_schema(), indent=1))
    elif arguments.check:
        try:
            content = yaml.safe_load(arguments.check.read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise UserError(f"{arguments.check} cannot be read: {' '.join(str(error).split())}.") from None
        presets = Path(__file__).resolve().parents[1] / "presets"
        print(json.dumps(resolve(content, presets).model_dump(mode="json"), indent=1))
    else:
        parser.print_help()


if __name__ == "__main__":
    cli(main)
