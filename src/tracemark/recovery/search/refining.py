"""From a place to the map and the speed that serve the whole picture and the whole stretch, by turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.recovery.search import bending
from tracemark.recovery.search.placement import Placement

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.search.placement import Pilot
    from tracemark.recovery.search.turning import Turning

    Samples = NDArray[np.float32]
    Doubles = NDArray[np.float64]

ROUNDS = 2
"""Times that speed and map are improved in turn."""

FINE_SPEEDS = np.arange(0.76, 1.32, 0.002)
"""Speeds told apart once the place is known."""

SETTLED = 0.9
"""Share of the best speed's strength at which speed 1 is believed instead."""


def refine(
    matrix: Doubles,
    score: float,
    turned: Turning,
    pilot: Pilot,
    profile: Profile,
    speed_of: Callable[[Doubles], float] | None = None,
) -> Placement:
    """Improve a place that was found over time.

    Parameters
    ----------
    matrix : ndarray of float64, shape (3, 3)
        From the canvas to pixels of the turned images.
    score : float
        Passed on.
    turned : Turning
    pilot : Pilot
    profile : Profile
    speed_of : callable, optional
        Tells the speed from the pilot's answer to each image; by default the one at which they are strongest.

    Returns
    -------
    Placement
    """
    speed = 1.0
    for _ in range(ROUNDS):
        answers = _answers(turned, pilot, matrix)
        speed = speed_of(answers) if speed_of else _speed(answers, turned.times, profile)
        turns = turned.times * (speed / (2 * profile.slot_seconds))
        phase = np.angle((answers * np.exp(-2j * np.pi * turns)).sum())
        wave = np.cos(2 * np.pi * turns + phase).astype(np.float32)
        image = np.asarray(np.tensordot(wave, turned.images, 1), np.float32)
        matrix, _ = bending.refine(image, pilot.frequencies, pilot.phases, matrix)
    return Placement(pilot.key, score, _grown(matrix, turned), speed, None)


def refine_still(
    matrix: Doubles, score: float, image: Samples, moment: float, turned: Turning, pilot: Pilot
) -> Placement:
    """Improve a place that was found in one picture.

    Parameters
    ----------
    matrix, score, turned, pilot
        As for `refine`.
    image : ndarray of float32, shape (height, width)
        The picture, made even.
    moment : float
        Its time in seconds.

    Returns
    -------
    Placement
    """
    sign = np.sign(float((image * _seen(pilot, matrix, image.shape)).sum()))
    matrix, _ = bending.refine(np.asarray(image * sign, np.float32), pilot.frequencies, pilot.phases, matrix)
    return Placement(pilot.key, score, _grown(matrix, turned), 1.0, moment)


def strength(placement: Placement, turned: Turning, pilot: Pilot, profile: Profile) -> float:
    """Tell how strongly the pilot answers through a placement.

    Parameters
    ----------
    placement : Placement
    turned : Turning
    pilot : Pilot
    profile : Profile

    Returns
    -------
    float
        Comparable between placements of one `Turning`.
    """
    answers = _answers(turned, pilot, np.diag([turned.shrink, turned.shrink, 1]) @ placement.matrix)
    turns = turned.times * (placement.speed / (2 * profile.slot_seconds))
    return float(np.abs((answers * np.exp(-2j * np.pi * turns)).sum()))


def _grown(matrix: Doubles, turned: Turning) -> Doubles:
    """Map to pixels of the reel instead of those of the turned images."""
    return np.asarray(turned.to_reel @ matrix, np.float64)


def _seen(pilot: Pilot, matrix: Doubles, shape: tuple[int, ...]) -> Samples:
    """Pilot as it would be seen in an image, with nothing outside the canvas."""
    side = bending.SIDE
    place = (np.arange(side) + 0.5) / side - 0.5
    across = np.exp(2j * np.pi * np.outer(pilot.frequencies[:, 0], place))
    down = np.exp(2j * np.pi * np.outer(pilot.frequencies[:, 1], place) + 1j * pilot.phases[:, None])
    canvas = (down.T @ across).real.astype(np.float32)
    to_canvas = np.array([[side, 0, side / 2 - 0.5], [0, side, side / 2 - 0.5], [0, 0, 1]])
    to_middle = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    whole = to_canvas @ np.linalg.inv(matrix) @ to_middle
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(canvas, whole, (shape[1], shape[0]), flags=flags), np.float32)


def _answers(turned: Turning, pilot: Pilot, matrix: Doubles) -> Doubles:
    """Correlate the pilot with every step."""
    seen = _seen(pilot, matrix, turned.images.shape[1:]).ravel()
    return np.asarray(turned.images.reshape(len(turned.images), -1) @ seen, np.float64)


def _speed(answers: Doubles, times: Doubles, profile: Profile) -> float:
    """Speed at which the pilot's answers turn."""
    turns = np.exp(-2j * np.pi * np.outer(FINE_SPEEDS / (2 * profile.slot_seconds), times))
    strengths = np.abs(turns @ answers)
    normal = int(np.abs(FINE_SPEEDS - 1).argmin())
    if strengths[normal] >= SETTLED * strengths.max():
        return 1.0
    return float(FINE_SPEEDS[int(strengths.argmax())])
