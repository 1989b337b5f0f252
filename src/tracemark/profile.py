"""The wire format: every number that the embedder and the decoder must agree on.

A profile is frozen and versioned. `docs/format.md` states it in words; `docs/decisions/` says why each number is
what it is. Two programs that hold the same key and the same profile agree on every sample of every pattern.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Plane:
    """How one kind of plane (luma or chroma) carries cells.

    Parameters
    ----------
    long_side : int
        Samples of the canonical grid along the picture's long side; a multiple of the cell.
    band : tuple of float
        Lowest and highest radial frequency of the pattern, in cycles per canonical sample.
    """

    long_side: int
    band: tuple[float, float]


@dataclass(frozen=True)
class Profile:
    """The numbers of one version of the mark.

    Parameters
    ----------
    version : int
        Named in every keyed stream, so that no two versions share a pattern.
    cell : int
        Side of a cell and size of its DCT, in canonical samples.
    luma, chroma : Plane
        The canonical grids. A chroma cell covers two by two luma cells.
    slot : Fraction
        Seconds of presentation time that one pattern lasts.
    patterns : int
        Patterns in turn before the first returns; even, because the pilot turns its sign from slot to slot.
    carriers : int
        Sinusoids in the pilot.
    ring : tuple of float
        Lowest and highest frequency of the pilot's carriers, in cycles per long side of the picture.
    spacing : float
        Least distance between two carriers' frequencies, in cycles per long side.
    pilot_share : float
        Share of the luma mark's power that the pilot takes.
    clock_share : Fraction
        Share of the canvas' cells that tell the slot's number instead of a code bit.
    clock_groups : int
        Groups of such cells in a slot, each with a sign of its own.
    clock_slots : int
        Slots before the clock's signs repeat: 24 hours.
    """

    version: int = 2
    cell: int = 8
    luma: Plane = Plane(320, (0.12, 0.24))
    chroma: Plane = Plane(160, (0.11, 0.22))
    slot: Fraction = Fraction(12, 25)
    patterns: int = 16
    carriers: int = 32
    ring: tuple[float, float] = (40.0, 76.0)
    spacing: float = 2.5
    pilot_share: float = 0.25
    clock_share: Fraction = Fraction(1, 16)
    clock_groups: int = 16
    clock_slots: int = 180_000

    @property
    def slot_seconds(self) -> float:
        """Length of a slot in seconds."""
        return float(self.slot)

    @property
    def cycle_seconds(self) -> float:
        """Seconds after which the patterns repeat."""
        return float(self.slot * self.patterns)

    def slot_of(self, time: Fraction | float) -> int:
        """Slot that a presentation time falls into.

        Parameters
        ----------
        time : Fraction or float
            Presentation time in seconds.

        Returns
        -------
        int
            ``floor(time / slot)``; exact for a Fraction.
        """
        return int(Fraction(time) // self.slot)


PROFILE = Profile()
"""The profile of this version of tracemark."""
