"""Splits of digits: every class keeps its share, parts stay apart, and a split is refused where it does not belong."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanrepro.core.errors import UserError
from kanrepro.superpixels import prepare, splits
from kanrepro.superpixels.catalog import entry
from kanrepro.superpixels.settings import SegmentSettings


@given(st.lists(st.integers(1, 40), min_size=2, max_size=6), st.floats(0.01, 1.0), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_every_class_keeps_its_share_to_one(counts: list[int], share: float, seed: int) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    chosen = splits.stratified(y, share, np.random.default_rng(seed))
    assert chosen == sorted(set(chosen))
    for c, count in enumerate(counts):
        found = int((y[chosen] == c).sum())
        assert 1 <= found <= count and abs(found - share * count) < 1 + 1e-9
    floor = sum(max(1, int(share * count)) for count in counts)
    assert len(chosen) == max(round(share * len(y)), floor)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The digits of scikit-learn as coarse graphs, both parts."""
    folder = tmp_path_factory.mktemp("digits")
    paths = [folder / f"{part}.safetensors" for part in ("train", "test")]
    for part, path in zip(("train", "test"), paths, strict=True):
        prepare.prepare(entry("digits"), part, [], SegmentSettings(nodes=20, asked=9), path)  # type: ignore[arg-type]
    return paths


def test_parts_stay_apart_and_seeds_differ_in_labels_alone(stores: list[Path], tmp_path: Path) -> None:
    made = []
    for seed in (0, 1):
        splits.split(stores[0], stores[1], 0.05, 100, 50, seed, tmp_path / "s.json")
        made.append(splits.read_split(tmp_path / "s.json", *stores))
    first, second = made
    assert first.valid == second.valid == list(range(100)) and first.test == second.test and len(first.test) == 50
    assert first.labelled != second.labelled and len(first.labelled) == round(0.05 * 1337)
    assert not set(first.labelled) & set(first.valid) and max(first.labelled) < 1437 and max(first.test) < 360


def test_what_does_not_belong_is_refused(stores: list[Path], tmp_path: Path) -> None:
    train, test = stores
    path = tmp_path / "s.json"
    with pytest.raises(UserError, match="not the training and the test part"):
        splits.split(test, train, 0.05, 100, None, 0, path)
    with pytest.raises(UserError, match="1437 validation images, but .* has 1437"):
        splits.split(train, test, 0.05, 1437, None, 0, path)
    splits.split(train, test, 0.05, 100, None, 0, path)
    with pytest.raises(UserError, match="made for other versions"):
        splits.read_split(path, test, train)
    path.write_text('{"labelled": 3}')
    with pytest.raises(UserError, match="is not a split of digits"):
        splits.read_split(path, train, test)
    with pytest.raises(UserError, match="--share must lie"):
        words = ["--train", str(train), "--test", str(test), "--seed", "0", "--output", str(path)]
        splits.main([*words, "--share", "0"])
