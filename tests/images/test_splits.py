"""Laws of the splits: shares, classes, what stays together, and the leaks of those that do not keep it."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_worlds import image_set

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json, sha256
from kanrepro.images.describe import describe, describe_split
from kanrepro.images.describe import main as describe_main
from kanrepro.images.splits import PARTS, Split, draw, leaked, main, read_split, units
from kanrepro.images.store import ImageSet
from kanrepro.images.variants import SPLITS


def world(seed: int = 0, images: int = 600, own: bool = True) -> ImageSet:
    """Three classes (1/2, 1/3, 1/6), patients with up to four images, some pictures twice, a test folder of a fifth."""
    draws = np.random.default_rng(seed)
    y = np.repeat([0, 1, 2], [images // 2, images // 3, images // 6])
    group = np.arange(len(y)) // draws.integers(1, 5)
    content = np.arange(len(y))
    twice = draws.choice(len(y) - 1, 30, replace=False)
    content[twice + 1] = content[twice]
    test = (draws.random(len(y)) < 0.2).astype(int) if own else None
    return image_set(y.tolist(), group.tolist(), content.tolist(), None if test is None else test.tolist())


def shares(made: Split, images: ImageSet) -> np.ndarray:
    """(3 parts, K classes) share of each class's images."""
    y = images.y.numpy()
    return np.array([np.bincount(y[getattr(made, part)], minlength=3) for part in PARTS]) / np.bincount(y)


@pytest.mark.parametrize("kind", SPLITS)
@pytest.mark.parametrize("seed", [0, 1])
def test_parts_are_disjoint_and_nothing_is_lost(kind: str, seed: int) -> None:
    images = world(seed)
    made = draw(images, kind, seed)
    used = np.concatenate([made.train, made.validation, made.test])
    assert len(np.unique(used)) == len(used)
    assert all(np.all(np.diff(getattr(made, part)) > 0) for part in PARTS)
    if kind != "imbalanced":
        assert len(used) == len(images)


@pytest.mark.parametrize("kind", ["grouped", "random"])
def test_shares_are_70_10_20_in_every_class(kind: str) -> None:
    images = world()
    found = shares(draw(images, kind, 3), images)
    assert np.abs(found - [[0.7], [0.1], [0.2]]).max() < (0.01 if kind == "random" else 0.04)


@pytest.mark.parametrize("kind", ["grouped", "imbalanced"])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_of_one_unit_is_on_both_sides(kind: str, seed: int) -> None:
    images = world(seed)
    made = draw(images, kind, seed)
    for numbers in (images.group.numpy(), images.content.numpy()):
        sides = [set(numbers[getattr(made, part)]) for part in PARTS]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    assert len(made.leaked) == 0


def test_random_leaks_are_those_that_a_loop_finds() -> None:
    images = world()
    made = draw(images, "random", 0)
    others = [*made.train, *made.validation]
    found = [
        i
        for i in made.test
        if any(images.group[i] == images.group[j] or images.content[i] == images.content[j] for j in others)
    ]
    assert made.leaked.tolist() == found and len(found) > 0


def test_source_takes_the_set_s_own_test_folder() -> None:
    images = world()
    made = draw(images, "source", 0)
    assert made.test.tolist() == np.flatnonzero(images.source_split.numpy() == 1).tolist()
    rest = len(images) - len(made.test)
    assert abs(len(made.validation) - rest / 8) < rest / 50
    assert len(leaked(made.validation, made.train, images.group.numpy(), images.content.numpy())) == 0
    assert len(made.leaked) > 0
    with pytest.raises(UserError, match="no test folder of its own .* Take the split `grouped`"):
        draw(world(own=False), "source", 0)


def test_imbalanced_thins_all_but_the_largest_class() -> None:
    images = world()
    whole, thin = draw(images, "grouped", 5), draw(images, "imbalanced", 5)
    assert np.array_equal(whole.test, thin.test) and np.array_equal(whole.validation, thin.validation)
    assert set(thin.train) < set(whole.train)
    before, after = (np.bincount(images.y.numpy()[made.train]) for made in (whole, thin))
    assert after.tolist() == [before[0], round(before[1] / 10), round(before[2] / 10)]


@pytest.mark.parametrize("kind", SPLITS)
def test_a_seed_decides(kind: str) -> None:
    images = world()
    first, again, other = draw(images, kind, 1), draw(images, kind, 1), draw(images, kind, 2)
    assert all(np.array_equal(getattr(first, part), getattr(again, part)) for part in PARTS)
    assert not np.array_equal(first.train, other.train)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
