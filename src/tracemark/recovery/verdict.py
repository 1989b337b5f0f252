"""What a decode says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tracemark.payload import Payload

Verdict = Literal["found", "inconclusive", "absent"]
"""`found`: a member is named; `inconclusive`: a mark seems to be there, but not enough of it; `absent`: nothing."""

Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Geometry:
    """How the leak's picture lies on the host's.

    Parameters
    ----------
    matrix : tuple
        Homography, row by row, from leak to host, both with width and height normalised to 1.
    flipped : bool
        Whether the leak is mirrored.
    """

    matrix: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    flipped: bool = False


@dataclass(frozen=True)
class Member:
    """One of those whose mark is in a leak.

    Parameters
    ----------
    payload : Payload
    p_false, p_mistaken : float
        As in `Decoding`, for this message.
    key_id : str
    start, end : float
        Seconds of the leak between which the mark was seen.
    media_time : float or None
        Seconds from the start of the stream to what the leak shows at `start`; None if the clock could not be read.
    """

    payload: Payload
    p_false: float
    p_mistaken: float
    key_id: str
    start: float
    end: float
    media_time: float | None


@dataclass(frozen=True)
class Decoding:
    """What a leak says about whom it was shown to.

    Parameters
    ----------
    verdict : {"found", "inconclusive", "absent"}
    payload : Payload or None
        Session and member; None unless found.
    p_false : float
        Bound on the probability that unmarked or foreign material scores as well, corrected for all that was
        searched.
    p_mistaken : float
        Probability that a marked leak was misread as the member it names instead of another; 1 if nothing was read.
    method : str
        ``"payload"``: the bits were decoded without knowing any candidate.
    key_id : str or None
        Id of the key whose mark was found or seems to be there.
    frames_used : int
        Frames that the verdict rests on.
    seconds_used : float
        Seconds of the leak that were read.
    geometry : Geometry
    reasons : tuple of str
        In words, what stood in the way and what would help.
    score : float
        The statistic that `p_false` comes from: ``z`` of `tracemark.recovery.statistics`.
    trials : int
        Evidence vectors that were decoded in all, which `p_false` is corrected for.
    members : tuple of Member
        Everyone whose mark was found, in the order of the leak.
    media_time : float or None
        Of the member named.
    """

    verdict: Verdict
    payload: Payload | None
    p_false: float
    p_mistaken: float
    method: str
    key_id: str | None
    frames_used: int
    seconds_used: float
    geometry: Geometry
    reasons: tuple[str, ...]
    score: float
    trials: int
    members: tuple[Member, ...] = ()
    media_time: float | None = None
