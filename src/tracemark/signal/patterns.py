"""The keyed patterns: chips in the DCT of cells, which cell says which bit, and the pilot's carriers.

Everything here follows from the key and the profile alone and is made once. Streams of the key are named after what
they feed, so that no two uses share a byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracemark.coding import CODE_BITS
from tracemark.signal import cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.keys import Key
    from tracemark.profile import Plane, Profile

EDGE_TAPER = 0.71
"""Gain of a cell's outer samples: without it the edges of cells show as thin lines (design notes, second study)."""

CREST = 2.4
"""Largest sample of a pattern in units of its RMS: sums of DCT functions peak at the corners of cells."""


@dataclass(frozen=True)
class Patterns:
    """All patterns of one key on the square canvas.

    Attributes
    ----------
    luma : ndarray of float32, shape (patterns, side, side)
        Data pattern of each slot, unit RMS.
    chroma : ndarray of float32, shape (patterns, 2, side, side)
        The same for Cb and Cr, which say the same bit with chips of their own.
    luma_bits, chroma_bits : ndarray of int64, shape (patterns, rows, columns)
        What each cell of the canvas says: the code bit of that index, or from ``CODE_BITS`` on the clock bit of
        index ``number - CODE_BITS``.
    pilot : ndarray of float32, shape (side, side)
        The carriers as even slots show them, unit RMS; see `pilot_sign`.
    frequencies : ndarray of float64, shape (carriers, 2)
        Cycles per long side of the picture in x and y.
    phases : ndarray of float64, shape (carriers,)
        Radians at the centre of the picture.
    """

    luma: NDArray[np.float32]
    chroma: NDArray[np.float32]
    luma_bits: NDArray[np.int64]
    chroma_bits: NDArray[np.int64]
    pilot: NDArray[np.float32]
    frequencies: NDArray[np.float64]
    phases: NDArray[np.float64]

    @classmethod
    def of(cls, key: Key, profile: Profile) -> Patterns:
        """Make the patterns of a key.

        Parameters
        ----------
        key : Key
        profile : Profile

        Returns
        -------
        Patterns
        """
        slots = range(profile.patterns)
        frequencies = _frequencies(key, profile)
        phases = 2 * np.pi * key.stream("pilot phases", profile.version).uniform(profile.carriers)
        return cls(
            luma=np.stack([_pattern(key, profile, profile.luma, "luma chips", s) for s in slots]),
            chroma=np.stack(
                [
                    np.stack([_pattern(key, profile, profile.chroma, name, s) for name in ("cb chips", "cr chips")])
                    for s in slots
                ]
            ),
            luma_bits=np.stack([_bits(key, profile, profile.luma, "luma bits", s) for s in slots]),
            chroma_bits=np.stack([_bits(key, profile, profile.chroma, "chroma bits", s) for s in slots]),
            pilot=_pilot(profile, frequencies, phases),
            frequencies=frequencies,
            phases=phases,
        )


def _pattern(key: Key, profile: Profile, plane: Plane, name: str, slot: int) -> NDArray[np.float32]:
    size, cell = plane.long_side // profile.cell, profile.cell
    chips = key.stream(name, profile.version, slot).signs(size * size * cell * cell)
    coefficients = chips.reshape(size, size, cell, cell) * cells.band_mask(cell, plane.band)
    pattern = cells.inverse(coefficients.astype(np.float32), cell)
    pattern /= pattern.std()
    np.clip(pattern, -CREST, CREST, out=pattern)
    taper = np.ones(cell, np.float32)
    taper[[0, -1]] = EDGE_TAPER
    pattern *= np.tile(np.outer(taper, taper), (size, size))
    return np.asarray(pattern / pattern.std(), np.float32)


def _bits(key: Key, profile: Profile, plane: Plane, name: str, slot: int) -> NDArray[np.int64]:
    size = plane.long_side // profile.cell
    order = key.stream(name, profile.version, slot).permutation(size * size)
    data = int(size * size * (1 - profile.clock_share))
    clock = CODE_BITS + order % profile.clock_groups
    return np.where(order < data, order % CODE_BITS, clock).reshape(size, size)


def _frequencies(key: Key, profile: Profile) -> NDArray[np.float64]:
    """Draw carriers evenly over the half ring, each `spacing` away from all others and their mirror images."""
    stream = key.stream("pilot frequencies", profile.version)
    low, high = profile.ring
    chosen: list[NDArray[np.float64]] = []
    while len(chosen) < profile.carriers:
        radius, angle = stream.uniform(2)
        radius = np.sqrt(low**2 + radius * (high**2 - low**2))
        candidate = radius * np.array([np.cos(np.pi * angle), np.sin(np.pi * angle)])
        if all(
            min(np.hypot(*(candidate - other)), np.hypot(*(candidate + other))) >= profile.spacing for other in chosen
        ):
            chosen.append(candidate)
    return np.array(chosen)


def pilot_sign(slot: int) -> int:
    """Sign of the pilot in a slot: +1 in even ones, -1 in odd ones."""
    return 1 if slot % 2 == 0 else -1


def _pilot(profile: Profile, frequencies: NDArray[np.float64], phases: NDArray[np.float64]) -> NDArray[np.float32]:
    side = profile.luma.long_side
    place = (np.arange(side) + 0.5) / side - 0.5
    across = np.exp(2j * np.pi * np.outer(frequencies[:, 0], place))
    down = np.exp(2j * np.pi * np.outer(frequencies[:, 1], place) + 1j * phases[:, None])
    return np.asarray((down.T @ across).real * np.sqrt(2 / len(frequencies)), np.float32)
