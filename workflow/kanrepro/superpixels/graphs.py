"""One image to one graph: SLIC superpixels as nodes, each connected to the nearest others.

The published MNIST graphs (Knyazev et al., `extract_superpixels.py`; Dwivedi et al., `data/superpixels.py`; used by
GraphCL) were made by a scikit-image that set the bounds of a superpixel's size by how many were asked for, while newer
ones set them by the number of starting points of their grid. Asking for fewer then no longer merges small superpixels,
but jumps to the next grid: the 28 x 28 images have 81 starting points or 49. `segment` states the old bounds.
"""

import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kanrepro.superpixels.settings import SegmentSettings

CODE = 1  # raise it where the same image and settings give another graph


@dataclass(frozen=True)
class ImageGraph:
    """The graph of one image.

    Attributes:
        x: (N, 3) float16: mean intensity in 0..1, row and column of the centre as shares of the image's sides.
        edge_index: (2, E) from each superpixel to its nearest ones, sorted by source and target.
    """

    x: NDArray[np.float16]
    edge_index: NDArray[np.int64]


def image_graph(image: NDArray[np.uint8], settings: SegmentSettings) -> ImageGraph:
    """The superpixel graph of an image (rows, columns)."""
    pixels = (image / 255.0).astype(np.float32)
    labels = segment(pixels, settings).ravel()
    count = np.bincount(labels)
    row, column = np.divmod(np.arange(image.size), image.shape[1])
    sums = (np.bincount(labels, weights, len(count)) for weights in (pixels.ravel(), row, column))
    intensity, y, x = (total / count for total in sums)
    position = np.stack([y / image.shape[0], x / image.shape[1]], axis=1)
    features = np.concatenate([intensity[:, None], position], axis=1).astype(np.float16)
    return ImageGraph(features, nearest(position, settings.neighbours))


def segment(pixels: NDArray[np.float32], settings: SegmentSettings) -> NDArray[np.int64]:
    """(rows, columns) the superpixel of each pixel, numbered from 0, at most `settings.nodes` of them.

    SLIC is asked for `settings.asked`, and where more come out than there may be, for one less until there are not. A
    superpixel has between a half and three times the pixels that it would have if all that were asked for came out.
    """
    from skimage.segmentation import slic

    bounds, labels = None, np.zeros(pixels.shape, np.int64)
    for asked in range(settings.asked, 0, -1):
        least, most = pixels.size // (2 * asked), 3 * pixels.size // asked
        if bounds == (least, most, points := _starting_points(pixels.shape, asked)):
            continue  # the same superpixels again
        bounds = least, most, points
        share = points / pixels.size
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of images with less pixels than superpixels asked for
            labels = slic(
                pixels,
                n_segments=asked,
                compactness=settings.compactness,
                min_size_factor=(least + 0.5) * share,  # so that the bounds, rounded down, are these
                max_size_factor=(most + 0.5) * share,
                start_label=0,
                channel_axis=None,
            )
        labels = np.unique(labels, return_inverse=True)[1].reshape(pixels.shape)
        if labels.max() < settings.nodes:
            break
    return labels


@cache
def _starting_points(shape: tuple[int, ...], asked: int) -> int:
    """How many starting points SLIC lays over an image when it is asked for so many superpixels."""
    from skimage.util import regular_grid

    return int(np.zeros(shape)[regular_grid(shape, asked)].size)


def nearest(position: NDArray[np.float64], neighbours: int) -> NDArray[np.int64]:
    """(2, E) from each of N points (N, 2) to its nearest others, all of them where there are fewer; ties by number."""
    count = len(position)
    distance = np.square(position[:, None] - position).sum(2)
    np.fill_diagonal(distance, np.inf)
    some = min(neighbours, count - 1)
    found = np.sort(distance.argsort(axis=1, kind="stable")[:, :some], axis=1)
    return np.stack([np.arange(count).repeat(some), found.ravel()])
