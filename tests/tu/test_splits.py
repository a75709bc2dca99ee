"""Folds: what the protocol's splitter draws, for every class, and never for the impossible."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json, sha256, write_json
from kanrepro.tu.read import read
from kanrepro.tu.splits import main, read_folds, stratified_folds

classes = st.lists(st.integers(5, 20), min_size=2, max_size=4)


@given(classes, st.integers(2, 5), st.integers(0, 99))
def test_folds_part_the_graphs_and_keep_the_classes(sizes: list[int], folds: int, seed: int) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    test = stratified_folds(y, folds, seed)
    assert sorted(index for fold in test for index in fold) == list(range(len(y)))
    for c, size in enumerate(sizes):
        shares = [int((y[fold] == c).sum()) for fold in test]
        assert max(shares) - min(shares) <= 1
        assert sum(shares) == size


def test_folds_are_scikit_learns_and_follow_the_seed() -> None:
    y = np.repeat([0, 1], [125, 63])
    drawn = StratifiedKFold(10, shuffle=True, random_state=3).split(np.zeros(188), y)
    assert stratified_folds(y, 10, 3) == [test.tolist() for _, test in drawn]
    assert stratified_folds(y, 10, 3) != stratified_folds(y, 10, 4)


@pytest.mark.parametrize(
    ("y", "folds", "seed", "says"),
    [
        ([0] * 20, 10, 0, "one class only"),
        ([0] * 20 + [1] * 9, 10, 0, "the smallest class has 9 graphs, fewer than 10 folds"),
        ([0, 1], 1, 0, "--folds is 1"),
        ([0, 1], 2, -1, "--seed is -1"),
    ],
)
def test_the_impossible_is_refused(y: list[int], folds: int, seed: int, says: str) -> None:
    with pytest.raises(UserError, match=says):
        stratified_folds(np.array(y), folds, seed)


def test_the_file_names_its_store(zipped: Callable[..., Path], tmp_path: Path) -> None:
    store, output = tmp_path / "toy.safetensors", tmp_path / "folds.json"
    read(zipped(graph_labels="7\n-1\n7\n", graph_indicator="1\n1\n1\n2\n3\n3\n"), "TOY").save(store)
    with pytest.raises(UserError, match="TOY: the smallest class has 1 graphs, fewer than 2 folds"):
        main(["--store", str(store), "--seed", "0", "--folds", "2", "--output", str(output)])
    assert not output.exists()
    four = {"graph_indicator": "1\n2\n3\n4\n", "graph_labels": "0\n1\n1\n0\n", "node_labels": None, "A": ""}
    read(zipped(**four), "TOY").save(store)
    main(["--store", str(store), "--seed", "5", "--folds", "2", "--output", str(output)])
    content = read_json(output)
    expected = {"dataset": "TOY", "seed": 5, "folds": 2, "store_sha256": sha256(store)}
    assert content == expected | {"test": stratified_folds(np.array([0, 1, 1, 0]), 2, 5)}
    assert [fold.tolist() for fold in read_folds(output, 4)] == content["test"]
    with pytest.raises(UserError, match="belongs to another set"):
        read_folds(output, 5)


@pytest.mark.parametrize("content", [{}, [], {"test": 3}, {"test": []}, {"test": [["a"]]}])
def test_a_file_that_holds_no_folds_is_refused(tmp_path: Path, content: object) -> None:
    write_json(tmp_path / "folds.json", content)
    with pytest.raises(UserError, match=r"folds.json is not a fold file"):
        read_folds(tmp_path / "folds.json", 4)
