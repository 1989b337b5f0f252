"""Which linear map puts the key's carriers on frequencies that turn: millions of hypotheses by shifted additions.

On a log-polar map of the spectrum a change of scale or angle is a shift. So for one aspect and mirroring the sum of the
power at all carriers, for every scale and angle at once, is a sum of shifted copies of the map (Reddy and Chatterji
1996 register pictures in the same way, by correlation). Magnitudes know nothing of translation, nor of a half turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.recovery.search.spectrum import Spectrum

    Counts = NDArray[np.uint16]
    Doubles = NDArray[np.float64]
    Samples = NDArray[np.float32]

LOG_STEP = 0.0078
"""Step of scale, in its natural logarithm: half a carrier's width in a picture that fills the leak. Half of this step,
of the next and of the one after that together gained 7 % before climbing, nothing after it, and took four times as
long."""

ANGLE_STEP = np.pi / 400
"""Step of angle, in radians, about the same."""

ASPECT_STEP = 0.022
"""Step of aspect, in its natural logarithm."""


@dataclass(frozen=True)
class Range:
    """What is searched.

    Parameters
    ----------
    scale : tuple of float
        Smallest and largest length of the host's long side over the leak's.
    aspect : float
        Largest change of aspect, in its natural logarithm: 0.32 is 38 %.
    aspect_step : float
    """

    scale: tuple[float, float] = (0.18, 3.2)
    aspect: float = 0.32
    aspect_step: float = ASPECT_STEP


@dataclass(frozen=True)
class Linear:
    """A guess at the map from the host's plane to the leak's.

    Parameters
    ----------
    score : float
        Mean power at the carriers, in deviations of what chance makes of one hypothesis.
    matrix : ndarray of float64, shape (2, 2)
        From host (units of its long side) to pixels of the searched images.
    """

    score: float
    matrix: Doubles


def search(spectrum: Spectrum, frequencies: Doubles, long_side: float, ranges: Range, count: int) -> list[Linear]:
    """Try all scales, angles, aspects and both mirrorings.

    Parameters
    ----------
    spectrum : Spectrum
    frequencies : ndarray of float64, shape (carriers, 2)
        Cycles per long side of the host.
    long_side : float
        Of the searched images, in pixels; scale 1 is a host's long side as long as this.
    ranges : Range
    count : int
        Guesses to return.

    Returns
    -------
    list of Linear
        Best first.
    """
    smallest, largest = (np.log(scale * long_side) for scale in ranges.scale)
    scales = np.arange(smallest, largest, LOG_STEP)
    radius = np.log(np.hypot(*frequencies.T))
    margin = ranges.aspect / 2 + 2 * LOG_STEP
    lowest = radius.min() - margin - scales[-1]
    rings = np.arange(lowest, radius.max() + margin - scales[0] + LOG_STEP, LOG_STEP)
    angles = round(np.pi / ANGLE_STEP)
    theta = np.arange(angles) * ANGLE_STEP
    ring = np.exp(rings)[:, None]
    polar, step, least = _counted(spectrum.at(ring * np.cos(theta), ring * np.sin(theta)), len(frequencies))
    polar = np.concatenate([polar, polar], axis=1)  # power is alike half a turn on
    total = np.empty((len(scales), angles), np.uint16)
    found: list[Linear] = []
    steps = int(ranges.aspect / ranges.aspect_step)
    for aspect in np.arange(-steps, steps + 1) * ranges.aspect_step:
        for mirror in (1, -1):
            seen = frequencies * [np.exp(-aspect / 2), mirror * np.exp(aspect / 2)]
            rows = np.rint((np.log(np.hypot(*seen.T)) - scales[0] - rings[0]) / LOG_STEP).astype(int)
            columns = np.rint(np.mod(np.arctan2(seen[:, 1], seen[:, 0]), np.pi) / ANGLE_STEP).astype(int) % angles
            total[:] = 0
            for row, column in zip(rows, columns, strict=True):
                total += polar[row - len(scales) + 1 : row + 1, column : column + angles]
            best = int(total.argmax())
            scale, angle = divmod(best, angles)
            matrix = _matrix(np.exp(scales[len(scales) - 1 - scale]), theta[angle], aspect, mirror)
            power = float(total.flat[best]) * step + least * len(frequencies)
            found.append(Linear(power / np.sqrt(len(frequencies)), matrix))
    return sorted(found, key=lambda each: -each.score)[:count]


def _counted(power: Samples, terms: int) -> tuple[Counts, float, float]:
    """Power in whole steps above the least, such that a sum of so many terms fits 16 bits.

    The processor adds four times as many of these at once as of float32 in the same time. With the 32 carriers of
    a pilot a step is a few hundredths of a deviation.
    """
    least = float(power.min())
    step = max(float(power.max()) - least, 1e-9) / (np.iinfo(np.uint16).max // terms)
    return np.rint((power - least) / step).astype(np.uint16), step, least


def _matrix(scale: float, angle: float, aspect: float, mirror: int) -> Doubles:
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(scale * turned @ np.diag([np.exp(aspect / 2), mirror * np.exp(-aspect / 2)]))


def scores(spectra: Sequence[Spectrum], frequencies: Doubles, matrices: Doubles) -> Doubles:
    """Score linear maps on all spectra together.

    Parameters
    ----------
    spectra : sequence of Spectrum
    frequencies : ndarray of float64, shape (carriers, 2)
    matrices : ndarray of float64, shape (maps, 2, 2)

    Returns
    -------
    ndarray of float64, shape (maps,)
    """
    seen = np.einsum("nji,kj->nki", np.linalg.inv(matrices), frequencies)
    power = [each.at(seen[..., 0], seen[..., 1]).sum(axis=1) for each in spectra]
    return np.asarray(np.sum(power, axis=0) / np.sqrt(len(frequencies) * len(spectra)), np.float64)


def climb(spectra: Sequence[Spectrum], frequencies: Doubles, start: Linear, *, rounds: int = 6) -> Linear:
    """Improve a guess by small changes of all four entries.

    Parameters
    ----------
    spectra : sequence of Spectrum
    frequencies : ndarray of float64, shape (carriers, 2)
    start : Linear
    rounds : int
        Each tries 200 changes, smaller from round to round.

    Returns
    -------
    Linear
    """
    chance = np.random.default_rng(0)  # any changes would do; the same ones every time make decodes repeatable
    best, step = start.matrix, 0.006
    reached = float(scores(spectra, frequencies, best[None])[0])
    for _ in range(rounds):
        tried = (np.eye(2) + chance.normal(0, step, (200, 2, 2))) @ best
        each = scores(spectra, frequencies, tried)
        if each.max() > reached:
            reached, best = float(each.max()), tried[int(each.argmax())]
        step *= 0.7
    return Linear(reached, best)
