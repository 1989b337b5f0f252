"""How likely chance alone explains a score: the one place where `p_false` is made.

The statistic. A cell's evidence is ``v = sum(feature * chip)`` over the DCT coefficients of one cell under one
pattern. In material that does not carry the mark of this key the chips are independent of the picture, so each ``v``
is as likely ``+|v|`` as ``-|v|``, independently of all others, whatever the picture is and however features were
weighted, as long as the weights do not depend on these chips. For one fixed message with codeword signs ``c`` the
score ``z = sum(c * v) / sqrt(sum(v ** 2))`` is therefore a normalised Rademacher sum, for which

    P(z >= x) <= 3.178 * Q(x)     (Bentkus and Dzindzalieta 2015, theorem 1.1)

with Q the tail of the normal distribution. Nothing about the distribution of pictures is assumed. The union bound over
all 2^64 messages, and over every evidence vector that was decoded (keys, alignments, offsets, attempts), gives

    p_false = min(1, 2^64 * trials * 3.178 * Q(z)).

That bounds what foreign material does. A leak that does carry a mark of this key can still be misread as a codeword
near the true one, which shares most of its evidence. The leak's own signal-to-noise ratio is known from its score: half
the log-likelihood ratio of a code bit is its evidence times ``z / sqrt(sum(v ** 2))``, or less where the message leaves
more of the evidence than chance would: several members' copies, merged, make a codeword of none of them. With it the
code's trellis gives `p_mistaken`, the probability that another message was sent (`tracemark.coding.reliability`). A
member is named only if both are small.
"""

from __future__ import annotations

from math import erfc, exp, log, pi, sqrt
from typing import TYPE_CHECKING

from tracemark import coding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RADEMACHER_CONSTANT = 3.178
"""Bentkus and Dzindzalieta (2015): least factor by which Q must be raised to bound every Rademacher sum, rounded up."""

FOUND = 1e-9
"""Largest `p_false` at which a member is named (the contract's bar)."""

MISTAKEN = 1e-6
"""Largest `p_mistaken` at which a member is named."""

CERTAIN = 1e-12
"""At this `p_false` and `p_mistaken` reading on is idle."""


def log_normal_tail(score: float) -> float:
    """Natural logarithm of the normal distribution's upper tail.

    Parameters
    ----------
    score : float
        In standard deviations.

    Returns
    -------
    float
        ``log(Q(score))``; beyond 30 by the asymptotic series (Abramowitz and Stegun 1964, eq. 26.2.12), whose
        truncation after the first term bounds Q from above.
    """
    if score < 30:
        return log(0.5 * erfc(score / sqrt(2)))
    return -score * score / 2 - log(score * sqrt(2 * pi))


def log_p_false(score: float, trials: int) -> float:
    """Natural logarithm of the probability that foreign material scores as well.

    Parameters
    ----------
    score : float
        ``z`` of the best message.
    trials : int
        Evidence vectors that were decoded before and including this one.

    Returns
    -------
    float
        At most 0.
    """
    bound = log_normal_tail(score) + log(RADEMACHER_CONSTANT) + coding.MESSAGE_BITS * log(2) + log(max(trials, 1))
    return min(0.0, bound)


def log_p_fits(score: float, log_pairs: float) -> float:
    """Natural logarithm of the probability that foreign material makes any known candidate score as well.

    Parameters
    ----------
    score : float
        ``z`` of the best candidate.
    log_pairs : float
        Logarithm of the number of pairs of a candidate and an evidence vector that were scored.

    Returns
    -------
    float
        At most 0.
    """
    return min(0.0, log_normal_tail(score) + log(RADEMACHER_CONSTANT) + log_pairs)


def p_mistaken(soft: NDArray[np.float64], score: float, decoded: coding.Decoded) -> float:
    """Probability that a marked leak was misread as this message.

    Parameters
    ----------
    soft : ndarray of float64, shape (384,)
        Evidence of each code bit, in units in which chance gives a score of variance 1.
    score : float
        ``z`` of the message.
    decoded : Decoded

    Returns
    -------
    float
    """
    # what the message leaves of the evidence is more than chance where other members' marks are in it
    left = max(float(soft @ soft) - score * score / coding.CODE_BITS, 1.0)
    return coding.p_mistaken(soft * (score / left), decoded)


def probability(log_p: float) -> float:
    """Turn a logarithm into a probability that is never shown as exactly 0.

    Parameters
    ----------
    log_p : float

    Returns
    -------
    float
    """
    return max(exp(max(log_p, -690.0)), 1e-299)


def score_needed(trials: int, p_false: float = FOUND) -> float:
    """Score at which a message is found.

    Parameters
    ----------
    trials : int
        Evidence vectors decoded.
    p_false : float
        What it has to come down to, less than 1.

    Returns
    -------
    float
        Least ``z``, to 0.01, with no larger `p_false`.
    """
    low, high = 0.0, 40.0
    while high - low > 0.01:
        middle = (low + high) / 2
        if log_p_false(middle, trials) <= log(p_false):
            high = middle
        else:
            low = middle
    return high
