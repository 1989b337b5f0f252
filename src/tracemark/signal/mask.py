"""How much mark each place bears, in 8-bit levels: what the eye just fails to notice.

The constants shape what is seen. They are not part of the wire format: a decoder never needs them, and they may
change from version to version. docs/decisions/0004-mask.md has the measurements behind them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.signal.colour import mean_difference
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

SPARE_THRESHOLD = 0.6
"""Texture, in levels, from which a small picture bears more than a large one: its samples are few pixels, so that the
mark is of high frequency there, where the eye is less keen and VMAF loses less."""

SPARE_SLOPE, SPARE_TOP = 1.7, 1.35
"""What each level of texture over that threshold adds, and the largest sum, RMS levels: where half the samples of the
large picture are pixels."""

LARGE, SMALL = 3.75, 2.0
"""Pixels of the picture along a canonical sample (1200 and 640 along the long side): without spare at one, and from the
other down the limit of luma grows as well."""

SMALL_LIMIT = 1.1
"""Limit of luma of the smallest pictures, RMS levels: from half of `SMALL`, 320 along the long side."""

CHROMA_FLOOR = 0.48
"""Mark on a smooth surface without colour, RMS levels of Cb and of Cr."""

CHROMA_SLOPE = 0.05
"""Mark that luma texture adds to chroma, RMS levels a level of texture over the threshold."""

CHROMA_TOP = 1.2
"""Largest local mark in chroma before colour is considered, RMS levels."""

CHROMA_SMOOTH, CHROMA_RISE = 0.56, 0.25
"""Largest mark in chroma on a smooth surface of any colour, RMS levels, and how much more each level of texture over
the threshold lets it have: tints show on water, sky and skin long before they show on grass."""

COLOUR_GAIN = 0.5
"""Share of CIEDE2000's tolerance for strong colours (S_C = 1 + 0.045 C, Sharma, Wu and Dalal 2005) that is used."""

COLOUR_SCALE = 40.0
"""Distance from grey in the Cb-Cr plane, levels, at which that share doubles the tolerance."""

DARK = 70.0
"""Luma level under which a change of colour is seen better."""

DARK_LOSS = 0.45
"""Share of the chroma mark that black loses."""

CHROMA_LIMIT = 0.75
"""Largest RMS of the mark over a whole chroma plane, levels."""

COLOUR_LIMIT = 0.9
"""Largest mean colour difference of a picture that chroma may make, CIEDE2000 as `colour.mean_difference` has it."""

RGB_LIMIT, ODD_RGB_LIMIT = 2.4, 1.65
"""Largest mean square of the mark over red, green and blue, levels squared: keeps pictures above 43 dB. The second
holds for pictures of odd width or height, to which converters to RGB (swscale's) add errors of their own."""

LUMA_IN_RGB, CHROMA_IN_RGB = 1.36, 2.47
"""What the mean square of the mark in luma, and in each chroma plane, counts there (ITU-R BT.601, narrow range)."""

REACH = 5
"""Side, in canonical samples, of the neighbourhood that must be textured: the flat side of an edge hides little."""

_LEAST = 1e-12
"""Texture over the threshold, levels, that counts as none: OpenCV's power of zero itself goes a slow way."""

_NEIGHBOURHOOD = np.ones((REACH, REACH), np.uint8)


@dataclass(frozen=True)
class Bounds:
    """What a picture of some size bears.

    Attributes
    ----------
    luma : float
        Largest RMS of luma's mark over the whole picture, levels.
    spare : float
        Multiple of what texture adds beyond what large pictures bear.
    rgb : float
        Largest mean square of the mark over red, green and blue, levels squared.
    """

    luma: float = LUMA_LIMIT
    spare: float = 0.0
    rgb: float = RGB_LIMIT

    @classmethod
    def of(cls, width: int, height: int, samples: int) -> Bounds:
        """Look at a size.

        Parameters
        ----------
        width, height : int
            Of the picture, in pixels.
        samples : int
            Of the canonical grid along the long side.

        Returns
        -------
        Bounds
        """
        pixels = max(width, height) / samples
        spare = min(max(LARGE / pixels - 1, 0), 2)
        smallness = min(max(SMALL / pixels - 1, 0), 1)
        odd = width % 2 or height % 2
        return cls(LUMA_LIMIT + (SMALL_LIMIT - LUMA_LIMIT) * smallness, spare, ODD_RGB_LIMIT if odd else RGB_LIMIT)

    def chroma(self, luma: Samples) -> float:
        """Say how much chroma may bear beside luma.

        Parameters
        ----------
        luma : ndarray of float32
            Its mask.

        Returns
        -------
        float
            Largest RMS of the mark over a whole chroma plane, levels.
        """
        left = self.rgb - LUMA_IN_RGB * _rms(luma) ** 2
        return min(CHROMA_LIMIT, math.sqrt(max(left, 0) / CHROMA_IN_RGB))


