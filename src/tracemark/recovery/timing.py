"""Where in the cycle of patterns a leak begins: the pilot's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracemark.recovery.features import LEAST_LEVEL, OVER_TIME, SINGLE, normalised
from tracemark.recovery.record import BINS_PER_SLOT
from tracemark.recovery.templates import in_band

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.record import Record
    from tracemark.recovery.templates import Templates

STEP = 2
"""Bins in one measurement of the pilot."""

RIDGE = 0.05
"""Regularisation of the prediction from the neighbouring slots."""


@dataclass(frozen=True)
class Offset:
    """A guess at the leak's place in the cycle.

    Parameters
    ----------
    bins : int
        Bins from the start of a cycle to the start of the leak, 0 to the cycle's length.
    score : float
        The pilot's correlation, in robust deviations over all offsets.
    """

    bins: int
    score: float


def pilot_features(record: Record, profile: Profile) -> NDArray[np.float32]:
    """Luma features of short averages, with what the slots before and after predict taken away.

    The pilot turns its sign from slot to slot while a resting picture does not, so the difference keeps the pilot.

    Parameters
    ----------
    record : Record
    profile : Profile

    Returns
    -------
    ndarray of float32, shape (averages, rows, columns, n)
        Zero where no frame fell.
    """
    luma, _, frames = record.averages(0, STEP)
    coefficients = in_band(luma, profile, "luma")
    reach = BINS_PER_SLOT // STEP
    features = np.zeros_like(coefficients)
    held = frames > 0
    for index in np.flatnonzero(held):
        neighbours = [j for j in (index - reach, index + reach) if 0 <= j < len(frames) and held[j]]
        own = coefficients[index]
        if neighbours:
            mean = np.mean(coefficients[neighbours], axis=0)
            # how far the neighbours predict each cell: 0 where it moves, 1 where it rests
            share = (own * mean).sum(-1) / ((mean * mean).sum(-1) * (1 + RIDGE) + 1e-3)
            own = own - np.clip(share, 0, 1)[..., None] * mean
        features[index] = normalised(own, LEAST_LEVEL, OVER_TIME if neighbours else SINGLE)
    return features


def offsets(features: NDArray[np.float32], first: int, templates: Templates, profile: Profile) -> NDArray[np.float64]:
    """Correlate the pilot at every offset.

    Parameters
    ----------
    features : ndarray of float32, shape (averages, rows, columns, n)
        From `pilot_features`.
    first : int
        Bin number of the record's first bin.
    templates : Templates
    profile : Profile

    Returns
    -------
    ndarray of float64, shape (patterns * BINS_PER_SLOT,)
        One correlation per offset in bins, to be added up over records and given to `best_offsets`.
    """
    even = templates.pilot[::2]  # odd slots show the same carriers with the sign turned
    response = features.reshape(len(features), -1) @ even.reshape(len(even), -1).T
    cycle = profile.patterns * BINS_PER_SLOT
    total = np.zeros(cycle)
    for part in range(STEP):
        bins = first + STEP * np.arange(len(features)) + part
        slot = (bins[None] + np.arange(cycle)[:, None]) // BINS_PER_SLOT % profile.patterns
        sign = np.where(slot % 2 == 0, 1.0, -1.0) / STEP
        total += (sign * response[np.arange(len(features))[None], slot // 2]).sum(1)
    return total


def best_offsets(total: NDArray[np.float64], count: int) -> list[Offset]:
    """Choose the offsets at which the pilot answers best.

    Parameters
    ----------
    total : ndarray of float64, shape (offsets,)
    count : int
        How many to return.

    Returns
    -------
    list of Offset
        Best first, no two within a third of a slot.
    """
    spread = 1.4826 * np.median(np.abs(total - np.median(total))) + 1e-9
    left = total / spread
    chosen: list[Offset] = []
    near = np.arange(-BINS_PER_SLOT // 3, BINS_PER_SLOT // 3 + 1)
    for _ in range(count):
        best = int(left.argmax())
        if left[best] == -np.inf:
            break
        chosen.append(Offset(best, float(left[best])))
        left[(best + near) % len(left)] = -np.inf
    return chosen
