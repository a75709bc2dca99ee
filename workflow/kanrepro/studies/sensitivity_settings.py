"""Typed settings of Figure 5: at which points around its default Khan-GCL is trained again."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, TypeVar, get_args

import pydantic
from pydantic import Field

from kanrepro.core.parts import Part, merged, once, validate
from kanrepro.pretraining.settings import PretrainSettings

# of contrast.negatives, in the order of the panels (eq. 9)
Parameter = Literal["epsilon_delta", "epsilon_rho", "sigma_delta", "sigma_rho"]
PARAMETERS: tuple[Parameter, ...] = get_args(Parameter)
METHOD = "khan_gcl"  # whose parameters they are

Point = tuple[float, float, float, float]  # a value of each of PARAMETERS
# bounded, so that every value is a plain number in the name of a folder
Values = Annotated[tuple[Annotated[float, Field(ge=0, le=1000)], ...], Field(min_length=1)]
EPSILONS, SIGMAS = (0.0, 0.025, 0.075, 0.15, 0.3), (0.0, 0.025, 0.05, 0.1, 0.2)
Pretraining = TypeVar("Pretraining", bound=PretrainSettings)


class SensitivitySettings(Part):
    """Khan-GCL with other sizes of its perturbations, one varied at a time: figure 5."""

    datasets: tuple[str, ...] = Field(default=(), description="those of tu.datasets whose accuracy is watched")
    transfer: tuple[str, ...] = Field(
        default=(), description="those of molecules.datasets over which the ROC-AUC is averaged"
    )
    readings: tuple[str, ...] = Field(
        default=("literal", "repaired"), description="of tu.readings and molecules.readings"
    )
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] | None = Field(
        default=None, description="those of tu.seeds and molecules.seeds to run; null: all"
    )
    parameters: Annotated[tuple[Parameter, ...], Field(min_length=1)] = Field(
        default=PARAMETERS, description="those that are varied"
    )
    epsilon_delta: Values = Field(default=EPSILONS, description="values to run beside the default; unstated")
    epsilon_rho: Values = Field(default=EPSILONS, description="values to run beside the default; unstated")
    sigma_delta: Values = Field(default=SIGMAS, description="values to run beside the default; unstated")
    sigma_rho: Values = Field(default=SIGMAS, description="values to run beside the default; unstated")

    _once = pydantic.field_validator("datasets", "transfer", "readings", "seeds", "parameters", *PARAMETERS)(once)

    def points(self, default: Point) -> list[Point]:
        """The default, then the points that differ from it in one parameter, in the order of the settings."""
        return [default, *(p for i in range(len(PARAMETERS)) for p in self._along(default, i) if p != default)]

    def _along(self, default: Point, i: int) -> Iterable[Point]:
        """The points at all values of parameter `i`, none where it is not varied."""
        for value in getattr(self, PARAMETERS[i]) if PARAMETERS[i] in self.parameters else ():
            a, b, c, d = (value if j == i else default[j] for j in range(len(PARAMETERS)))
            yield a, b, c, d

    def seeds_of(self, seeds: Iterable[int]) -> list[int]:
        """Those of an experiment's seeds that are run."""
        return [seed for seed in seeds if self.seeds is None or seed in self.seeds]


def point_of(settings: PretrainSettings) -> Point:
    """Where a pre-training stands."""
    negatives = settings.contrast.negatives
    return negatives.epsilon_delta, negatives.epsilon_rho, negatives.sigma_delta, negatives.sigma_rho


def moved(settings: Pretraining, point: Mapping[str, float]) -> Pretraining:
    """The settings of a pre-training at another point, given by name."""
    changes = {"contrast": {"negatives": dict(point)}}
    return validate(type(settings), merged(settings.model_dump(mode="json"), changes), "sensitivity")
