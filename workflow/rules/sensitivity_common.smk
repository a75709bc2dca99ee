"""The parameter space of Figure 5: the points around Khan-GCL's default, and the files of the runs there."""

import pandas
from snakemake.utils import Paramspace

from kanrepro.core.errors import unknown
from kanrepro.studies.sensitivity_settings import METHOD, PARAMETERS, moved, point_of

try:
    for name in SETTINGS.sensitivity.datasets:
        catalog.entry(name, SETTINGS.data.catalog)
    for name in SETTINGS.sensitivity.transfer:
        molecule_catalog.entry(name, SETTINGS.data.molecule_catalog)
    for name in SETTINGS.sensitivity.readings:
        known = {**methods.READINGS, **SETTINGS.tu.readings, **SETTINGS.molecules.readings}
        if name not in known:
            raise unknown("reading in sensitivity.readings:", name, known)
except UserError as error:
    raise WorkflowError(str(error)) from None

# of what is asked for, what is trained at all
WATCHED_SETS = [d for d in SETTINGS.sensitivity.datasets if d in ENTRIES and METHOD in SETTINGS.tu.methods]
WATCHED_MOLECULES = [
    d
    for d in SETTINGS.sensitivity.transfer
    if d in SETTINGS.molecules.datasets and METHOD in SETTINGS.molecules.methods
]
TUNING_SEEDS = SETTINGS.sensitivity.seeds_of(SETTINGS.molecules.seeds)


def points(family):
    """(reading, point, whether it is the default) of all trainings of a family of graphs, `tu` or `molecules`."""
    given = getattr(SETTINGS, family)
    return [
        (reading, point, i == 0)
        for reading in SETTINGS.sensitivity.readings
        if reading in given.readings
        for i, point in enumerate(SETTINGS.sensitivity.points(point_of(given.pretrain_settings(METHOD, reading))))
    ]


# one folder a point: epsilon_delta-0.15_epsilon_rho-0.075_sigma_delta-0.05_sigma_rho-0.05
SPACE = Paramspace(
    pandas.DataFrame(
        sorted({point for family in ("tu", "molecules") for _, point, _ in points(family)}),
        columns=PARAMETERS,
        dtype=float,
    ),
    filename_params="*",
    param_sep="-",
)
POINT = SPACE.wildcard_pattern
MOVED = f"{{dataset}}/{{method}}/{{reading}}/{POINT}"
MOVED_RECORDS = f"{RESULTS}/records/sensitivity/"
MOVED_RUN = f"{RESULTS}/runs/sensitivity/tu/{MOVED}/{{seed}}"
MOVED_RECORD = f"{MOVED_RECORDS}tu/{MOVED}/{{seed}}.json"
MOVED_MOLECULE_RUN = f"{RESULTS}/runs/sensitivity/molecules/{MOVED}/{{seed}}"
MOVED_TRANSFER_RECORD = f"{MOVED_RECORDS}transfer/{MOVED}/{{seed}}.json"
MOVED_TRANSFER_STATES = f"{RESULTS}/runs/sensitivity/transfer/{MOVED}"


wildcard_constraints:
    **{name: r"\d[\d.e-]*" for name in PARAMETERS},


def moved_records(pattern, default, family, datasets, seeds):
    """The wanted records at all points; those of the default are those of the tables, which nothing trains twice."""
    return wanted(
        (default if unmoved else pattern).format(
            dataset=dataset, method=METHOD, reading=reading, seed=seed, **dict(zip(PARAMETERS, point))
        )
        for dataset in datasets
        for reading, point, unmoved in points(family)
        for seed in seeds
    )


def moved_settings(wildcards, family):
    """The settings of a pre-training at the point that its folder names."""
    made = getattr(SETTINGS, family).pretrain_settings(wildcards.method, wildcards.reading)
    return as_json(moved(made, SPACE.instance(wildcards)))


FIGURE5 = [*figure_files("figure5"), f"{RESULTS}/figures/figure5.csv"]
WATCHED = moved_records(MOVED_RECORD, RECORD, "tu", WATCHED_SETS, SETTINGS.sensitivity.seeds_of(SETTINGS.tu.seeds))
WATCHED_TRANSFER = moved_records(MOVED_TRANSFER_RECORD, TRANSFER_RECORD, "molecules", WATCHED_MOLECULES, TUNING_SEEDS)


def moved_encoder(wildcards):
    """The encoder that all fine-tunings at a point begin with."""
    place = {**wildcards, "dataset": SETTINGS.molecules.pretrain_set, "seed": SETTINGS.molecules.pretrain_seed}
    return f"{MOVED_MOLECULE_RUN}/encoder.safetensors".format(**place)
