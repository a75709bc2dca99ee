"""Typed settings of the experiments on graphs: encoders, views, contrast, training, evaluation."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from kanrepro.errors import unknown
from kanrepro.methods import CONTROLS, METHODS, READINGS, merged, settings_of
from kanrepro.parts import Part, Positive, Scale, Share, validate


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

    family: Literal["tu", "molecule", "superpixel"] = Field(
        default="tu", description="what the graphs are; decides the form of GIN"
    )
    network: Literal["mlp", "kan"] = Field(default="kan", description="what updates a node; set by the method")
    hidden: Positive = Field(default=32, description="width of every layer (table 5)")
    layers: Positive = Field(default=3, description="number of layers (table 5)")
    readout: Literal["sum", "mean"] = Field(default="sum", description="over the nodes of a graph (table 5)")
    join: Literal["concat", "last", "sum"] = Field(
        default="concat", description="z from all layers or the last; GraphCL concatenates on TU, sums on superpixels"
    )
    normalise_input: bool = Field(default=False, description="batch norm before each KAN; set by the reading")
    dropout: Share = Field(default=0.0, description="after every layer, of molecules alone; GraphCL pre-trains without")
    kan: KanSettings = KanSettings()

    @pydantic.model_validator(mode="after")
    def _joined(self) -> "EncoderSettings":
        if (self.join == "sum") != (self.family == "superpixel"):
            raise ValueError("z is the 'sum' over all layers for the family 'superpixel', and for it alone")
        return self


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


class MaskingSettings(Part):
    """Attribute masking (Hu et al., 2020): the types of masked atoms are told from the others."""

    ratio: Share = Field(default=0.15, description="share of atoms masked, plus one atom")


class OptimiserSettings(Part):
    """Adam (F.3)."""

    epochs: Annotated[int, Field(ge=0)] = Field(default=60, description="F.3; 0: the untrained encoder")
    learning_rate: Annotated[float, Field(gt=0)] = Field(default=1e-4, description="F.3")
    batch_size: Annotated[int, Field(ge=2)] = Field(default=128, description="graphs; unstated, GraphCL's")
    shuffle: Literal["each_epoch", "once"] = Field(default="each_epoch", description="once: GraphCL's code")
    precision: Literal["float32", "tensorfloat32", "bfloat16"] = Field(
        default="float32", description="of a GPU's matrix products; bfloat16: mixed precision"
    )
    compile: bool = Field(default=False, description="torch.compile the encoder; needs a C++ compiler at run time")
    accumulate: Positive = Field(
        default=1, description="parts that a view is encoded in; the loss sees all, memory holds one"
    )
    residence: Literal["auto", "device", "host"] = Field(
        default="auto", description="where the graphs lie: with the model, or streamed to it; auto: with it if they fit"
    )


class PretrainSettings(Part):
    """Everything that decides one pre-training, but for the data and the seed."""

    objective: Literal["contrast", "attr_masking", "infograph"] = Field(
        default="contrast", description="what is learned; set by the method"
    )
    encoder: EncoderSettings = EncoderSettings()
    features: FeatureSettings = FeatureSettings()
    views: ViewSettings = ViewSettings()
    contrast: ContrastSettings = ContrastSettings()
    masking: MaskingSettings = MaskingSettings()
    optimiser: OptimiserSettings = OptimiserSettings()


class SvmSettings(Part):
    """SVM on frozen z: RBF kernel, gamma = 1 / (D var z), C by inner cross-validation (GraphCL's evaluation)."""

    c_values: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (
        1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3,
    )  # fmt: skip
    folds: Annotated[int, Field(ge=2)] = Field(default=10, description="outer folds, stratified")
    inner_folds: Annotated[int, Field(ge=2)] = Field(default=5, description="inner folds of the search for C")


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
