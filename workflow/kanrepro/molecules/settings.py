"""Typed settings of transfer learning on molecules: what is pre-trained, on what, and how it is fine-tuned."""

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field, SerializeAsAny

from kanrepro.core.parts import Positive
from kanrepro.methods.folder import of, usual
from kanrepro.methods.readings import names, readings_of
from kanrepro.molecules.finetune_settings import FinetuneSettings, FingerprintSettings, MeasureSettings
from kanrepro.pretraining.choice import MethodChoice
from kanrepro.pretraining.families import MoleculePretrainSettings
from kanrepro.pretraining.settings import with_all_keys

AllMoleculePretrainSettings = with_all_keys(MoleculePretrainSettings)
FINGERPRINT = "fingerprint"  # circular fingerprints and a model of scikit-learn


class MoleculeSettings(MethodChoice):
    """Transfer learning on molecules: tables 1 and 6."""

    section, family, shared = "molecules", "molecule", MoleculePretrainSettings
    not_pretrained = (FINGERPRINT,)

    pretrain_set: str | None = Field(default=None, description="set to pre-train on, a name in the molecule catalogue")
    limit: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="at most so many of its molecules, drawn once; null: all"
    )
    datasets: tuple[str, ...] = Field(default=(), description="sets to fine-tune on, names in the molecule catalogue")
    methods: tuple[str, ...] = Field(
        default=usual("molecule", "variant", "method"),
        description="variants of the ablation, and other ways to pre-train",
    )
    controls: tuple[str, ...] = Field(
        default=(*usual("molecule", "control"), FINGERPRINT), description="rows without pre-training"
    )
    readings: dict[str, dict[str, Any]] = Field(
        default={name: {} for name in names("molecule")},
        description="changes to readings, or new ones, `like` one that there is; null drops one",
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
    pretrain: SerializeAsAny[AllMoleculePretrainSettings] = AllMoleculePretrainSettings()  # pyright: ignore[reportInvalidTypeForm]
    finetune: FinetuneSettings = FinetuneSettings()
    fingerprint: FingerprintSettings = FingerprintSettings()
    measure: MeasureSettings = MeasureSettings()

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
        """The readings in which a method or control is run; fingerprints have none."""
        if method == FINGERPRINT:
            return ["none"]
        return readings_of(method, list(self.readings), labelled=True, family=self.family)

    def seed_of(self, method: str, seed: int) -> int:
        """The seed of the encoder that fine-tuning `seed` begins with: without training each has one of its own."""
        return seed if method in of("control") else self.pretrain_seed