LARGEST = Bounds()
"""Bounds of pictures of 1200 pixels or more along the long side, both sides even."""


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


def luma_mask(
    canonical: Samples, textured: Samples, scratch: Scratch | None = None, bounds: Bounds = LARGEST
) -> Samples:
    """Mask of the luma plane.

    Parameters
    ----------
    canonical : ndarray of float32, shape (height, width)
        Luma in 8-bit levels.
    textured : ndarray of float32, shape (height, width)
        From `texture`.
    scratch : Scratch, optional
        Where the result and all steps towards it lie; by default new memory.
    bounds : Bounds
        By default those of large pictures.

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
    if bounds.spare:
        more = room.array("spare", canonical.shape)
        np.subtract(textured, SPARE_THRESHOLD, out=more)
        more *= SPARE_SLOPE
        np.clip(more, 0, SPARE_TOP, out=more)
        more *= gain
        more *= bounds.spare
        _add_within(mask, more, bounds.luma)
    return _limited(mask, bounds.luma)


def chroma_mask(
    luma: Samples,
    textured: Samples,
    blue: Samples,
    red: Samples,
    scratch: Scratch | None = None,
    limit: float = CHROMA_LIMIT,
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
    limit : float
        Largest RMS over the whole picture, levels: see `Bounds.chroma`.

    Returns
    -------
    ndarray of float32, shape (height, width)
        RMS of the mark at strength 1 in each of Cb and Cr, in 8-bit levels.
    """
    room = scratch or Scratch()
    mask, gain, other, most = (
        room.array(name, luma.shape) for name in ("chroma mask", "chroma gain", "chroma step", "chroma most")
    )
    np.subtract(textured, TEXTURE_THRESHOLD, out=mask)
    np.maximum(mask, 0, out=mask)
    np.multiply(mask, CHROMA_RISE, out=most)
    most += CHROMA_SMOOTH
    mask *= CHROMA_SLOPE
    mask += CHROMA_FLOOR
    np.minimum(mask, CHROMA_TOP, out=mask)
    np.subtract(blue, 128, out=gain)
    np.subtract(red, 128, out=other)
    cv2.magnitude(gain, other, magnitude=gain)
    gain *= COLOUR_GAIN / COLOUR_SCALE
    gain += 1
    mask *= gain
    np.minimum(mask, most, out=mask)
    np.subtract(DARK, luma, out=gain)
    gain *= 1 / DARK
    np.clip(gain, 0, 1, out=gain)
    gain *= -DARK_LOSS
    gain += 1
    mask *= gain
    _limited(mask, limit)
    mask *= COLOUR_LIMIT / max(COLOUR_LIMIT, mean_difference(luma, blue, red, mask, room))
    return mask


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


def _rms(mask: Samples) -> float:
    return float(cv2.norm(mask)) / math.sqrt(mask.size)


def _limited(mask: Samples, limit: float) -> Samples:
    mask *= min(1.0, limit / _rms(mask))
    return mask


def _add_within(mask: Samples, more: Samples, limit: float) -> None:
    """Add as large a share of something as leaves the mask's RMS within a limit; nothing if it is beyond that already.

    The share solves the quadratic equation that the mean square of the sum is.
    """
    own, both, other = (float(np.vdot(a, b)) / mask.size for a, b in ((mask, mask), (mask, more), (more, more)))
    left = limit**2 - own
    if left > 0 and other > 0:
        share = (math.sqrt(both**2 + other * left) - both) / other
        mask += np.multiply(more, min(share, 1.0), out=more)
