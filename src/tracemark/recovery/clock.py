"""Where in the stream a leak was taken from: the clock's answer, once a message is known.

The offset of a found message tells the slot up to whole cycles of patterns. The clock's cells tell the cycle: their
bits are alike for all viewers and repeat only after a day. For a wrong cycle the key's signs are as good as fair coins,
so the score of each is a normalised Rademacher sum, bounded as in `tracemark.recovery.statistics`.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import numpy as np

from tracemark.recovery.statistics import RADEMACHER_CONSTANT, log_normal_tail
from tracemark.signal.clock import clock_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.keys import Key
    from tracemark.profile import Profile

TRUSTED = 1e-4
"""Largest chance of a wrong media time, over all cycles of a day, at which it is told."""


def day(profile: Profile) -> float:
    """Seconds after which the clock repeats."""
    return profile.clock_slots * profile.slot_seconds


def first_slot(votes: dict[int, NDArray[np.float64]], key: Key, profile: Profile) -> int | None:
    """Find the number that slot 0 of the leak's first cycle had in the stream.

    Parameters
    ----------
    votes : dict of int to ndarray of float64, shape (groups,)
        `Evidence.clock`.
    key : Key
    profile : Profile

    Returns
    -------
    int or None
        A multiple of the number of patterns, from 0 to ``clock_slots``; None if the clock cannot be read.
    """
    energy = sum(float(each @ each) for each in votes.values())
    if energy <= 0:
        return None
    signs = clock_bits(key, profile).astype(np.float32) * 2 - 1
    starts = np.arange(0, profile.clock_slots, profile.patterns)
    scores = np.zeros(len(starts))
    for slot, each in votes.items():
        scores += signs[(starts + slot) % profile.clock_slots] @ each.astype(np.float32)
    best = int(scores.argmax())
    bound = log(RADEMACHER_CONSTANT * len(starts)) + log_normal_tail(float(scores[best]) / energy**0.5)
    return int(starts[best]) if bound <= log(TRUSTED) else None
