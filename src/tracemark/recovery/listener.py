"""What the tracks of a leak looked at, kept so that known members can be recognised in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tracemark.keys import Key
    from tracemark.recovery.evidence import Evidence
    from tracemark.recovery.sight import Sight
    from tracemark.recovery.templates import Templates
    from tracemark.recovery.timing import Phase
    from tracemark.recovery.track import Track

Where = Literal["whole", "placement", "part"]
"""The whole picture as it stands, a placement that the search found, or a part of the clip or of its picture."""


MOST = 20_000
"""Evidence vectors that are kept, 100 MiB; what a long search at the highest effort looks at after them is not."""


@dataclass(frozen=True, eq=False)
class Heard:
    """An evidence vector.

    Parameters
    ----------
    key : Key
    where : {"whole", "placement", "part"}
    soft : ndarray of float64, shape (384,)
        Evidence of each code bit.
    energy : float
        Sum of the squares of the cells' evidence.
    sight : Sight or None
        That it was seen through; None for the whole picture as it stands.
    offset : int
        Bins from the start of a cycle to the start of the leak.
    start, end : float
        Seconds of the track between which it was seen.
    pilot : float
        Score of the pilot it was read by.
    clock : dict of int to ndarray
        `Evidence.clock`.
    places : ndarray of float64, shape (rows, columns), or None
        What the pilot answered in every cell.
    """

    key: Key
    where: Where
    soft: NDArray[np.float64]
    energy: float
    sight: Sight | None
    offset: int
    start: float
    end: float
    pilot: float
    clock: dict[int, NDArray[np.float64]]
    places: NDArray[np.float64] | None = None


@dataclass
class Listener:
    """Keeps evidence vectors.

    Attributes
    ----------
    heard : list of Heard
    """

    heard: list[Heard] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)

    def hear(self, track: Track, key: Key, templates: Templates, phase: Phase, offsets: Sequence[Evidence]) -> None:
        """Keep what a track looked at, one vector for each pair of slots that the leak may begin in.

        Parameters
        ----------
        track : Track
        key : Key
        templates : Templates
        phase : Phase
        offsets : sequence of Evidence
            From `gather`, at this phase.
        """
        if len(self.heard) >= MOST:
            return
        for pair, evidence in enumerate(offsets):
            if (energy := evidence.energy) > 0:
                self.heard.append(
                    Heard(
                        key=key,
                        where="placement" if track.sight else "whole",
                        soft=evidence.soft_bits(templates),
                        energy=energy,
                        sight=track.sight,
                        offset=phase.offset(pair),
                        start=track.span[0],
                        end=track.span[1],
                        pilot=phase.score,
                        clock=evidence.clock,
                        places=track.gains,
                    )
                )
        self._ends.append(len(self.heard))

    def join(self, later: Listener) -> None:
        """Keep what another one heard, as if it had been heard here.

        Parameters
        ----------
        later : Listener
        """
        begin = 0
        for end in later._ends:
            if len(self.heard) >= MOST:
                return
            self.heard += later.heard[begin:end]
            self._ends.append(len(self.heard))
            begin = end
