"""One image file out of an archive that nobody vouches for: its pixels at one size, or why it is left out."""

import hashlib
import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "PPM")  # the readers of Pillow that a stranger's file may reach
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_BROKEN = (  # what Pillow's readers raise on damaged bytes
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError,
    OverflowError, RuntimeError, MemoryError, struct.error, zlib.error,
)  # fmt: skip


class Excluded(Exception):
    """Why a file is left out."""


def decode(data: bytes, channels: int, size: int, most: float) -> tuple[np.ndarray[Any, Any], bytes]:
    """Pixels of an image file, squashed to `size`, and the SHA-256 of its pixels before that.

    Args:
        data: the file.
        channels: 1 for grey, 3 for RGB; also what the digest is taken of.
        size: S, pixels along an edge of the result.
        most: pixels that an image may have; the file's header is asked before anything is decoded.

    Raises:
        Excluded: not an image, too many pixels, several frames, more than 8 bits a channel, truncated or damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own about size (ours is stricter) and about odd metadata
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            width, height = image.size
            if width * height > most:
                raise Excluded(f"{width} x {height} pixels, more than {most / 1e6:g} million")
            if (frames := getattr(image, "n_frames", 1)) > 1:
                raise Excluded(f"{frames} frames, not one")
            if image.mode not in EIGHT_BITS:
                raise Excluded(f"pixels of type {image.mode}, not 8 bits a channel")
            image = image.convert("L" if channels == 1 else "RGB")
    except UnidentifiedImageError:
        raise Excluded("not an image") from None
    except Image.DecompressionBombError:
        raise Excluded(f"more than {most / 1e6:g} million pixels") from None
    except _BROKEN as error:
        say = " ".join(str(error).split()) or type(error).__name__
        raise Excluded(f"truncated: {say}" if "truncated" in say.lower() else f"damaged: {say}") from None
    digest = hashlib.sha256(f"{image.size}".encode() + image.tobytes()).digest()
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image), digest
