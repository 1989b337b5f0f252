"""How much mark each place bears, in 8-bit levels: what the eye just fails to notice.

The constants shape what is seen. They are not part of the wire format: a decoder never needs them, and they may
change from version to version. docs/decisions/0004-mask.md has the measurements behind them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.signal.scratch import Scratch

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

_LEAST = 1e-12
"""Texture over the threshold, levels, that counts as none: OpenCV's power of zero itself goes a slow way."""

_NEIGHBOURHOOD = np.ones((REACH, REACH), np.uint8)


def texture(squares: Samples, canonical: Samples, scratch: Scratch | None = None) -> Samples:
    """Measure texture: the deviation that is left when smooth shading is taken away.

    Parameters
    ----------
    squares : ndarray of float32, shape (height, width)
        Mean of the squared luma over each canonical sample, in 8-bit levels squared; see `moments`.
    canonical : ndarray of float32, shape (height, width)
        Mean of the luma, in 8-bit levels.
    scratch : Scratch, optional
        Where the result and all steps towards it lie; by default new memory.

    Returns
    -------
    ndarray of float32, shape (height, width)
        Levels; the least of the neighbourhood, so that edges do not count as texture.
    """
    room = scratch or Scratch()
    shape = canonical.shape
    fine, coarse, mean, step, across, down = (
        room.array(name, shape) for name in ("fine", "coarse", "mean", "step", "across", "down")
    )
    np.multiply(canonical, canonical, out=step)
    np.subtract(squares, step, out=fine)
    cv2.blur(step, (3, 3), dst=coarse)
    cv2.blur(canonical, (3, 3), dst=mean)
    np.multiply(mean, mean, out=mean)
    np.subtract(coarse, mean, out=coarse)
    # a plane of slope g has variance g^2/12 within a sample and 2 g^2/3 among three by three samples
    cv2.blur(cv2.Sobel(canonical, cv2.CV_32F, 1, 0, dst=step, scale=1 / 8), (3, 3), dst=across)
    cv2.blur(cv2.Sobel(canonical, cv2.CV_32F, 0, 1, dst=step, scale=1 / 8), (3, 3), dst=down)
    np.multiply(across, across, out=across)
    np.multiply(down, down, out=down)
    shading = np.add(across, down, out=across)
    fine -= np.multiply(shading, 1 / 12, out=down)
    np.maximum(fine, 0, out=fine)
    coarse -= np.multiply(shading, 2 / 3, out=down)
    np.maximum(coarse, 0, out=coarse)
    deviation = np.add(cv2.blur(fine, (3, 3), dst=step), coarse, out=coarse)
    np.sqrt(deviation, out=deviation)
    least = cv2.erode(deviation, _NEIGHBOURHOOD, dst=fine)
    return np.asarray(cv2.blur(least, (REACH, REACH), dst=room.array("texture", shape)), np.float32)


def luma_mask(canonical: Samples, textured: Samples, scratch: Scratch | None = None) -> Samples:
    """Mask of the luma plane.

    Parameters
    ----------
    canonical : ndarray of float32, shape (height, width)
        Luma in 8-bit levels.
    textured : ndarray of float32, shape (height, width)
        From `texture`.
    scratch : Scratch, optional
        Where the result and all steps towards it lie; by default new memory.

    Returns
    -------
    ndarray of float32, shape (height, width)
        RMS of the mark at strength 1, in 8-bit levels.
    """
    room = scratch or Scratch()
    mask, gain = room.array("luma mask", canonical.shape), room.array("step", canonical.shape)
    np.subtract(textured, TEXTURE_THRESHOLD, out=gain)
    np.maximum(gain, _LEAST, out=gain)
    cv2.pow(gain, LUMA_POWER, dst=mask)
    mask *= LUMA_SLOPE
    mask += LUMA_FLOOR
    low, high = BRIGHTNESS_GAIN
    np.subtract(canonical, MID_GREY, out=gain)
    np.abs(gain, out=gain)
    gain *= (high - low) / MID_GREY
    gain += low
    mask *= np.clip(gain, low, high, out=gain)
    return _limited(mask, LUMA_LIMIT)


def chroma_mask(
    luma: Samples, textured: Samples, blue: Samples, red: Samples, scratch: Scratch | None = None
) -> Samples:
    """Mask of both chroma planes.

    Parameters
    ----------
    luma, textured : ndarray of float32, shape (height, width)
        Luma and its `texture`, on the chroma grid.
    blue, red : ndarray of float32, shape (height, width)
        Cb and Cr in 8-bit levels, 128 for grey.
    scratch : Scratch, optional
        Where the result and all steps towards it lie; by default new memory.

    Returns
    -------
    ndarray of float32, shape (height, width)
        RMS of the mark at strength 1 in each of Cb and Cr, in 8-bit levels.
    """
    room = scratch or Scratch()
    mask, gain, other = (room.array(name, luma.shape) for name in ("chroma mask", "chroma gain", "chroma step"))
    np.subtract(textured, TEXTURE_THRESHOLD, out=mask)
    np.maximum(mask, 0, out=mask)
    mask *= CHROMA_SLOPE
    mask += CHROMA_FLOOR
    np.minimum(mask, CHROMA_TOP, out=mask)
    np.subtract(blue, 128, out=gain)
    np.subtract(red, 128, out=other)
    cv2.magnitude(gain, other, magnitude=gain)
    gain *= COLOUR_GAIN / COLOUR_SCALE
    gain += 1
    mask *= gain
    np.subtract(DARK, luma, out=gain)
    gain *= 1 / DARK
    np.clip(gain, 0, 1, out=gain)
    gain *= -DARK_LOSS
    gain += 1
    mask *= gain
    return _limited(mask, CHROMA_LIMIT)


def onto(grid: Grid, samples: Samples, out: Samples | None = None) -> Samples:
    """Bring samples of one canonical grid onto another of the same picture.

    Parameters
    ----------
    grid : Grid
        The coarser grid.
    samples : ndarray of float32, shape (any height, any width)
    out : ndarray of float32, shape (grid.height, grid.width), optional
        Where the result lies; by default new memory.

    Returns
    -------
    ndarray of float32, shape (grid.height, grid.width)
    """
    smaller = cv2.resize(samples, (grid.width, grid.height), dst=out, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.float32)


def _limited(mask: Samples, limit: float) -> Samples:
    rms = cv2.norm(mask) / math.sqrt(mask.size)
    mask *= min(1.0, limit / rms)
    return mask
