"""How a leak lies that was read as it stands: a degree askew, say, or seen at a slight angle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracemark import cores
from tracemark.recovery.reel import Reel
from tracemark.recovery.search.finding import SEARCH_SIDE, STRETCH, whole_places
from tracemark.recovery.search.placement import upright
from tracemark.recovery.search.refining import refine, strength
from tracemark.recovery.search.turning import turning

if TYPE_CHECKING:
    from tracemark.profile import Profile
    from tracemark.recovery.search.placement import Pilot, Placement

CORNERS = np.array([[-0.5, 0.5, 0.5, -0.5], [-0.5, -0.5, 0.5, 0.5], [1, 1, 1, 1]])
"""Of the canvas."""

NEAR = 0.12
"""Long sides by which a corner may be off."""

SAME = 0.004
"""Long sides by which corners are off where refining from both would lead to the same."""


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
    turned = turning(short, profile, SEARCH_SIDE)
    height, width = turned.images.shape[1:]
    side = max(height, width)
    level = upright((width, height))
    straight, found = cores.both(
        lambda: refine(level, 0.0, turned, pilot, profile), lambda: whole_places(turned, pilot, profile)
    )
    # read as it stands, the leak cannot lie far otherwise: what is found there is chance; nor is it asked twice
    near = [
        refine(place.matrix, place.score, turned, pilot, profile)
        for place in found
        if SAME * side < np.abs((place.matrix - level) @ CORNERS)[:2].max() < NEAR * side
    ]
    return max((straight, *near), key=lambda each: strength(each, turned, pilot, profile))
