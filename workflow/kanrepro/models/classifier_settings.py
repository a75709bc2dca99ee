"""Settings of image classifiers: backbone, head, equilibrium."""

from typing import Annotated, Literal

from pydantic import Field

from kanrepro.core.parts import Interval, Part, Positive


class BasisSettings(Part):
    """Basis of a KAN layer (DEQ-KAN's code: 10 Gaussians of unit width on [-3, 3])."""

    kind: Literal["gaussian", "bspline"] = Field(default="gaussian", description="Gaussians (its code) or B-splines")
    knots: Annotated[int, Field(ge=2)] = Field(default=10, description="K, functions on an edge (its code)")
    range: Interval = Field(default=(-3.0, 3.0), description="first and last knot (its code)")
    width: Annotated[float, Field(gt=0)] = Field(default=1.0, description="standard deviation of a Gaussian (its code)")
    coefficient_scale: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="std of initial coefficients; null: Xavier (the README); 0.01: its code"
    )


class SolverSettings(Part):
    """Fixed-point solver of the equilibrium."""

    kind: Literal["anderson", "broyden", "damped"] = Field(default="anderson", description="unstated")
    tolerance: Annotated[float, Field(gt=0)] = Field(
        default=1e-4, description="residual norm over norm of F(z) (its code: 1e-4, absolute)"
    )
    max_steps: Positive = Field(default=50, description="evaluations of the map; its code: 25")
    damping: Annotated[float, Field(gt=0, le=1)] = Field(default=1.0, description="alpha; its code 0.1, README 0.5")
    memory: Positive = Field(default=5, description="iterates that Anderson and Broyden look back on")
    gradient: Literal["implicit", "one_step"] = Field(
        default="implicit", description="implicit function theorem, or its first term alone"
    )


class HeadSettings(Part):
    """What stands between u = Linear(CNN(image)) and the classifier; set by the model."""

    kind: Literal["none", "feedforward", "unrolled", "equilibrium"] = Field(
        default="equilibrium", description="set by the model"
    )
    core: Literal["kan", "mlp"] = Field(default="kan", description="what the map is made of; set by the model")
    form: Literal["shipped", "repaired", "certified"] = Field(
        default="repaired", description="of the map; set by the model"
    )
    hidden: Positive = Field(default=128, description="width of u and z (its code)")
    mlp_hidden: Positive | None = Field(
        default=None, description="width inside an MLP core; null: as many parameters as the KAN core"
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.2, description="on the inputs of each KAN layer (its code)"
    )
    steps: Positive = Field(default=10, description="iterations of an unrolled map")
    contraction: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.9, description="Lipschitz constant that the certified form is scaled to"
    )
    basis: BasisSettings = BasisSettings()
    solver: SolverSettings = SolverSettings()


class BackboneSettings(Part):
    """CNN (DEQ-KAN's code: residual, 7x7/2 then five blocks) or Vision Transformer."""

    kind: Literal["cnn", "vit"] = Field(default="cnn", description="set by the model")
    channels: Positive = Field(
        default=32, description="of the CNN's first layer; the last has four times as many (its code: 32)"
    )
    patches: Positive = Field(default=8, description="of the ViT: patches along an edge of the image")
    width: Positive = Field(default=64, description="of the ViT; unstated, chosen for a like number of parameters")
    depth: Positive = Field(default=4, description="of the ViT, blocks")
    heads: Positive = Field(default=4, description="of the ViT")


class ModelSettings(Part):
    """One classifier."""

    backbone: BackboneSettings = BackboneSettings()
    head: HeadSettings = HeadSettings()
