"""Typed settings of the experiments on TU sets: methods, controls, readings, evaluation."""

from typing import Annotated, Any

import pydantic
from pydantic import Field

from kanrepro.core.errors import unknown
from kanrepro.core.parts import Part, merged, validate
from kanrepro.methods.variants import CONTROLS, METHODS, READINGS, settings_of
from kanrepro.pretraining.settings import PretrainSettings


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

    def check(self) -> None:
        """Make the settings of every pre-training. Raises UserError as `pretrain_settings`."""
        for reading in self.readings:
            for method in self.methods:
                self.pretrain_settings(method, reading)

    def pretrain_settings(self, method: str, reading: str) -> PretrainSettings:
        """The settings of one pre-training: base, built-in reading, the user's changes to it, method.

        Raises:
            UserError: a reading changes a key that does not exist, or to an impossible value.
        """
        changes = merged(READINGS.get(reading, {}), self.readings[reading])
        made = settings_of(self.pretrain.model_dump(mode="json"), changes, method)
        return validate(PretrainSettings, made, f"tu.readings.{reading}")
