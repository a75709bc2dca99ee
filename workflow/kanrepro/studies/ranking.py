"""A ranking of methods with its uncertainty: mean ranks over sets, and which pairs can be told apart.

Only rows (method, reading) that were run on the same sets, with as many seeds as any row has there, are ranked against
each other. Intervals of mean ranks are percentiles of a bootstrap that draws sets, and then seeds of each set, with
replacement; all rows share the draws, since a seed gives all of them the same folds. Pairs are compared as the claims
are: over sets, corrected by Holm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from kanrepro.report.statistics import ALPHA
from kanrepro.studies.claims import Cells, Claim, corrected, over_sets

DRAWS = 2000
NOT_RANKED = ("shuffled_labels", "untrained_mlp", "untrained_kan")  # at chance, or with norms that saw nothing
Row = tuple[str, str]  # method, reading


@dataclass(frozen=True)
class Place:
    """A row of a ranking: mean accuracy over sets in percent, mean rank (1: best) with a 95 % interval.

    `above` and `below`: how many rows it is told apart from, by its being better or worse.
    """

    row: Row
    mean: float
    rank: float
    low: float
    high: float
    above: int
    below: int


@dataclass(frozen=True)
class Ranking:
    """Rows that were run on all of `sets`, best first. `seeds`: those that all of them have."""

    sets: tuple[str, ...]
    seeds: tuple[int, ...]
    places: tuple[Place, ...]


def rankings(cells: Cells, seed: int = 0, draws: int = DRAWS) -> list[Ranking]:
    """A ranking for every group of two sets or more that a row was run on, the largest first, if it has new rows."""
    ran: dict[Row, frozenset[str]] = {}
    runs = {name: max(len(scores) for key, scores in cells.items() if key[0] == name) for name, *_ in cells}
    for (name, method, reading), scores in cells.items():
        if method not in NOT_RANKED and len(scores) == runs[name]:
            ran[method, reading] = ran.get((method, reading), frozenset()) | {name}
    groups = sorted({sets for sets in ran.values() if len(sets) > 1}, key=lambda sets: (-len(sets), sorted(sets)))
    made: list[Ranking] = []
    ranked: set[Row] = set()
    for sets in groups:
        rows = _distinct(cells, sets, sorted(row for row, where in ran.items() if sets <= where))
        if len(rows) > 2 and not ranked.issuperset(rows):
            made.append(_ranked(cells, tuple(sorted(sets)), rows, np.random.default_rng(seed), draws))
        ranked |= {*rows}
    return made


def _distinct(cells: Cells, sets: frozenset[str], rows: list[Row]) -> list[Row]:
    """Rows without those that have the same numbers as one before them: one thing under two names is ranked once."""
    found = {tuple(tuple(sorted(cells[name, *row].items())) for name in sets): row for row in reversed(rows)}
    return sorted(found.values())


def _ranked(
    cells: Cells, sets: tuple[str, ...], rows: list[Row], generator: np.random.Generator, draws: int
) -> Ranking:
    shared = set.intersection(*(set(cells[name, *row]) for name in sets for row in rows))
    seeds = tuple(sorted(shared))
    scores = np.array([[[cells[name, *row][seed] for seed in seeds] for row in rows] for name in sets])  # sets, rows, n
    ranks = mean_ranks(scores)
    drawn = np.array([mean_ranks(_resampled(scores, generator)) for _ in range(draws)])
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    above, below = _told_apart(cells, sets, rows)
    numbers = np.stack([scores.mean(axis=(0, 2)), ranks, low, high], axis=1).tolist()
    places = (
        Place(row, mean, rank, least, most, above[row], below[row])
        for row, (mean, rank, least, most) in zip(rows, numbers, strict=True)
    )
    return Ranking(sets, seeds, tuple(sorted(places, key=lambda place: (place.rank, -place.mean))))


def mean_ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(sets, rows, seeds) to (rows,): the rank by mean score in each set, 1 the best and ties shared, averaged."""
    return rankdata(-scores.mean(axis=2), axis=1).mean(axis=0)


def _resampled(scores: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    sets, _, seeds = scores.shape
    chosen = generator.integers(sets, size=sets)
    return np.stack([scores[name][:, generator.integers(seeds, size=seeds)] for name in chosen])


def _told_apart(cells: Cells, sets: tuple[str, ...], rows: list[Row]) -> tuple[Mapping[Row, int], Mapping[Row, int]]:
    """Row to the number of rows that it is better than, and that it is worse than, after correction for all pairs."""
    here = {key: scores for key, scores in cells.items() if key[0] in sets}
    asked = [Claim("pairs", "", "", more, less) for more, less in combinations(rows, 2)]
    above, below = dict.fromkeys(rows, 0), dict.fromkeys(rows, 0)
    for finding in corrected(over_sets(here, claim) for claim in asked):
        if finding.found and finding.holm is not None and finding.holm < ALPHA:
            first, second = finding.claim.more, finding.claim.less
            better, worse = (first, second) if finding.found.difference > 0 else (second, first)
            above[better] += 1
            below[worse] += 1
    return above, below
