"""Typed settings: the one source of truth for every key, its type, range, default, unit and origin.

The models below yield the JSON schema (`python -m kanrepro.settings --schema`) and refuse, before any job, an unknown
key, a wrong type or an impossible value, naming the key, the value and the nearest valid one.
"""

from typing import Annotated, Any, Literal, TypeVar

import pydantic
from pydantic import Field

from kanrepro.errors import UserError, unknown

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Scale = Annotated[float, Field(ge=0)]


class Part(pydantic.BaseModel):
    """A group of keys; unknown ones are refused."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class KanSettings(Part):
    """KAN layers (Khan-GCL section 3, appendix F.1)."""

    grid: Positive = Field(5, description="intervals of the grid (F.1)")
    order: Annotated[int, Field(ge=1, le=5)] = Field(3, description="spline degree; 3 = cubic (F.1)")
    range: tuple[float, float] = Field((-1.0, 1.0), description="interval that the grid covers; unstated, set by the reading")
    base: bool = Field(True, description="SiLU branch of the original KAN; unstated")
    coefficient_scale: Scale = Field(0.1, description="std of initial coefficients times sqrt(inputs); unstated")

    @pydantic.field_validator("range")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] >= value[1]:
            raise ValueError("the lower end must be below the upper end")
        return value


class EncoderSettings(Part):
    """GIN (table 5)."""

    network: Literal["mlp", "kan"] = Field("kan", description="what updates a node; set by the method")
    hidden: Positive = Field(32, description="width of every layer (table 5)")
    layers: Positive = Field(3, description="number of layers (table 5)")
    readout: Literal["sum", "mean"] = Field("sum", description="over the nodes of a graph (table 5)")
    join: Literal["concat", "last"] = Field("concat", description="z from all layers or the last; GraphCL concatenates on TU")
    normalise_input: bool = Field(False, description="batch norm before each KAN; set by the reading")
    kan: KanSettings = KanSettings()


class FeatureSettings(Part):
    """Node features of TU sets."""

    unlabelled: Literal["constant", "degree"] = Field("constant", description="sets without labels; set by the reading")
    degree_cap: Positive = Field(64, description="larger degrees count as this one; unstated")
    self_loops: bool = Field(False, description="GraphCL's habit: on all nodes but a graph's last, in untouched graphs")


ViewKind = Literal["drop_nodes", "perturb_edges", "mask_attributes", "subgraph"]


class ViewSettings(Part):
    """Augmentations (GraphCL's four kinds at its ratios)."""

    kinds: Annotated[tuple[ViewKind, ...], Field(min_length=1)] = Field(
        ("drop_nodes", "subgraph", "perturb_edges", "mask_attributes"), description="drawn uniformly for each graph"
    )
    drop_ratio: Share = Field(0.1, description="share of nodes dropped")
    edge_ratio: Share = Field(0.1, description="share of edges dropped, and as many added")
    mask_ratio: Share = Field(0.1, description="share of nodes masked")
    subgraph_ratio: Share = Field(0.2, description="share of nodes kept, plus one node")
    subgraph_hops: Positive | None = Field(None, description="reach of the subgraph; null: unbounded, 1: GraphCL's code")
    add_edges: bool = Field(True, description="false: edges are only dropped, as in GraphCL's code")
    directed_edges: bool = Field(False, description="true: each direction is an edge, as in GraphCL's code")
    first_view: Literal["augmented", "original"] = Field("augmented", description="original: GraphCL's code")


class NegativeSettings(Part):
    """Hard negatives (eq. 9, appendix E.2, F.3)."""

    perturbations: tuple[Literal["delta", "rho", "random"], ...] = Field((), description="set by the method")
    epsilon_delta: Scale = Field(0.075, description="F.3")
    sigma_delta: Scale = Field(0.05, description="F.3")
    epsilon_rho: Scale = Field(0.075, description="F.3")
    sigma_rho: Scale = Field(0.05, description="F.3")
    epsilon_random: Scale = Field(0.075, description="unstated; as the others")
    sigma_random: Scale = Field(0.05, description="unstated; as the others")
    scale: Literal["raw", "relative"] = Field("raw", description="of the scores; set by the reading")
    shared_alpha: bool = Field(False, description="one sign for both perturbations (Algorithm 3) or one each (eq. 9)")
    ranks: tuple[Positive, Positive, Positive] | None = Field(None, description="multilinear ranks; null: full (slow if set)")


class ContrastSettings(Part):
    """Losses and projection head (eq. 1, 11, 12; table 5; F.3)."""

    loss: Literal["nt_xent", "one_way"] = Field("nt_xent", description="eq. 1, or GraphCL's own")
    temperature: Annotated[float, Field(gt=0)] = Field(0.2, description="tau (F.3)")
    head: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field((32, 32), description="widths (table 5)")
    negatives: NegativeSettings = NegativeSettings()


class OptimiserSettings(Part):
    """Adam (F.3)."""

    epochs: Annotated[int, Field(ge=0)] = Field(60, description="F.3; 0: the untrained encoder")
    learning_rate: Annotated[float, Field(gt=0)] = Field(1e-4, description="F.3")
    batch_size: Annotated[int, Field(ge=2)] = Field(128, description="graphs; unstated, GraphCL's")
    shuffle: Literal["each_epoch", "once"] = Field("each_epoch", description="once: GraphCL's code")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="of matrix products; bfloat16: mixed precision")
    compile: bool = Field(False, description="torch.compile the encoder; needs a C++ compiler at run time")


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
    folds: Annotated[int, Field(ge=2)] = Field(10, description="outer folds, stratified")
    inner_folds: Annotated[int, Field(ge=2)] = Field(5, description="inner folds of the search for C")



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
            raise unknown(f"key in {where}", key, [".".join([*path[:-1], k]) for k in _keys(model, path[:-1])]) from None
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
