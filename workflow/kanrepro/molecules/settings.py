"""Typed settings of transfer learning on molecules: what is pre-trained, on what, and how it is fine-tuned."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from kanrepro.core.errors import unknown
from kanrepro.core.parts import Part, Positive, merged, validate
from kanrepro.methods.variants import BASELINES, CONTROLS, METHODS, MOLECULE_READINGS, readings_of, settings_of
from kanrepro.molecules.finetune_settings import FinetuneSettings, FingerprintSettings, MeasureSettings
from kanrepro.pretraining.families import MoleculePretrainSettings
from kanrepro.pretraining.settings import PretrainSettings

# the last one needs no pre-training: circular fingerprints and a model of scikit-learn
MOLECULE_CONTROLS = ("calibrated_mlp", "calibrated_kan", "untrained_mlp", "untrained_kan", "fingerprint")
assert {*MOLECULE_CONTROLS} - {"fingerprint"} <= CONTROLS.keys()


class MoleculeSettings(Part):
    """Transfer learning on molecules: tables 1 and 6."""

    pretrain_set: str | None = Field(default=None, description="set to pre-train on, a name in the molecule catalogue")
    limit: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="at most so many of its molecules, drawn once; null: all"
    )
    datasets: tuple[str, ...] = Field(default=(), description="sets to fine-tune on, names in the molecule catalogue")
    methods: tuple[str, ...] = Field(
        default=(*METHODS, *BASELINES), description="variants of the ablation, and other ways to pre-train"
    )
    controls: tuple[str, ...] = Field(default=MOLECULE_CONTROLS, description="rows without pre-training")
    readings: dict[str, dict[str, Any]] = Field(
        default={name: {} for name in MOLECULE_READINGS},
        description="changes to readings, or new ones; null drops one",
    )
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = Field(
        default=tuple(range(10)), description="fine-tunings (10: section 5.1)"
    )
    pretrain_seed: Annotated[int, Field(ge=0)] = Field(
        default=0, description="one pre-training serves all fine-tunings, as in GraphCL"
    )
    split: Literal["scaffold", "scaffold-stable", "random-scaffold"] = Field(
        default="scaffold", description="how sets are divided (docs/molecules.md); F.2: scaffold"
    )
    processes: Positive = Field(default=1, description="GPUs of one pre-training, each with a process of its own")
    pretrain: MoleculePretrainSettings = MoleculePretrainSettings()
    finetune: FinetuneSettings = FinetuneSettings()
    fingerprint: FingerprintSettings = FingerprintSettings()
    measure: MeasureSettings = MeasureSettings()

    @pydantic.field_validator("readings", mode="before")
    @classmethod
    def _over_the_built_in(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        named = {**{name: {} for name in MOLECULE_READINGS}, **value}
        return {name: changes for name, changes in named.items() if changes is not None}

    @pydantic.field_validator("methods", "controls")
    @classmethod
    def _known(cls, value: tuple[str, ...], info: pydantic.ValidationInfo) -> tuple[str, ...]:
        known = [*METHODS, *BASELINES] if info.field_name == "methods" else MOLECULE_CONTROLS
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

    @pydantic.model_validator(mode="after")
    def _pretrained_on_something(self) -> "MoleculeSettings":
        if self.datasets and not self.pretrain_set:
            raise ValueError("datasets are named to fine-tune on, but no pretrain_set to pre-train on")
        return self

    @property
    def sets(self) -> tuple[str, ...]:
        """All sets that are prepared, the one to pre-train on first."""
        return (*([self.pretrain_set] if self.pretrain_set else []), *self.datasets)

    def readings_of(self, method: str) -> list[str]:
        """The readings in which a method or control is run; `own` is that of GraphCL, fingerprints have none."""
        if method == "fingerprint":
            return ["none"]
        found = readings_of(method, list(self.readings), labelled=True)
        return [reading for reading in found if reading != "own" or method == "graphcl"]

    def seed_of(self, method: str, seed: int) -> int:
        """The seed of the encoder that fine-tuning `seed` begins with: without training each has one of its own."""
        return seed if method in CONTROLS else self.pretrain_seed

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
        changes = merged(MOLECULE_READINGS.get(reading, {}), self.readings[reading])
        made = settings_of(self.pretrain.model_dump(mode="json"), changes, method)
        return validate(MoleculePretrainSettings, made, f"molecules.readings.{reading}")
