"""How likely an innocent member's codeword fits the evidence: of a leak that carries whoever else's marks.

Payloads pass through a keyed permutation before they are encoded, so to everyone without the key an innocent member's
codeword is drawn from all 2^64 alike, whatever is in the leak, and whoever marked, merged or distorted it. Given the
evidence ``s`` (soft code bits, in units in which chance alone gives a score of variance 1) its score is therefore

    s . c = best * rho + rest,

`best` being the score of the codeword that fits the evidence best of all 2^64, whoever's it is, rho that codeword's
correlation with ``c``, and `rest` a sum of signs of ``c`` weighed by what that codeword leaves of the evidence, whose
variance is ``(s . s - best^2 / 384) (1 - rho^2)``. How often two codewords have a correlation is the code's distance
profile (`tracemark.recovery.distances`): near ones are far more frequent than among words drawn by chance, and this is
what a leaker who is not registered does to those who are. The other term is bounded as any Rademacher sum is.

Nothing is assumed of the leak, so the bound also holds for innocents beside several members who merged their copies.
"""

from __future__ import annotations

from math import exp, inf, log, sqrt

from tracemark.coding import CODE_BITS
from tracemark.recovery.distances import LOG_SHARES
from tracemark.recovery.statistics import RADEMACHER_CONSTANT, log_normal_tail


def log_p_innocent(score: float, best: float, energy: float) -> float:
    """Natural logarithm of the probability that one innocent member's codeword fits the evidence as well.

    Parameters
    ----------
    score : float
        ``s . c`` of the candidate.
    best : float
        ``s . c`` of the codeword that fits best of all 2^64.
    energy : float
        ``s . s``; 1 by chance.

    Returns
    -------
    float
        At most 0.
    """
    spread = max(energy - best * best / CODE_BITS, 0.0)
    logs = []
    for distance, share in enumerate(LOG_SHARES):
        if share > -inf:
            likeness = 1 - 2 * distance / CODE_BITS
            logs.append(share + _log_tail(score - best * likeness, spread * (1 - likeness * likeness)))
    most = max(logs)
    return min(0.0, most + log(sum(exp(each - most) for each in logs)))


def _log_tail(excess: float, variance: float) -> float:
    if variance <= 0:
        return 0.0 if excess <= 0 else -inf
    return min(0.0, log(RADEMACHER_CONSTANT) + log_normal_tail(excess / sqrt(variance)))
