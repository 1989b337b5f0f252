"""Where a linear map puts the picture: the carriers' phases, which magnitudes know nothing of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracemark.recovery.search.spectrum import taper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Complex = NDArray[np.complex64]
    Doubles = NDArray[np.float64]
    Phasors = NDArray[np.complex128]

REACH = 0.75
"""Farthest, in long sides of the host, that the leak's middle may lie from the host's."""

STEP = 0.0022
"""Step of translation, in long sides: a sixth of the finest carrier's wave."""

BESIDE = np.array([[2.7, 0.4], [-1.4, 2.6], [-1.0, -2.9]])
"""Places, in widths of a carrier's peak, at which the noise beside a carrier is measured."""

LOUDEST = 2.0
"""Deviations at which a carrier is clipped."""

APART = 8
"""Steps around a peak in which no other counts."""


@dataclass(frozen=True)
class Carriers:
    """Complex amplitudes of the carriers in an image, in deviations of the noise beside them.

    Attributes
    ----------
    positive, negative : ndarray of complex128, shape (carriers,)
        At the frequency and at its negative.
    """

    positive: Phasors
    negative: Phasors


@dataclass(frozen=True)
class Place:
    """A guess at where the host lies.

    Parameters
    ----------
    score : float
        How well the carriers' phases fit, whatever their strength: chance at one place exceeds it with probability
        ``exp(-score ** 2)``.
    matrix : ndarray of float64, shape (3, 3)
        From the canvas (long sides of the host, from its middle) to pixels of the searched images.
    """

    score: float
    matrix: Doubles


def carriers(image: Complex, frequencies: Doubles, matrix: Doubles) -> Carriers:
    """Measure the carriers' amplitudes.

    Parameters
    ----------
    image : ndarray of complex64, shape (height, width)
    frequencies : ndarray of float64, shape (carriers, 2)
    matrix : ndarray of float64, shape (2, 2)
        From host to pixels.

    Returns
    -------
    Carriers
        With phases at the middle of the image.
    """
    height, width = image.shape
    seen = frequencies @ np.linalg.inv(matrix)
    beside = (seen[:, None] + BESIDE / [width, height]).reshape(-1, 2)
    wanted = np.concatenate([seen, -seen, beside, -beside])
    across = np.exp(-2j * np.pi * np.outer(np.arange(width) + 0.5 - width / 2, wanted[:, 0])) * taper(width)[:, None]
    down = np.exp(-2j * np.pi * np.outer(np.arange(height) + 0.5 - height / 2, wanted[:, 1])) * taper(height)[:, None]
    across, down = across.astype(np.complex64), down.astype(np.complex64)
    count = len(frequencies)
    amplitudes = ((image @ across) * down).sum(axis=0)
    own, noise = amplitudes[: 2 * count].reshape(2, count), amplitudes[2 * count :].reshape(2, count, -1)
    own = own / np.sqrt((np.abs(noise) ** 2).mean(axis=(0, 2)) + 1e-12)
    own = (own / np.maximum(1, np.abs(own) / LOUDEST)).astype(np.complex128)
    return Carriers(own[0], own[1])


def places(image: Complex, frequencies: Doubles, phases: Doubles, matrix: Doubles, count: int) -> list[Place]:
    """Find the translations, and which of the two half turns, at which the carriers' phases fit.

    Parameters
    ----------
    image : ndarray of complex64, shape (height, width)
    frequencies : ndarray of float64, shape (carriers, 2)
    phases : ndarray of float64, shape (carriers,)
        Radians at the middle of the host.
    matrix : ndarray of float64, shape (2, 2)
        From host to pixels, up to a half turn.
    count : int
        Guesses to return.

    Returns
    -------
    list of Place
        Best first.
    """
    height, width = image.shape
    measured = carriers(image, frequencies, matrix)
    grid = np.arange(-REACH, REACH + STEP / 2, STEP)
    across = np.exp(-2j * np.pi * np.outer(grid, frequencies[:, 0])).astype(np.complex64)
    down = np.exp(-2j * np.pi * np.outer(grid, frequencies[:, 1])).astype(np.complex64)
    middle = np.array([width / 2, height / 2])
    found = []
    for turned in (1, -1):
        ahead, behind = measured.positive, measured.negative
        if turned < 0:
            ahead, behind = behind, ahead
        one = (ahead * np.exp(-1j * phases)).astype(np.complex64)
        two = np.conj(behind * np.exp(1j * phases)).astype(np.complex64)
        total = (across * one) @ down.T + np.conj((across * two) @ down.T)
        # the turning's own phase is unknown; for loud carriers of any phases a sum would be loud, too
        energy = float((np.abs(ahead) ** 2 + np.abs(behind) ** 2).sum()) + 1e-9
        strength = (total.real**2 + total.imag**2) / np.float32(energy)
        for _ in range(count):
            best = int(strength.argmax())
            i, j = divmod(best, len(grid))
            linear = turned * matrix
            placed = np.eye(3)
            placed[:2, :2] = linear
            placed[:2, 2] = middle - linear @ np.array([grid[i], grid[j]])
            found.append(Place(float(np.sqrt(strength.flat[best])), placed))
            strength[max(i - APART, 0) : i + APART + 1, max(j - APART, 0) : j + APART + 1] = 0
    return sorted(found, key=lambda each: -each.score)[:count]