@settings(max_examples=60)
def test_units_are_the_finest_that_keep_groups_and_pictures(pairs: list[tuple[int, int]]) -> None:
    group, content = (np.array([pair[i] for pair in pairs], dtype=np.int64) for i in (0, 1))
    together = np.arange(len(pairs))
    for _ in pairs:  # the slow way: let the smaller number spread until nothing changes
        for i in range(len(pairs)):
            same = (group == group[i]) | (content == content[i])
            together[same] = together[same].min()
    found = units(group, content)
    assert np.array_equal(found[:, None] == found, together[:, None] == together)


def test_a_chain_is_one_unit() -> None:
    # 0 and 1 are one patient, 1 and 2 one picture, 2 and 3 one patient; 4 stands alone
    found = units(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 3]))
    assert len(set(found[:4])) == 1 and found[4] != found[0]


@pytest.mark.parametrize(
    ("images", "kind", "says"),
    [
        (
            image_set([0] * 40 + [1]),
            "grouped",
            r"part of the split 'grouped' has no image of class 'class1' \(the set has 1",
        ),
        (image_set([0] * 40 + [1] * 40, group=[*range(40), *[99] * 40]), "grouped", "has no image of class 'class1'"),
        (image_set([0] * 40 + [1]), "random", "too small to be split 70/10/20"),
        (image_set([0, 1]), "grouped", "too small to be split"),
        (image_set([0] * 9), "grouped", "one class only"),
        (
            image_set([0] * 30 + [1] * 30, own=[0] * 50 + [1] * 10),
            "source",
            "the test part .* no image of class 'class0'",
        ),
        (image_set([0, 1]), "other", "--split is 'other', but must be one of grouped, random, source, imbalanced"),
    ],
)
def test_what_cannot_be_split_is_said(images: ImageSet, kind: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        draw(images, kind, 0)


def test_the_stages_write_what_readers_check(tmp_path: Path) -> None:
    store, output, told = tmp_path / "toy.safetensors", tmp_path / "toy.random-0.json", tmp_path / "toy.json"
    images = world()
    images.save(store)
    main(["--store", str(store), "--split", "random", "--seed", "0", "--output", str(output)])
    made, drawn = read_split(output, len(images)), draw(images, "random", 0)
    for part in (*PARTS, "leaked"):
        assert np.array_equal(getattr(made, part), getattr(drawn, part))
    written = read_json(output)
    assert (written["schema"], written["split"], written["seed"], written["set"]) == (1, "random", 0, sha256(store))
    describe_main(["--store", str(store), "--splits", str(output), "--output", str(told)])
    content = read_json(told)
    (split,) = content["splits"]
    assert sum(split["test"].values()) == len(made.test) and sum(split["leaked"].values()) == len(made.leaked)
    assert content["dataset"] == "TOY" and content["store_sha256"] == sha256(store)
    with pytest.raises(UserError, match="was drawn for another store"):
        describe_split(images, output, "0" * 64)
    with pytest.raises(UserError, match=r"TOY: --seed is -1"):
        main(["--store", str(store), "--split", "random", "--seed", "-1", "--output", str(output)])


def test_a_description_is_exactly_this() -> None:
    # images 0 and 1 are one picture in two classes, 2 and 3 one patient across the set's own test folder
    told = describe(image_set([0, 1, 0, 0, 1], group=[0, 1, 2, 2, 3], content=[0, 0, 1, 2, 3], own=[0, 0, 0, 1, 1]))
    assert told == {
        "images": 5,
        "classes": {"class0": 3, "class1": 2},
        "groups": {"told": 5, "distinct": 4, "largest": 2},
        "units": 3,
        "pictures": {"distinct": 4, "copies": 1, "with_two_classes": 1},
        "own_test": {
            "train": {"class0": 2, "class1": 1},
            "test": {"class0": 1, "class1": 1},
            "leaked": {"class0": 1, "class1": 0},
        },
        "excluded": {"files": 0, "listed": []},
    }
    alone = describe(image_set([0, 1]))
    assert alone["groups"] is None and alone["own_test"] is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"train": None}, "is not a split file"),
        ({"train": "abc"}, "is not a split file"),
        ({"train": [0, 1, 1]}, "does not split 9 images"),
        ({"test": [0, 8]}, "does not split 9 images"),
        ({"test": [8, 9]}, "does not split 9 images"),
        ({"test": [-1, 8]}, "does not split 9 images"),
        ({"leaked": [0]}, "does not split 9 images"),
    ],
)
def test_a_file_that_is_no_split_of_the_set_is_named(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    whole = {"set": "x", "train": [0, 1, 2], "validation": [3], "test": [7, 8], "leaked": [8], "notes": []}
    path = tmp_path / "split.json"
    path.write_text(json.dumps(whole))
    assert read_split(path, 9).leaked.tolist() == [8]
    path.write_text(json.dumps({key: value for key, value in {**whole, **changes}.items() if value is not None}))
    with pytest.raises(UserError, match=says):
        read_split(path, 9)
