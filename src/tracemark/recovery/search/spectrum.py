"""How strongly each spatial frequency turns: power, made even, averaged over stretches of time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    Complex = NDArray[np.complex64]
    Doubles = NDArray[np.float64]

PAD = 3
"""Size of the transform over the image's: power is looked up between its points."""

EVEN = 31
"""Side, in points of the transform, of the neighbourhood whose mean power becomes one."""

CLIP = 8.0
"""Mean powers at which a point is clipped: one strong frequency of the picture must not pass for many carriers."""

AXIS = 3
"""Points on both sides of the axes that count for nothing: edges of pictures and bars live there."""

HIGHEST = 0.47
"""Frequency, in cycles per pixel, above which nothing is looked up."""

TAPER = 0.1
"""Share of the image's width and height that fades out at its edges (Tukey 1967)."""


@dataclass(frozen=True)
class Spectrum:
    """Even power over half the plane of frequencies.

    Attributes
    ----------
    power : ndarray of float32, shape (points down, points across)
        In deviations. Vertical frequency 0 lies in the middle row, horizontal frequency 0 in the first column.
    across : int
        Points of the whole transform in x.
    """

    power: Samples
    across: int

    def at(self, fx: Doubles, fy: Doubles) -> Samples:
        """Look power up.

        Parameters
        ----------
        fx, fy : ndarray of float64
            Frequencies in cycles per pixel, of any sign.

        Returns
        -------
        ndarray of float32
            Zero beyond `HIGHEST`.
        """
        sign = np.where(fx < 0, -1.0, 1.0)
        fx, fy = fx * sign, fy * sign
        outside = (fx > HIGHEST) | (np.abs(fy) > HIGHEST)
        down = len(self.power)
        columns = np.where(outside, -9, fx * self.across).astype(np.float32)
        rows = (fy * down + down // 2).astype(np.float32)
        shape = columns.shape
        looked = cv2.remap(
            self.power,
            columns.reshape(len(columns), -1),
            rows.reshape(len(rows), -1),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0,
        )
        return np.asarray(looked, np.float32).reshape(shape)


def spectrum(image: Complex) -> Spectrum:
    """Measure the even power of a complex image.

    Parameters
    ----------
    image : ndarray of complex64, shape (height, width)

    Returns
    -------
    Spectrum
    """
    height, width = image.shape
    down, across = (_even_size(PAD * side) for side in (height, width))
    window = taper(height)[:, None] * taper(width)[None]
    padded = np.zeros((down, across, 2), np.float32)
    np.multiply(image.real, window, out=padded[:height, :width, 0])
    np.multiply(image.imag, window, out=padded[:height, :width, 1])
    transform = cv2.dft(padded, dst=padded, nonzeroRows=height)
    np.multiply(transform, transform, out=transform)
    half = _both_ways(transform[..., 0] + transform[..., 1])
    near = np.asarray(cv2.blur(half, (EVEN, EVEN), borderType=cv2.BORDER_REFLECT), np.float32)
    near += np.float32(1e-9)
    half /= near
    np.minimum(half, CLIP, out=half)
    half[down // 2 - AXIS : down // 2 + AXIS + 1] = half[:, : AXIS + 1] = half.mean()
    return _in_deviations(half, across)


def _both_ways(power: Samples) -> Samples:
    """Add the power of every frequency and of its negative: a carrier answers at both.

    Parameters
    ----------
    power : ndarray of float32, shape (down, across)
        Of even size, with frequency 0 first.

    Returns
    -------
    ndarray of float32, shape (down, across // 2 + 1)
        With vertical frequency 0 in the middle row.
    """
    down, across = power.shape
    middle, columns = down // 2, across // 2 + 1
    both = np.concatenate([power[middle:, :columns], power[:middle, :columns]])
    ahead = slice(1, None), slice(None, across // 2 - 1, -1)
    for row, negative in (
        (slice(0, 1), slice(middle, middle + 1)),
        (slice(1, middle + 1), slice(middle - 1, None, -1)),
        (slice(middle + 1, None), slice(None, middle, -1)),
    ):
        both[row, 0] += power[negative, 0]
        both[row, ahead[0]] += power[negative, ahead[1]]
    return both


def _even_size(least: int) -> int:
    """Smallest even size from there on that transforms fast: an odd one plus 1 may take ten times as long."""
    size = cv2.getOptimalDFTSize(least)
    while size % 2:
        size = cv2.getOptimalDFTSize(size + 1)
    return size


def together(spectra: Sequence[Spectrum]) -> Spectrum:
    """Average spectra of images of one size."""
    if len(spectra) == 1:
        return spectra[0]
    total = spectra[0].power + spectra[1].power
    for each in spectra[2:]:
        total += each.power
    total /= len(spectra)
    return _in_deviations(total, spectra[0].across)


def _in_deviations(power: Samples, across: int) -> Spectrum:
    """Take power that nobody else needs for a spectrum."""
    mean, deviation = power.mean(), power.std() + 1e-9
    power -= mean
    power /= deviation
    return Spectrum(power, across)


@lru_cache(maxsize=16)
def taper(length: int) -> Samples:
    """Window that fades out at both ends, shape (length,)."""
    place = np.arange(length) / max(length - 1, 1)
    edge = np.minimum(place, 1 - place) / (TAPER / 2)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.minimum(edge, 1)), np.float32)
