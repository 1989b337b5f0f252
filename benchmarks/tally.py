"""What is counted of false positives: scores of random messages, of the decoder's message, and of the pilot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta

from tracemark.recovery.statistics import RADEMACHER_CONSTANT, log_normal_tail

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = 5000
"""Random codewords scored against each evidence vector."""

THRESHOLDS = np.round(np.arange(0, 6.01, 0.25), 2)
"""Scores z at which the tail is counted."""


@dataclass
class Tally:
    """What was counted.

    Attributes
    ----------
    above : list of ndarray of int64, shape (thresholds,)
        For every evidence vector, how many of its random codewords reached each of `THRESHOLDS`.
    largest : float
        Largest score of a random codeword.
    best : list of float
        Score of the decoder's message, for every evidence vector.
    pilots : list of float
        Score of the likeliest offset, for every key on every material.
    """

    words: int = WORDS
    above: list[NDArray[np.int64]] = field(default_factory=list)
    largest: float = 0.0
    best: list[float] = field(default_factory=list)
    pilots: list[float] = field(default_factory=list)

    @property
    def trials(self) -> int:
        """Codewords scored."""
        return self.words * len(self.above)

    def add(self, other: Tally) -> None:
        """Add what was counted elsewhere, with as many codewords a vector."""
        self.above += other.above
        self.best += other.best
        self.pilots += other.pilots
        self.largest = max(self.largest, other.largest)

    def tail(self) -> Tail:
        """Share of the scores at or above each threshold."""
        counts = np.array(self.above)
        total = counts.sum(axis=0)
        # Codewords on one evidence vector are not independent: count fewer trials, as their scatter tells (Kish 1965).
        effect = np.maximum(counts.var(axis=0) / np.maximum(counts.mean(axis=0), 1e-12), 1.0)
        hits, tried = total / effect, self.trials / effect
        low = np.where(total > 0, beta.ppf(0.025, np.maximum(hits, 1e-9), tried - hits + 1), 0.0)
        high = beta.ppf(0.975, hits + 1, np.maximum(tried - hits, 1e-9))
        return Tail(THRESHOLDS, total, total / self.trials, low, high)


@dataclass(frozen=True)
class Tail:
    """A measured tail with its 95 % band (Clopper and Pearson 1934, with the design effect)."""

    thresholds: NDArray[np.float64]
    counts: NDArray[np.int64]
    share: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def kept(self) -> NDArray[np.bool_]:
        """Where what is measured does not show the claim to be wrong: the band reaches down to it."""
        return self.low <= claimed(self.thresholds)


def claimed(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the bound of a fixed message's score: the smaller of 1 and 3.178 Q(x)."""
    return np.array([min(1.0, RADEMACHER_CONSTANT * np.exp(log_normal_tail(float(x)))) for x in scores])
