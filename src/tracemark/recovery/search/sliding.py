"""Where the host lies in a single picture that was neither turned nor stretched: all scales and places, by phases.

A cropped screenshot holds one picture's worth of the pilot, so little that magnitudes (`affine`) do not show it among
millions of linear maps. Most screenshots stand upright, and there are few upright maps: their phases can all be asked.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.recovery.search.placing import LOUDEST, Place
from tracemark.recovery.search.spectrum import EVEN, HIGHEST, PAD, taper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.recovery.search.placement import Pilot

    Complex = NDArray[np.complex64]
    Doubles = NDArray[np.float64]
    Samples = NDArray[np.float32]

SCALES = (0.8, 2.6)
"""Smallest and largest length of the host's long side over the picture's."""

SCALE_STEP = 0.006
"""Step of scale, in its natural logarithm: halfway, carriers at the edge of half a host are .5 radians out of step."""

STEP = 0.0033
"""Step of translation, in long sides: a quarter of the finest carrier's wave."""

MARGIN = 0.02
"""How far beyond the other's edge host or picture may reach, in long sides."""

NARROWEST = 0.4
"""Least height of a host over its width, or width over its height."""

FINER = 7
"""Steps of scale, and of each translation, that are tried around a place once it is chosen."""

APART = 0.03
"""Places nearer than this, in long sides of the host, at scales nearer than this are one."""

_Fit = tuple[float, float, float, float]
"""Score, length of the host's long side in pixels, and how far the picture's middle lies from the host's, in these."""


def slides(image: Samples, pilot: Pilot, count: int) -> list[Place]:
    """Slide the pilot over a picture at every scale.

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
        The picture, made even: see `turning.even`.
    pilot : Pilot
    count : int
        Places to return.

    Returns
    -------
    list of Place
        Best first. Chance at one place exceeds a score ``s`` with the probability of a normal deviate beyond ``s`` on
        either side, because the picture is real.
    """
    height, width = image.shape
    side = max(height, width)
    amplitudes = _even_amplitudes(image)
    finest = float(np.abs(pilot.frequencies).max())
    least = max(SCALES[0] * side, finest / HIGHEST)
    found = []
    for scale in np.exp(np.arange(np.log(least), np.log(SCALES[1] * side), SCALE_STEP)).tolist():
        seen = _looked_up(amplitudes, pilot, scale)
        found.append(_best(seen, pilot, scale, *(_reach(length / scale) for length in (width, height))))
    found.sort(reverse=True)
    apart: list[_Fit] = []
    for each in found:
        if len(apart) == count:
            break
        if not any(_alike(each, other) for other in apart):
            apart.append(each)
    tuned = [_tuned(amplitudes, pilot, each) for each in apart]
    return [
        Place(score, np.array([[scale, 0, width / 2 - scale * x], [0, scale, height / 2 - scale * y], [0, 0, 1]]))
        for score, scale, x, y in sorted(tuned, reverse=True)
    ]


def _best(seen: Complex, pilot: Pilot, scale: float, across: Doubles, down: Doubles) -> _Fit:
    """Find the translation at which the carriers' phases fit best, of all that are given for both directions."""
    x = np.exp(-2j * np.pi * np.outer(across, pilot.frequencies[:, 0])) * seen
    y = np.exp(-2j * np.pi * np.outer(down, pilot.frequencies[:, 1]))
    # the real part of their product, in one product of real matrices; its sign is that of the slot, which is unknown
    first = np.concatenate([x.real, -x.imag], axis=1).astype(np.float32)
    second = np.concatenate([y.real, y.imag], axis=1).astype(np.float32)
    fits = np.abs(first @ second.T)
    i, j = divmod(int(fits.argmax()), len(down))
    # for loud carriers of any phases a sum would be loud, too
    energy = float((np.abs(seen) ** 2).sum()) + 1e-9
    return float(fits[i, j]) * math.sqrt(2 / energy), scale, float(across[i]), float(down[j])


def _tuned(amplitudes: Samples, pilot: Pilot, rough: _Fit) -> _Fit:
    """Look between the steps around a fit."""
    _, scale, x, y = rough
    beside = np.linspace(-STEP, STEP, FINER)
    return max(
        _best(_looked_up(amplitudes, pilot, finer), pilot, finer, x + beside, y + beside)
        for finer in (scale * np.exp(np.linspace(-SCALE_STEP, SCALE_STEP, FINER))).tolist()
    )


def _alike(one: _Fit, other: _Fit) -> bool:
    gaps = abs(math.log(one[1] / other[1])), abs(one[2] - other[2]), abs(one[3] - other[3])
    return max(gaps) < APART


def _reach(length: float) -> Doubles:
    """List translations at which a side of the host lies within the picture's, or the other way round.

    Parameters
    ----------
    length : float
        Of the picture's side, in long sides of the host.
    """
    # the host's side is a long one or a shorter one, and nobody knows which
    farthest = max(abs(length - 1), abs(length - NARROWEST)) / 2 + MARGIN
    return np.arange(-farthest, farthest + STEP / 2, STEP)


def _even_amplitudes(image: Samples) -> Samples:
    """Transform a picture, with phases at its middle, and bring the power around every frequency to one.

    Returns
    -------
    ndarray of float32, shape (points down, points across, 2)
        Frequency 0 comes first.
    """
    height, width = image.shape
    down, across = (cv2.getOptimalDFTSize(PAD * length) for length in (height, width))
    padded = np.zeros((down, across), np.float32)
    padded[:height, :width] = image * (taper(height)[:, None] * taper(width)[None])
    # the middle comes first, or phases would turn by a third of a round from point to point
    padded = np.roll(padded, (-(height // 2), -(width // 2)), (0, 1))
    transform = np.asarray(cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT), np.float32)
    power = transform[..., 0] ** 2 + transform[..., 1] ** 2
    near = np.asarray(cv2.blur(power, (EVEN, EVEN), borderType=cv2.BORDER_REFLECT), np.float32)
    transform /= np.sqrt(near + np.float32(1e-9))[..., None]
    return transform


def _looked_up(amplitudes: Samples, pilot: Pilot, scale: float) -> Complex:
    """Look the carriers up, loud ones clipped, and turn their own phases back."""
    down, across = amplitudes.shape[:2]
    columns, rows = np.mod(pilot.frequencies.T / scale, 1) * [[across], [down]]
    looked = cv2.remap(
        amplitudes, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    made = looked.reshape(-1, 2) @ np.array([1, 1j])
    return np.asarray(made / np.maximum(1, np.abs(made) / LOUDEST) * np.exp(-1j * pilot.phases), np.complex64)
