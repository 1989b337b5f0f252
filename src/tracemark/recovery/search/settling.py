"""How a leak lies that was read as it stands: a degree askew, say, or seen at a slight angle."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tracemark import cores
from tracemark.recovery.reel import Reel
from tracemark.recovery.search.finding import STRETCH, whole_places
from tracemark.recovery.search.placement import upright
from tracemark.recovery.search.refining import refine, strength
from tracemark.recovery.search.turning import STEPS_PER_SLOT, turning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.search.placement import Pilot, Placement

    Doubles = NDArray[np.float64]

CORNERS = np.array([[-0.5, 0.5, 0.5, -0.5], [-0.5, -0.5, 0.5, 0.5], [1, 1, 1, 1]])
"""Of the canvas."""

NEAR = 0.12
"""Long sides by which a corner may be off: a leak that lies farther off is hardly read as it stands."""

FAR = 5.5
"""Score from which a place is believed that lies farther off: the middle of a stretched picture may be read as it
stands. True places of such leaks score 6.4 to 8, the best of those that chance made 4.2."""

SAME = 0.004
"""Long sides by which corners are off where refining from both would lead to the same."""

SETTLING_SIDE = 400
"""Longest side of the images in which the pilot is asked, in pixels. The search has 640 for the sake of small hosts; a
host as large as the leak is measured as well in these, in two thirds of the time."""

SPEEDS = np.arange(0.76, 1.32, 0.004)
PHASES = np.arange(12) / 12
"""Speeds told apart, and phases of the pilot's turn tried at each, in slots: one later it is the same, turned over."""

AS_IT_RAN = 0.92
"""Fit at speed 1, as a share of the best speed's, above which it is speed 1: leaks at .9 and 1.1 have .73 to .88, those
at 1 at least .95."""

DOUBTED = 14.0
"""Ratio of variances (F, of one and of all but two values) from which another speed is believed."""


def settle(reel: Reel, pilot: Pilot, profile: Profile) -> Placement:
    """Measure how a leak lies that was read as it stands.

    Parameters
    ----------
    reel : Reel
        With two pictures at least.
    pilot : Pilot
    profile : Profile

    Returns
    -------
    Placement
        The one in which the pilot answers best: what the leak as it stands is refined to, or the best place found.
    """
    begin = reel.pictures[0].time
    short = Reel(reel.pixel_aspect, [each for each in reel.pictures if each.time < begin + STRETCH], reel.size)
    turned = turning(short, profile, SETTLING_SIDE)
    height, width = turned.images.shape[1:]
    side = max(height, width)
    level = upright((width, height))
    speed_of = partial(_speed, waves=_waves(turned.times, profile))
    straight, found = cores.both(
        lambda: refine(level, 0.0, turned, pilot, profile, speed_of), lambda: whole_places(turned, pilot, profile)
    )
    others = [
        refine(place.matrix, place.score, turned, pilot, profile, speed_of)
        for place in found
        if SAME * side < (off := np.abs((place.matrix - level) @ CORNERS)[:2].max())
        and (off < NEAR * side or place.score >= FAR)
    ]
    return max((straight, *others), key=lambda each: strength(each, turned, pilot, profile))


def _waves(times: Doubles, profile: Profile) -> Doubles:
    """Draw how the pilot turns at each of `SPEEDS` and `PHASES`: shape (speeds, phases, times).

    It turns at once from slot to slot, so they are square waves, averaged over each step. Smooth ones are drawn to
    lower speeds, by a fortieth, because codecs show new patterns late, but not those of the first frame.
    """
    slots = SPEEDS[:, None, None] / profile.slot_seconds  # in a second
    middles = slots * times + PHASES[:, None]
    half = slots * (profile.slot_seconds / STEPS_PER_SLOT / 2)
    return np.asarray((_risen(middles + half) - _risen(middles - half)) / (2 * half), np.float64)


def _speed(answers: Doubles, waves: Doubles) -> float:
    """Speed at which the pilot's answers turn: 1, unless another one fits far better."""
    powers = ((waves @ answers) ** 2 / (waves**2).sum(axis=2)).max(axis=1)
    best, normal = int(powers.argmax()), int(np.abs(SPEEDS - 1).argmin())
    left = float(answers @ answers - powers[best]) / max(len(answers) - 2, 1)
    believed = powers[normal] <= AS_IT_RAN**2 * powers[best] and powers[best] - powers[normal] >= DOUBTED * left
    return float(SPEEDS[best]) if believed else 1.0


def _risen(slots: Doubles) -> Doubles:
    """Integral of a wave that is 1 in even slots and -1 in odd ones."""
    return np.asarray(1 - np.abs(slots % 2 - 1), np.float64)
