"""Letters' likelihoods to a code: only codes that fit their check symbol and a key's tag count, so few are possible."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracemark.overlay.crockford import check_sum
from tracemark.overlay.session import TAG_BITS, payload_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tracemark.keys import Key
    from tracemark.payload import Payload

MOST_GUESSES = 3000
"""Readings of one strip that are looked at, the likeliest first."""

CONFIDENT = 0.999
"""Confidence at which a code counts as read."""

LEAST_CONFIDENT = 0.9
"""Confidence under which further readings are not worth looking at."""

SUREST = 1 - 1e-9
"""Confidence above which likelihoods are not to be believed."""

CHANCE = 2.0 ** -(5 + TAG_BITS)
"""Chance that symbols that are no code fit check symbol and tag of one key."""


@dataclass(frozen=True)
class Guess:
    """A code that was read.

    Attributes
    ----------
    values : tuple of int
    payload : Payload
    key : Key
    confidence : float
        Probability that it was read right.
    """

    values: tuple[int, ...]
    payload: Payload
    key: Key
    confidence: float


def guess(likelihood: NDArray[np.float64], keys: Sequence[Key], tried: int = 1) -> Guess | None:
    """Tell the code that letters most likely are.

    Of all readings only a share of `CHANCE` is a code of a key. So a reading of probability q that is one competes with
    a mass of ``(1 - q) * keys * tried * CHANCE`` of others that might by chance be one, too; its probability of being
    right is q over the sum of both.

    Parameters
    ----------
    likelihood : ndarray of float64, shape (SYMBOLS, 32)
        Logarithms.
    keys : sequence of Key
    tried : int
        Strips of this leak that were looked at.

    Returns
    -------
    Guess or None
        None if no reading is a code with `CONFIDENT`.
    """
    posterior = likelihood - np.logaddexp.reduce(likelihood, axis=1, keepdims=True)
    others = len(keys) * max(tried, 1) * CHANCE
    for values, logarithm in _readings(posterior):
        share = float(np.exp(logarithm))
        confidence = min(share / (share + (1 - share) * others), SUREST)
        if confidence < LEAST_CONFIDENT:
            return None
        if check_sum(values):
            continue
        for key in keys:
            payload = payload_of(values, key)
            if payload is not None:
                return Guess(values, payload, key, confidence) if confidence >= CONFIDENT else None
    return None


def _readings(posterior: NDArray[np.float64]) -> Iterator[tuple[tuple[int, ...], float]]:
    """List readings and the logarithms of their probabilities, the likeliest first."""
    order = np.argsort(-posterior, axis=1)
    sorted_ = np.take_along_axis(posterior, order, axis=1)
    ranks = (0,) * len(posterior)
    waiting = [(-float(sorted_[:, 0].sum()), ranks)]
    known = {ranks}
    for _ in range(MOST_GUESSES):
        cost, ranks = heapq.heappop(waiting)
        yield tuple(int(order[place, rank]) for place, rank in enumerate(ranks)), -cost
        for place, rank in enumerate(ranks):
            if rank + 1 < posterior.shape[1]:
                following = (*ranks[:place], rank + 1, *ranks[place + 1 :])
                if following not in known:
                    known.add(following)
                    step = float(sorted_[place, rank] - sorted_[place, rank + 1])
                    heapq.heappush(waiting, (cost + step, following))
