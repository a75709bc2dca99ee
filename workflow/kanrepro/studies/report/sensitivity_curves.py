"""The curves of Figure 5: what is watched (a TU set, the average of transfer learning) while one parameter moves."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kanrepro.core.record import Record
from kanrepro.molecules.record import TransferRecord
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.report.results import Run
from kanrepro.report.statistics import Summary
from kanrepro.studies.report.sensitivity_results import Gathered, identity, read
from kanrepro.studies.sensitivity_settings import PARAMETERS, Point, point_of

AVERAGE = "AVG"  # the name of the average over the sets of transfer learning


@dataclass(frozen=True)
class Spot:
    """What was measured at one point: a score in percent for each seed, and the runs that made them."""

    point: Point
    scores: Mapping[int, float]
    runs: tuple[Run[Any], ...]

    @property
    def summary(self) -> Summary:
        return Summary.of(self.scores.values())


@dataclass(frozen=True)
class Target:
    """What is watched while a parameter moves.

    Attributes:
        name: a TU set, or AVG.
        sets: the TU set itself, or the sets that the average is over.
        centre: reading -> the default.
        spots: reading -> what was measured at each point.
        incomplete: how many points have no seed with all the sets, and so no score.
        demo: whether all the sets are stand-ins.
    """

    name: str
    sets: tuple[str, ...]
    centre: Mapping[str, Point]
    spots: Mapping[str, Mapping[Point, Spot]]
    incomplete: int = 0
    demo: bool = False

    @property
    def readings(self) -> list[str]:
        """Those that were run, in the order of tables."""
        first = [reading for reading in ("literal", "repaired") if reading in self.spots]
        return [*first, *sorted(set(self.spots) - set(first))]

    @property
    def parameters(self) -> list[str]:
        """Those that were varied in some reading."""
        return [
            name
            for name in PARAMETERS
            if any(spot.point != self.centre[r] for r in self.spots for spot in self.curve(r, name))
        ]

    def curve(self, reading: str, parameter: str) -> list[Spot]:
        """The spots along a parameter, the default among them where it was run, in the order of its values."""
        varied, centre = PARAMETERS.index(parameter), self.centre[reading]
        others = [i for i in range(len(PARAMETERS)) if i != varied]
        found = [spot for p, spot in self.spots[reading].items() if all(p[i] == centre[i] for i in others)]
        return sorted(found, key=lambda spot: spot.point[varied])

    @property
    def beside(self) -> int:
        """How many points lie on no curve: they differ from the default in more than one parameter."""
        return sum(
            sum(a != b for a, b in zip(point, self.centre[reading], strict=True)) > 1
            for reading, spots in self.spots.items()
            for point in spots
        )

    @property
    def unlike(self) -> list[str]:
        """What the runs of a reading do not share, beside seed and point: a curve then mixes things."""
        keys: set[str] = set()
        for spots in self.spots.values():
            runs: dict[str, dict[str, str]] = {}  # data set -> the first run's identity
            for run in (run for spot in spots.values() for run in spot.runs):
                own = identity(run.record)
                keys |= {key for key, _ in runs.setdefault(run.record.dataset, own).items() ^ own.items()}
        return sorted(keys)


def targets(
    records: Sequence[Path], transfer: Sequence[Path], preset: str, stand_ins: Collection[str], asked: Collection[str]
) -> list[Target]:
    """All that is watched: TU sets by name, then the average, if asked over those sets alone.

    Raises:
        UserError: as `read`.
    """
    default, around = read(records, Record, preset)
    names = sorted({name for name, _ in around})
    found: list[Target | None] = [target_of_set(name, default, around, name in stand_ins) for name in names]
    found.append(target_of_average(*read(transfer, TransferRecord, preset), asked))
    return [one for one in found if one]


def target_of_set(dataset: str, default: Gathered, around: Gathered, demo: bool = False) -> Target | None:
    """The curves of a TU set; None where nothing beside the default was run."""
    readings = [reading for name, reading in around if name == dataset]
    if not readings:
        return None
    spots = {
        reading: {
            point: Spot(point, {seed: run.score for seed, run in sorted(runs.items())}, _in_order(runs))
            for point, runs in _merged(default.get((dataset, reading), {}), around[dataset, reading]).items()
        }
        for reading in readings
    }
    centre = {reading: _centre(default.get((dataset, reading), {}), spots[reading]) for reading in readings}
    return Target(dataset, (dataset,), centre, spots, demo=demo)


def target_of_average(default: Gathered, around: Gathered, asked: Collection[str] = ()) -> Target | None:
    """The curves of the average over those sets of transfer learning that anything was varied on; None without one.

    The average of a seed is over the same sets at every point; a seed that lacks one of them does not count.
    """
    sets = tuple(sorted({name for name, _ in around if not asked or name in asked}))
    readings = sorted({reading for name, reading in around if name in sets})
    spots: dict[str, dict[Point, Spot]] = {}
    centre: dict[str, Point] = {}
    incomplete = 0
    for reading in readings:
        by_set = {name: _merged(default.get((name, reading), {}), around.get((name, reading), {})) for name in sets}
        points = {point for runs in by_set.values() for point in runs}
        spots[reading] = {}
        for point in sorted(points):
            runs = {name: by_set[name].get(point, {}) for name in sets}
            seeds = sorted(set.intersection(*(set(found) for found in runs.values())))
            if not seeds:
                incomplete += 1
                continue
            scores = {seed: Summary.of(runs[name][seed].score for name in sets).mean for seed in seeds}
            used = tuple(runs[name][seed] for name in sets for seed in seeds)
            spots[reading][point] = Spot(point, scores, used)
        first = next((default[name, reading] for name in sets if (name, reading) in default), {})
        centre[reading] = _centre(first, points)
    spots = {reading: found for reading, found in spots.items() if found}
    if not spots:
        return None
    records = [run.record for found in spots.values() for spot in found.values() for run in spot.runs]
    return Target(AVERAGE, sets, centre, spots, incomplete, all(record.demo for record in records))


def _merged(*parts: Mapping[Point, Mapping[int, Run[Any]]]) -> dict[Point, dict[int, Run[Any]]]:
    """Point -> seed -> run of all parts; where two have the same, the first."""
    found: dict[Point, dict[int, Run[Any]]] = {}
    for part in reversed(parts):
        for point, runs in part.items():
            found.setdefault(point, {}).update(runs)
    return found


def _in_order(runs: Mapping[int, Run[Any]]) -> tuple[Run[Any], ...]:
    return tuple(runs[seed] for seed in sorted(runs))


def _centre(default: Iterable[Point], points: Iterable[Point]) -> Point:
    """The default: where the tables' runs stand; without them, of each parameter the value that most points have.

    Where one parameter is varied at a time, most points have the default's value of it. Of equals the printed one
    counts.
    """
    for point in default:
        return point
    points, printed = list(points), point_of(PretrainSettings())
    values: list[float] = []
    for i in range(len(PARAMETERS)):
        counted = Counter(point[i] for point in points)
        most = max(counted.values())
        often = sorted(value for value, count in counted.items() if count == most)
        values.append(printed[i] if most == 1 or printed[i] in often else often[0])
    return values[0], values[1], values[2], values[3]
