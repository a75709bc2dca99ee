"""The jobs of studies across families: what is looked into, and Khan-GCL at the points around its default."""

from collections.abc import Iterable, Sequence
from typing import Any

from kanrepro.core.errors import unknown
from kanrepro.core.jobs import Wildcards, as_json
from kanrepro.methods import readings
from kanrepro.molecules import catalog as molecules
from kanrepro.molecules.jobs import Jobs as MoleculeJobs
from kanrepro.studies.analysis_settings import AnalysisSettings
from kanrepro.studies.sensitivity_settings import (
    METHOD,
    PARAMETERS,
    Point,
    SensitivitySettings,
    moved,
    point_of,
)
from kanrepro.tu import catalog as tu
from kanrepro.tu.jobs import Jobs as TuJobs


class Analysis:
    """What is looked into of encoders that Khan-GCL trained on TU sets: of what is asked for, what is trained at all.

    Raises:
        UserError: a data set or a reading that is not known.
    """

    def __init__(self, settings: AnalysisSettings, trained: TuJobs, catalogs: Sequence[str]) -> None:
        self.settings, self.trained = settings, trained
        for name in settings.datasets:
            tu.entry(name, catalogs)
        _check_readings(settings.readings, "analysis", trained)
        records = f"{trained.place.results}/records"
        self.splines = f"{records}/splines/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"
        self.criticality = f"{records}/criticality/{{dataset}}/{{method}}-{{reading}}-{{seed}}.json"

    def documents(self, pattern: str, seeds: Iterable[int]) -> list[str]:
        """The wanted documents of a kind about encoders of these seeds."""
        return self.trained.place.wanted(
            pattern.format(dataset=dataset, method=METHOD, reading=reading, seed=seed)
            for dataset in self.settings.datasets
            for reading in self.settings.readings
            for seed in seeds
            if dataset in self.trained.entries
            and reading in self.trained.settings.readings
            and METHOD in self.trained.settings.methods
        )

    def figures(self) -> dict[str, list[str]]:
        """The documents that each figure is drawn from."""
        return {
            "figure2b": self.documents(self.splines, self.settings.seeds[:1]),
            "ckfi": self.documents(self.criticality, self.settings.seeds),
        }


class Sensitivity:
    """The space of Figure 5: one folder a point, epsilon_delta-0.15_epsilon_rho-0.075_sigma_delta-0.05_sigma_rho-0.05.

    Raises:
        UserError: a data set or a reading that is not known.
    """

    def __init__(
        self,
        settings: SensitivitySettings,
        trained: TuJobs,
        transferred: MoleculeJobs,
        catalogs: Sequence[str],
        molecule_catalogs: Sequence[str],
    ) -> None:
        self.settings, self.trained, self.transferred = settings, trained, transferred
        for name in settings.datasets:
            tu.entry(name, catalogs)
        for name in settings.transfer:
            molecules.entry(name, molecule_catalogs)
        _check_readings(settings.readings, "sensitivity", trained, transferred)
        # of what is asked for, what is trained at all
        self.datasets = self._trained_sets(settings.datasets, trained)
        self.transfer = self._trained_sets(settings.transfer, transferred)
        self.seeds = settings.seeds_of(transferred.settings.seeds)  # of fine-tunings
        self.point = "{dataset}/{method}/{reading}/" + "_".join(f"{name}-{{{name}}}" for name in PARAMETERS)
        results = trained.place.results
        self.moved = f"{results}/records/sensitivity/"
        self.record = f"{self.moved}tu/{self.point}/{{seed}}.json"
        self.transfer_record = f"{self.moved}transfer/{self.point}/{{seed}}.json"
        self.run = f"{results}/runs/sensitivity/tu/{self.point}/{{seed}}"
        self.molecule_run = f"{results}/runs/sensitivity/molecules/{self.point}/{{seed}}"
        self.states = f"{results}/runs/sensitivity/transfer/{self.point}"
        # those of the default are those of the tables, which nothing trains twice
        seeds = settings.seeds_of(trained.settings.seeds)
        self.watched = self._records(trained, self.record, self.datasets, seeds)
        self.watched_transfer = self._records(transferred, self.transfer_record, self.transfer, self.seeds)
        self.others = trained.place.beside(("sensitivity",), [*self.watched, *self.watched_transfer])
        # the runs beside the default; without one nothing was varied
        self.beside = [path for path in self.watched + self.watched_transfer if self.moved in path]
        self.figure = [*trained.place.figure_files("figure5"), f"{results}/figures/figure5.csv"]

    @staticmethod
    def _trained_sets(names: Iterable[str], jobs: TuJobs | MoleculeJobs) -> list[str]:
        return [n for n in names if n in jobs.settings.datasets and METHOD in jobs.settings.methods]

    def _records(
        self, jobs: TuJobs | MoleculeJobs, beside: str, datasets: Iterable[str], seeds: Iterable[int]
    ) -> list[str]:
        return jobs.place.wanted(
            (jobs.record if default else beside).format(
                dataset=dataset, method=METHOD, reading=reading, seed=seed, **dict(zip(PARAMETERS, point, strict=True))
            )
            for dataset in datasets
            for reading, point, default in self._points(jobs)
            for seed in seeds
        )

    def _points(self, jobs: TuJobs | MoleculeJobs) -> list[tuple[str, Point, bool]]:
        """(reading, point, whether it is the default) of all trainings of a family."""
        return [
            (reading, point, i == 0)
            for reading in self.settings.readings
            if reading in jobs.settings.readings
            for i, point in enumerate(self.settings.points(point_of(jobs.settings.pretrain_settings(METHOD, reading))))
        ]

    def settings_of(self, wildcards: Wildcards, jobs: TuJobs | MoleculeJobs) -> str:
        """The settings of a pre-training at the point that its folder names, as JSON."""
        made = jobs.settings.pretrain_settings(wildcards.method, wildcards.reading)
        return as_json(moved(made, {name: float(getattr(wildcards, name)) for name in PARAMETERS}))

    def encoder(self, wildcards: Any) -> str:
        """The encoder that all fine-tunings at a point begin with."""
        settings = self.transferred.settings
        place = {**wildcards, "dataset": settings.pretrain_set, "seed": settings.pretrain_seed}
        return f"{self.molecule_run}/encoder.safetensors".format(**place)


def _check_readings(given: Iterable[str], part: str, *families: TuJobs | MoleculeJobs) -> None:
    known = [*readings.names("tu"), *(name for jobs in families for name in jobs.settings.readings)]
    for name in given:
        if name not in known:
            raise unknown(f"reading in {part}.readings:", name, known)
