"""A frame round a picture is taken for the host's outline: a place to look at without any search."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.recovery.outline import ASPECTS
from tracemark.recovery.search.finding import SEARCH_SIDE
from tracemark.recovery.search.refining import refine, strength
from tracemark.recovery.search.turning import turning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.reel import Reel
    from tracemark.recovery.search.placement import Pilot, Placement
    from tracemark.recovery.search.turning import Turning

    Doubles = NDArray[np.float64]

SLANTED = 0.1
"""Share by which an aspect is seen wrongly at an angle: sides are drawn out or foreshortened."""


def outlined(reel: Reel, corners: Doubles, pilots: Sequence[Pilot], profile: Profile) -> list[Placement]:
    """Give placements in which the host fills a frame, upright.

    Parameters
    ----------
    reel : Reel
    corners : ndarray of float64, shape (4, 2)
        Left top, right top, right bottom and left bottom of the frame, in pixels of the reel.
    pilots : sequence of Pilot
    profile : Profile

    Returns
    -------
    list of Placement
        One for each pilot.
    """
    turned = turning(reel, profile, SEARCH_SIDE)
    return [_refined(corners, turned, pilot, profile) for pilot in pilots]


def _refined(corners: Doubles, turned: Turning, pilot: Pilot, profile: Profile) -> Placement:
    """Refine with the frame's aspect, and with the nearest usual one; the pilot says which is right."""
    aspect = _aspect(corners)
    nearest = min(ASPECTS, key=lambda each: abs(math.log(each / aspect)))
    aspects = [aspect, nearest] if abs(math.log(nearest / aspect)) < SLANTED else [aspect]
    to_turned = np.diag([turned.shrink, turned.shrink, 1])
    refined = [refine(to_turned @ _filling(corners, each), 0.0, turned, pilot, profile) for each in aspects]
    best = max(refined, key=lambda each: strength(each, turned, pilot, profile))
    # the pilot knows the canvas' true sides, and so how much of it the frame shows
    canvas = np.linalg.inv(best.matrix) @ np.column_stack([corners, np.ones(4)]).T
    return replace(best, aspect=_aspect((canvas[:2] / canvas[2]).T))


def _aspect(corners: Doubles) -> float:
    """Mean length of the upper and the lower side over that of the others."""
    ahead = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    return float((ahead[0] + ahead[2]) / (ahead[1] + ahead[3]))


def _filling(corners: Doubles, aspect: float) -> Doubles:
    """Map the canvas to the leak such that a host of this aspect fills the frame."""
    wide, tall = (1.0, 1 / aspect) if aspect >= 1 else (aspect, 1.0)
    host = 0.5 * np.array([[-wide, -tall], [wide, -tall], [wide, tall], [-wide, tall]])
    matrix = cv2.getPerspectiveTransform(host.astype(np.float32), corners.astype(np.float32))
    return np.asarray(matrix, np.float64)
