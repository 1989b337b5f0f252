"""How sure the decoder's message is: its weight against that of all other paths through the trellis.

With code bits in Gaussian noise a codeword is as likely as ``exp(sum(soft * signs))``, `soft` being half the
log-likelihood ratios. The sum over all paths that leave a state and come back to it after a lap is one forward pass;
whatever is not the decoded path's share of it is the probability of a mistake (Raghavan and Baum 1998, the reliability
output Viterbi algorithm). Paths that detour across the anchor are missed, so two anchors on opposite
sides of the ring are summed: what detours across both is at least half a lap long and too heavy to matter.

References
----------
Raghavan and Baum, 1998, "A reliability output Viterbi algorithm with applications to hybrid ARQ", IEEE Transactions on
Information Theory 44(3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracemark.coding.viterbi import branch_patterns, branch_tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.coding.convolutional import TailBitingCode

    Doubles = NDArray[np.float64]

ANCHORS = 2
"""Places of the ring that a path is held at in turn."""

PRECISION = 1e-15
"""What double precision cannot tell from nothing: no claim is smaller."""


def p_mistaken(code: TailBitingCode, soft: Doubles, message: NDArray[np.uint8]) -> float:
    """Probability that another message than the decoded one was sent.

    Parameters
    ----------
    code : TailBitingCode
    soft : ndarray of float64, shape (code.code_bits,)
        Half the log-likelihood ratio of each code bit, positive for 1.
    message : ndarray of uint8, shape (code.message_bits,)
        What was decoded.

    Returns
    -------
    float
        `PRECISION` to 1.
    """
    agreement = soft * (code.encode(message).astype(np.float64) * 2 - 1)
    total = 0.0
    for anchor in range(ANCHORS):
        place = anchor * code.message_bits // ANCHORS
        shift = -place * code.rate_inverse
        others = _detours(code, np.roll(soft, shift), np.roll(agreement, shift), np.roll(message, -place))
        total += others / (1 + others) if np.isfinite(others) else 1.0
    return min(1.0, max(total, PRECISION))


def _detours(code: TailBitingCode, soft: Doubles, agreement: Doubles, message: NDArray[np.uint8]) -> float:
    """Weight of all other closed paths through the message's own first state, in units of the message's path."""
    half = 1 << (code.memory - 1)
    patterns = branch_patterns(code)
    tables = branch_tables(code, soft[None])[..., 0]
    own = agreement.reshape(code.message_bits, code.rate_inverse).sum(axis=1)
    # the newest bit of a state is its lowest, and before the first step the newest bit is the ring's last
    start = int(sum(int(bit) << place for place, bit in enumerate(message[::-1][: code.memory])))
    weights = np.zeros(2 * half)
    weights[start] = 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        for table, gain in zip(tables, own, strict=True):
            along, against = np.exp(table - gain)[patterns], np.exp(-table - gain)[patterns]
            lower, upper = weights[:half], weights[half:]
            weights = np.stack([lower * along + upper * against, lower * against + upper * along], axis=1).ravel()
    return max(float(weights[start] - 1.0), 0.0) if np.isfinite(weights[start]) else float("inf")
