"""How many codewords lie at each distance of another: the table of `tracemark.recovery.distances`.

    python -m benchmarks.distances --states 8

The code is linear, so distances are weights. From each state of the trellis all closed paths are counted by their
weight, in one lap; a codeword is counted in the state that its path begins in. All 16,384 states would take a day in
numpy, and some of them, drawn by chance, an estimate; the table was made by the same loop in C.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np

from tracemark import coding
from tracemark.recovery.distances import COUNTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from tracemark.coding.convolutional import TailBitingCode


def weights_of_branches(code: TailBitingCode) -> NDArray[np.int64]:
    """Weight of the code bits on the branch from each state with each new bit: shape (states, 2)."""
    states = 1 << code.memory
    registers = np.arange(states)[:, None] << 1 | np.arange(2)
    # generators are written with the newest bit highest, registers with the newest lowest
    taps = [int(f"{generator:0{code.memory + 1}b}"[::-1], 2) for generator in code.generators]
    return np.asarray(sum((np.bitwise_count(registers & tap) & 1).astype(np.int64) for tap in taps), np.int64)


def closed_paths(code: TailBitingCode, start: int, most: int) -> NDArray[np.float64]:
    """Count the closed paths from a state by weight.

    Parameters
    ----------
    code : TailBitingCode
    start : int
    most : int
        Largest weight that is counted.

    Returns
    -------
    ndarray of float64, shape (most + 1,)
    """
    states = 1 << code.memory
    weights, old = weights_of_branches(code), np.arange(states)
    paths = np.zeros((states, most + 1))
    paths[start, 0] = 1
    for _ in range(code.message_bits):
        following = np.zeros_like(paths)
        for bit in (0, 1):
            new = (old << 1 | bit) % states
            for upper in (False, True):  # each state is reached from two, one in either half
                half = old >= states // 2 if upper else old < states // 2
                for weight in range(code.rate_inverse + 1):
                    chosen = half & (weights[:, bit] == weight)
                    following[new[chosen], weight:] += paths[old[chosen], : most + 1 - weight]
        paths = following
    return np.asarray(paths[start], np.float64)


def counted(code: TailBitingCode, starts: Iterable[int], most: int) -> NDArray[np.float64]:
    """Count codewords by weight, of those whose path begins in some states."""
    return np.asarray(sum(closed_paths(code, start, most) for start in starts), np.float64)


def main(given: Sequence[str] | None = None) -> None:
    """Count, and print beside the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.distances", description="The code's distance profile.")
    parser.add_argument("--states", type=int, default=8, help="states drawn by chance, beside state 0")
    states, most = 1 << coding.CODE.memory, max(COUNTS)
    asked = parser.parse_args(sys.argv[1:] if given is None else given).states
    drawn = 1 + np.random.default_rng(1).permutation(states - 1)[:asked]
    rest = counted(coding.CODE, drawn.tolist(), most) * (states - 1) / max(len(drawn), 1)
    found = closed_paths(coding.CODE, 0, most) + rest
    for distance in range(1, most + 1):
        if found[distance] or distance in COUNTS:
            print(f"{distance}: table {COUNTS.get(distance, 0):.4g}, estimated {found[distance]:.4g}")


if __name__ == "__main__":
    main()
