"""When slots begin in a leak: the pilot's answer.

The pilot turns its sign from slot to slot and shows nothing else, so it tells the beginning of even slots and no more;
which of them it is, the data patterns tell (`tracemark.recovery.evidence`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracemark.recovery.features import LEAST_LEVEL, OVER_TIME, SINGLE, normalised
from tracemark.recovery.record import BINS_PER_SLOT
from tracemark.recovery.templates import each_in_band

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.record import Record
    from tracemark.recovery.templates import Templates

STEP = 2
"""Bins in one measurement of the pilot."""

RIDGE = 0.05
"""Regularisation of the prediction from the neighbouring slots."""


TURN = 2 * BINS_PER_SLOT
"""Bins after which the pilot repeats."""


@dataclass(frozen=True)
class Phase:
    """A guess at where the pilot's turn stood when the leak began.

    Parameters
    ----------
    bins : int
        Bins from the start of an even slot to the start of the leak, 0 to `TURN` - 1.
    score : float
        The pilot's correlation, in deviations of what chance makes.
    """

    bins: int
    score: float

    def offset(self, pair: int) -> int:
        """Bins from the start of a cycle to the start of the leak, if it begins in this pair of slots of the cycle."""
        return self.bins + TURN * pair


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
    frames = record.counts(0, STEP)
    coefficients = each_in_band(record.averages(0, STEP, "luma"), profile, "luma")
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
    if record.valid is not None:
        features[:, ~record.valid] = 0
    return features


def turns(features: NDArray[np.float32], first: int, templates: Templates) -> NDArray[np.float64]:
    """Correlate the pilot at every phase of its turn.

    Parameters
    ----------
    features : ndarray of float32, shape (averages, rows, columns, n)
        From `pilot_features`.
    first : int
        Bin number of the record's first bin.
    templates : Templates

    Returns
    -------
    ndarray of float64, shape (TURN + 1,)
        One correlation for every phase, and last the variance that chance gives each; to be added up over records
        and given to `best_phases`.
    """
    flat = features.reshape(len(features), -1)
    response = flat @ templates.pilot.ravel()
    total = np.zeros(TURN + 1)
    total[-1] = float((flat * flat).mean(axis=1).sum())
    for part in range(STEP):
        bins = first + STEP * np.arange(len(features)) + part
        slot = (bins[None] + np.arange(TURN)[:, None]) // BINS_PER_SLOT
        total[:-1] += np.where(slot % 2 == 0, 1.0, -1.0) @ response / STEP
    return total


def best_phases(total: NDArray[np.float64], count: int) -> list[Phase]:
    """Choose the phases at which the pilot answers best.

    Parameters
    ----------
    total : ndarray of float64, shape (TURN + 1,)
        From `turns`.
    count : int
        How many to return.

    Returns
    -------
    list of Phase
        Best first, no two within a third of a slot.
    """
    left = total[:-1] / np.sqrt(total[-1] + 1e-9)
    chosen: list[Phase] = []
    near = np.arange(-(BINS_PER_SLOT // 3), BINS_PER_SLOT // 3 + 1)
    for _ in range(count):
        best = int(left.argmax())
        if left[best] == -np.inf:
            break
        chosen.append(Phase(best, float(left[best])))
        left[(best + near) % len(left)] = -np.inf
    return chosen
