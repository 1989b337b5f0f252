"""How often two codewords lie at each distance: the code's distance profile.

The code is linear, so the distances of all codewords from any one of them are the weights of the 2^64 codewords. Near
ones are far more frequent than among words drawn by chance, because two paths through the trellis may part for a
while only; from 152 on the two agree, by less than 1 %. The numbers were counted for
state 0 of the trellis and estimated from 700 of the 16,383 others, drawn by chance (`benchmarks/distances.py`); up to a
distance of 135 the estimate is doubled, to be safe. They are rounded up.
"""

from __future__ import annotations

from math import comb, inf, log

from tracemark.coding import CODE_BITS, MESSAGE_BITS

NEAREST = 56
"""Least distance of two codewords."""

# fmt: off
COUNTED = (
    4.80e1, 4.70e2, 9.58e1, 0.0, 2.33e2, 5.48e2, 1.09e3, 1.15e3, 4.96e2, 6.21e2,
    1.17e3, 8.94e2, 9.79e2, 2.52e3, 2.76e3, 3.49e3, 5.42e3, 7.39e3, 8.79e3, 9.83e3,
    1.23e4, 1.65e4, 2.32e4, 2.83e4, 3.77e4, 5.13e4, 5.71e4, 7.78e4, 1.01e5, 1.22e5,
    1.63e5, 2.06e5, 2.72e5, 3.49e5, 4.42e5, 5.57e5, 7.44e5, 9.46e5, 1.21e6, 1.54e6,
    1.97e6, 2.58e6, 3.27e6, 4.21e6, 5.41e6, 6.95e6, 8.92e6, 1.14e7, 1.47e7, 1.88e7,
    2.41e7, 3.10e7, 3.97e7, 5.11e7, 6.55e7, 8.41e7, 1.08e8, 1.39e8, 1.78e8, 2.28e8,
    2.93e8, 3.76e8, 4.82e8, 6.19e8, 7.94e8, 1.02e9, 1.32e9, 1.69e9, 2.18e9, 2.82e9,
    3.66e9, 4.79e9, 6.33e9, 8.48e9, 1.16e10, 1.62e10, 2.33e10, 3.46e10, 5.30e10, 8.37e10,
    6.59e10, 1.10e11, 1.85e11, 3.12e11, 5.29e11, 8.96e11, 1.51e12, 2.53e12, 4.21e12, 6.93e12,
    1.14e13, 1.83e13, 2.93e13, 4.64e13, 7.26e13, 1.13e14,
)
# fmt: on
"""Codewords at each distance from `NEAREST` on."""

COUNTS = {0: 1.0} | {NEAREST + number: count for number, count in enumerate(COUNTED) if count}
"""Codewords by their distance, where they were counted."""


def _log_share(distance: int) -> float:
    if distance in COUNTS:
        return log(COUNTS[distance]) - MESSAGE_BITS * log(2)
    counted = distance < NEAREST + len(COUNTED)
    return -inf if counted else log(comb(CODE_BITS, distance)) - CODE_BITS * log(2)


LOG_SHARES = tuple(_log_share(distance) for distance in range(CODE_BITS + 1))
"""Natural logarithm of the share of codewords at each distance from a given one, 0 to 384."""
