"""Images and labels: files in idx format, checked before anything is made of them, and the digits of scikit-learn."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kanrepro.core.errors import UserError

LIMIT = 2 << 30  # bytes that a file may unpack to
SIDE = 28  # pixels: the digits of scikit-learn are enlarged to the size of MNIST's
DIGITS_TRAIN = 1437  # images of scikit-learn's digits that train; the others, by other writers, test


def read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The content of an idx file of unsigned bytes, plain or gzip.

    Args:
        dimensions: that it must have: 3 for images (images, rows, columns), 1 for labels.

    Raises:
        UserError: it is missing, truncated, longer than its header says, too large, or no such file.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as stream:
            head = stream.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] != 8 or head[3] != dimensions:
                raise UserError(
                    f"{path} is not an idx file of bytes in {dimensions} dimension{'s' * (dimensions > 1)} (it begins "
                    f"with {head.hex(' ') or 'nothing'}, not 00 00 08 {dimensions:02x}). Fetch it again."
                )
            shape = tuple(int(size) for size in np.frombuffer(stream.read(4 * dimensions), ">u4"))
            size = math.prod(shape)
            if len(shape) < dimensions or size > LIMIT:
                raise UserError(f"{path}: its header states the sizes {shape}. Fetch it again.")
            content = stream.read(size + 1)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist. Fetch it with: python -m kanrepro.superpixels.fetch --help") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())}). Fetch it again.") from None
    if len(content) != size:
        more = "more" if len(content) > size else f"only {len(content)}"
        raise UserError(f"{path}: its header states {size} bytes, but it holds {more}. Fetch it again.")
    return np.frombuffer(content, np.uint8).reshape(shape)


def read_part(images: Path, labels: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The images (G, rows, columns) of a part and the label (G,) of each.

    Raises:
        UserError: as in `read`, no image, an empty image, or not one label for each image.
    """
    pixels, classes = read(images, 3), read(labels, 1)
    if len(pixels) != len(classes):
        raise UserError(
            f"{images} holds {len(pixels)} images, but {labels} {len(classes)} labels. Name files of one set."
        )
    if 0 in pixels.shape:
        raise UserError(f"{images} holds no image: its sizes are {pixels.shape}. Name another file.")
    return pixels, classes


def digits(part: Literal["train", "test"]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The digit images of scikit-learn, 8 x 8 and 0 to 16, enlarged to 28 x 28 and 0 to 255; and their labels."""
    from PIL import Image
    from sklearn.datasets import load_digits

    data: Any = load_digits()  # a Bunch
    rows = slice(0, DIGITS_TRAIN) if part == "train" else slice(DIGITS_TRAIN, None)
    bytes8 = np.round(data.images[rows] * (255 / 16)).astype(np.uint8)
    enlarged = [np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for image in bytes8]
    return np.stack(enlarged), data.target[rows].astype(np.uint8)
