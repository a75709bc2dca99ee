"""Typed settings of the experiments on TU sets: methods, controls, readings, evaluation."""

from typing import Annotated, Any

from pydantic import Field, SerializeAsAny

from kanrepro.core.parts import Part
from kanrepro.methods.folder import usual
from kanrepro.methods.readings import usual as usual_readings
from kanrepro.pretraining.choice import MethodChoice
from kanrepro.pretraining.settings import PretrainSettings, with_all_keys

TuPretrainSettings = with_all_keys(PretrainSettings)


class SvmSettings(Part):
    """SVM on frozen z: RBF kernel, gamma = 1 / (D var z), C by inner cross-validation (GraphCL's evaluation)."""

    c_values: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (
        1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3,
    )  # fmt: skip
    folds: Annotated[int, Field(ge=2)] = Field(default=10, description="outer folds, stratified")
    inner_folds: Annotated[int, Field(ge=2)] = Field(default=5, description="inner folds of the search for C")


class TuSettings(MethodChoice):
    """Unsupervised learning on graph sets in TU format: tables 2 to 4, figure 4."""

    section, family, shared = "tu", "tu", PretrainSettings

    datasets: tuple[str, ...] = Field(default=(), description="names in the catalogue")
    methods: tuple[str, ...] = Field(default=usual("tu", "variant", "method"), description="variants of the ablation")
    controls: tuple[str, ...] = Field(
        default=usual("tu", "control"), description="rows that a number must beat, or sit at"
    )
    readings: dict[str, dict[str, Any]] = Field(
        default={name: {} for name in usual_readings("tu")},
        description="changes to readings, or new ones, `like` one that there is; null drops one; those of Khan-GCL's "
        "code, `released` and "
        "`released_seeded`, are run where they are named",
    )
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = Field(default=(0, 1, 2, 3, 4), description="runs (5: E.2)")
    pretrain: SerializeAsAny[TuPretrainSettings] = TuPretrainSettings()  # pyright: ignore[reportInvalidTypeForm]
    svm: SvmSettings = SvmSettings()
