"""Rankings: a tiny world with the whole answer, what is ranked together, and what can be told apart."""

import numpy as np

from kanrepro.studies.claims import Cells
from kanrepro.studies.ranking import mean_ranks, rankings
from kanrepro.studies.report.ranking import document, lines

A, B, C = ("a", "r"), ("b", "r"), ("c", "r")


def cells(**means: tuple[float, ...]) -> Cells:
    """Row -> its mean on the sets S0, S1, ...; two seeds, one point above and below."""
    return {
        (f"S{i}", row, "r"): {0: mean - 1, 1: mean + 1} for row, given in means.items() for i, mean in enumerate(given)
    }


def test_ranks_are_those_of_means_and_ties_are_shared() -> None:
    scores = np.array([[[3.0, 5.0], [4.0, 4.0], [1.0, 1.0]], [[0.0, 0.0], [2.0, 2.0], [1.0, 1.0]]])
    assert mean_ranks(scores).tolist() == [(1.5 + 3) / 2, (1.5 + 1) / 2, (3 + 2) / 2]


def test_the_whole_answer_of_a_tiny_world() -> None:
    (found,) = rankings(cells(a=(80.0, 70.0, 60.0), b=(70.0, 60.0, 50.0), c=(60.0, 50.0, 40.0)), draws=50)
    assert found.sets == ("S0", "S1", "S2") and found.seeds == (0, 1)
    assert [place.row for place in found.places] == [A, B, C]
    assert [(place.mean, place.rank, place.low, place.high) for place in found.places] == [
        (70.0, 1.0, 1.0, 1.0), (60.0, 2.0, 2.0, 2.0), (50.0, 3.0, 3.0, 3.0),
    ]  # fmt: skip
    assert [(place.above, place.below) for place in found.places] == [(2, 0), (1, 1), (0, 2)]
    assert [line["method"] for line in lines([found])] == ["a", "b", "c"]


def test_what_changes_from_set_to_set_has_a_wide_interval_and_is_not_told_apart() -> None:
    (found,) = rankings(cells(a=(80.0, 60.0, 70.0), b=(60.0, 80.0, 70.0), c=(50.0, 50.0, 50.0)), draws=400)
    first, second, last = found.places
    assert {first.row, second.row} == {A, B} and first.rank == second.rank == 1.5
    assert first.low == 1.0 and first.high == 2.0 and (last.low, last.high) == (3.0, 3.0)
    assert first.above == 0 == second.below


def test_only_complete_rows_of_the_same_sets_are_ranked_together() -> None:
    world = dict(cells(a=(80.0, 70.0), b=(70.0, 60.0), c=(60.0, 50.0), d=(50.0,), shuffled_labels=(50.0, 50.0)))
    world["S1", "e", "r"] = world["S0", "e", "r"] = {0: 99.0}  # one run of two
    (found,) = rankings(world, draws=10)
    assert [place.row for place in found.places] == [A, B, C]
    twice = rankings(cells(a=(80.0, 70.0), b=(70.0, 60.0), c=(60.0, 50.0), twin_of_c=(60.0, 50.0)), draws=10)
    assert [place.row for place in twice[0].places] == [A, B, C]  # one thing under two names
    assert rankings(cells(a=(80.0,), b=(70.0,), c=(60.0,))) == []
    assert "No three rows" in str(document([], "demo"))


def test_the_same_records_give_the_same_ranking() -> None:
    generator = np.random.default_rng(3)
    world = {(f"S{i}", row, "r"): dict(enumerate(generator.normal(70, 5, 5))) for i in range(3) for row in "abcd"}
    assert rankings(world, draws=100) == rankings(dict(reversed(world.items())), draws=100)
