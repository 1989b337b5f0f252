"""How much mark each place bears, in 8-bit levels: what the eye just fails to notice.

The constants shape what is seen. They are not part of the wire format: a decoder never needs them, and they may
change from version to version. docs/decisions/0004-mask.md has the measurements behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.signal.grid import Grid

    Samples = NDArray[np.float32]

LUMA_FLOOR = 0.48
"""Mark on a smooth surface, RMS levels: after rounding it stays under 0.6 where the host's deviation is under 2."""

LUMA_SLOPE = 0.42
"""Mark that texture adds, RMS levels at one level of texture over the threshold."""

LUMA_POWER = 0.6
"""Masking grows slower than texture: the exponent of contrast masking (Legge and Foley 1980, eq. 3)."""

TEXTURE_THRESHOLD = 1.5
"""Texture, in levels, that hides nothing: sensor noise and the codec's own grain."""

BRIGHTNESS_GAIN = (0.9, 1.1)
"""Gain in mid grey, and in the darkest and brightest places (Chou and Li 1995, fig. 5, flattened)."""

MID_GREY = 110.0
"""Level at which the eye sees a change of luma best (Chou and Li 1995)."""

LUMA_LIMIT = 0.80
"""Largest RMS of the luma mark over a whole picture, levels: keeps busy pictures within 5 VMAF points and 45 dB."""

CHROMA_FLOOR = 0.48
"""Mark on a smooth surface without colour, RMS levels of Cb and of Cr."""

CHROMA_SLOPE = 0.05
"""Mark that luma texture adds to chroma, RMS levels a level of texture over the threshold."""

CHROMA_TOP = 1.2
"""Largest local mark in chroma before colour is considered, RMS levels."""

COLOUR_GAIN = 0.5
"""Share of CIEDE2000's tolerance for strong colours (S_C = 1 + 0.045 C, Sharma, Wu and Dalal 2005) that is used."""

COLOUR_SCALE = 40.0
"""Distance from grey in the Cb-Cr plane, levels, at which that share doubles the tolerance."""

DARK = 70.0
"""Luma level under which a change of colour is seen better."""

DARK_LOSS = 0.45
"""Share of the chroma mark that black loses."""

CHROMA_LIMIT = 0.56
"""Largest RMS of the mark over a whole chroma plane, levels: keeps colour pictures above 43 dB over RGB."""

REACH = 5
"""Side, in canonical samples, of the neighbourhood that must be textured: the flat side of an edge hides little."""


def texture(plane: Samples, canonical: Samples) -> Samples:
    """Measure texture: the deviation that is left when smooth shading is taken away.

    Parameters
    ----------
    plane : ndarray of float32, shape (plane height, plane width)
        Luma in 8-bit levels.
    canonical : ndarray of float32, shape (height, width)
        The same on the canonical grid.

    Returns
    -------
    ndarray of float32, shape (height, width)
        Levels; the least of the neighbourhood, so that edges do not count as texture.
    """
    size = (canonical.shape[1], canonical.shape[0])
    fine = cv2.resize(plane * plane, size, interpolation=cv2.INTER_AREA) - canonical * canonical
    mean = cv2.blur(canonical, (3, 3))
    coarse = cv2.blur(canonical * canonical, (3, 3)) - mean * mean
    # a plane of slope g has variance g^2/12 within a sample and 2 g^2/3 among three by three samples
    across = cv2.blur(cv2.Sobel(canonical, cv2.CV_32F, 1, 0, scale=1 / 8), (3, 3))
    down = cv2.blur(cv2.Sobel(canonical, cv2.CV_32F, 0, 1, scale=1 / 8), (3, 3))
    shading = across * across + down * down
    fine = np.maximum(fine - shading / 12, 0)
    coarse = np.maximum(coarse - shading * (2 / 3), 0)
    deviation = np.sqrt(cv2.blur(fine, (3, 3)) + coarse)
    least = cv2.erode(deviation, np.ones((REACH, REACH), np.uint8))
    return np.asarray(cv2.blur(least, (REACH, REACH)), np.float32)


def luma_mask(canonical: Samples, textured: Samples) -> Samples:
    """Mask of the luma plane.

    Parameters
    ----------
    canonical : ndarray of float32, shape (height, width)
        Luma in 8-bit levels.
    textured : ndarray of float32, shape (height, width)
        From `texture`.

    Returns
    -------
    ndarray of float32, shape (height, width)
        RMS of the mark at strength 1, in 8-bit levels.
    """
    mask = LUMA_FLOOR + LUMA_SLOPE * np.maximum(textured - TEXTURE_THRESHOLD, 0) ** LUMA_POWER
    low, high = BRIGHTNESS_GAIN
    mask *= np.clip(low + (high - low) * np.abs(canonical - MID_GREY) / MID_GREY, low, high)
    return _limited(mask, LUMA_LIMIT)


def chroma_mask(luma: Samples, textured: Samples, blue: Samples, red: Samples) -> Samples:
    """Mask of both chroma planes.

    Parameters
    ----------
    luma, textured : ndarray of float32, shape (height, width)
        Luma and its `texture`, on the chroma grid.
    blue, red : ndarray of float32, shape (height, width)
        Cb and Cr in 8-bit levels, 128 for grey.

    Returns
    -------
    ndarray of float32, shape (height, width)
        RMS of the mark at strength 1 in each of Cb and Cr, in 8-bit levels.
    """
    mask = np.minimum(CHROMA_FLOOR + CHROMA_SLOPE * np.maximum(textured - TEXTURE_THRESHOLD, 0), CHROMA_TOP)
    mask *= 1 + COLOUR_GAIN * np.hypot(blue - 128, red - 128) / COLOUR_SCALE
    mask *= 1 - DARK_LOSS * np.clip((DARK - luma) / DARK, 0, 1)
    return _limited(mask, CHROMA_LIMIT)


def onto(grid: Grid, samples: Samples) -> Samples:
    """Bring samples of one canonical grid onto another of the same picture.

    Parameters
    ----------
    grid : Grid
        The coarser grid.
    samples : ndarray of float32, shape (any height, any width)

    Returns
    -------
    ndarray of float32, shape (grid.height, grid.width)
    """
    smaller = cv2.resize(samples, (grid.width, grid.height), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.float32)


def _limited(mask: Samples, limit: float) -> Samples:
    rms = float(np.sqrt(np.mean(mask * mask)))
    return (mask * min(1.0, limit / rms)).astype(np.float32)
