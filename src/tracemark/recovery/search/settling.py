"""How a leak lies that was read as it stands: a degree askew, say, or seen at a slight angle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracemark import cores
from tracemark.recovery.reel import Reel
from tracemark.recovery.search.finding import STRETCH, whole_places
from tracemark.recovery.search.placement import upright
from tracemark.recovery.search.refining import FINE_SPEEDS, refine, strength
from tracemark.recovery.search.turning import turning

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

AS_IT_RAN = 0.95
"""Amplitude at speed 1, as a share of that at the best speed, above which it is speed 1: codecs show new patterns late,
but not those of the first frame, which looks like a speed up to a twentieth lower."""

DOUBTED = 14.0
"""Ratio of variances (F, of one and of all but two values) from which another speed is believed: leaks at speed 1 whose
amplitude is smaller reach 6, those at .9 and 1.1 have 15 to 126."""


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
    straight, found = cores.both(
        lambda: refine(level, 0.0, turned, pilot, profile, _speed), lambda: whole_places(turned, pilot, profile)
    )
    others = [
        refine(place.matrix, place.score, turned, pilot, profile, _speed)
        for place in found
        if SAME * side < (off := np.abs((place.matrix - level) @ CORNERS)[:2].max())
        and (off < NEAR * side or place.score >= FAR)
    ]
    return max((straight, *others), key=lambda each: strength(each, turned, pilot, profile))


def _speed(answers: Doubles, times: Doubles, profile: Profile) -> float:
    """Speed at which the pilot's answers turn: 1, unless another one fits far better.

    The fit is that of a cosine and a sine by least squares, which few and uneven turns do not bias (Lomb 1976).
    """
    waves = np.pi / profile.slot_seconds * np.outer(FINE_SPEEDS, times)
    cosines, sines = np.cos(waves), np.sin(waves)
    even, odd, mixed = (cosines**2).sum(axis=1), (sines**2).sum(axis=1), (cosines * sines).sum(axis=1)
    like_even, like_odd = cosines @ answers, sines @ answers
    fits = (like_even**2 * odd - 2 * like_even * like_odd * mixed + like_odd**2 * even) / (even * odd - mixed**2)
    best, normal = int(fits.argmax()), int(np.abs(FINE_SPEEDS - 1).argmin())
    left = float(answers @ answers - fits[best]) / max(len(answers) - 2, 1)
    believed = fits[normal] <= AS_IT_RAN**2 * fits[best] and fits[best] - fits[normal] >= DOUBTED * left
    return float(FINE_SPEEDS[best]) if believed else 1.0
