"""Superpixel graphs against slow loops, and the laws of segments and neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanrepro.superpixels.graphs import image_graph, nearest, segment
from kanrepro.superpixels.idx import digits
from kanrepro.superpixels.settings import SegmentSettings

PUBLISHED = SegmentSettings()
DIGIT = digits("test")[0][3]


def test_features_are_means_over_each_superpixel() -> None:
    made = image_graph(DIGIT, PUBLISHED)
    labels = segment((DIGIT / 255).astype(np.float32), PUBLISHED)
    for number, found in enumerate(made.x):
        rows, columns = np.nonzero(labels == number)
        expected = DIGIT[rows, columns].mean() / 255, rows.mean() / 28, columns.mean() / 28
        assert found == pytest.approx(expected, abs=1e-3)  # float16
    assert len(made.x) == labels.max() + 1 <= PUBLISHED.nodes


def test_every_superpixel_is_whole_and_of_the_size_that_the_published_code_allows() -> None:
    from skimage.measure import label

    # at 95 asked for: at least 784 // 190 = 4 pixels
    for image in digits("test")[0][:10]:
        labels = segment((image / 255).astype(np.float32), SegmentSettings(nodes=200))
        sizes = np.bincount(labels.ravel())
        assert sizes.min() >= 4
        assert np.max(np.asarray(label(labels + 1, connectivity=1))) == len(sizes)  # connected


def test_less_is_asked_for_until_it_holds() -> None:
    few = [segment((DIGIT / 255).astype(np.float32), SegmentSettings(nodes=n)).max() + 1 for n in (75, 50, 20, 1)]
    assert few == sorted(few, reverse=True) and all(
        found <= most for found, most in zip(few, (75, 50, 20, 1), strict=True)
    )


def test_a_blank_image_and_one_of_a_single_pixel() -> None:
    blank = image_graph(np.zeros((28, 28), np.uint8), PUBLISHED)
    assert 0 < len(blank.x) <= 75 and not blank.x[:, 0].any()
    single = image_graph(np.full((1, 1), 255, np.uint8), PUBLISHED)
    assert single.x.tolist() == [[1, 0, 0]] and single.edge_index.shape == (2, 0)


@given(st.integers(1, 12), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_neighbours_against_a_loop(count: int, neighbours: int, seed: int) -> None:
    position = np.random.default_rng(seed).integers(0, 5, (count, 2)).astype(float)  # ties
    expected = []
    for i in range(count):
        others = [(float(((position[i] - position[j]) ** 2).sum()), j) for j in range(count) if j != i]
        expected += [(i, j) for j in sorted(j for _, j in sorted(others)[:neighbours])]
    assert nearest(position, neighbours).T.tolist() == [list(pair) for pair in expected]
