"""What a decode says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tracemark.payload import Payload
    from tracemark.remarks import Remark

Verdict = Literal["found", "inconclusive", "absent"]
"""`found`: a member is named; `inconclusive`: a mark seems to be there, but not enough of it; `absent`: nothing."""

Method = Literal["payload", "registry"]

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
    outline : tuple of tuple of float
        Corners of the host in the leak, both coordinates normalised to 1: top left, top right, bottom right, bottom
        left of the host.
    """

    matrix: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    flipped: bool = False
    outline: tuple[tuple[float, float], ...] = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


@dataclass(frozen=True)
class Member:
    """One of those whose mark is in a leak.

    Parameters
    ----------
    payload : Payload
    p_false, p_mistaken, score : float
        As in `Decoding`, for this message.
    key_id : str
    start, end : float
        Seconds of the leak between which the mark was seen.
    media_time : float or None
        Seconds from the start of the stream to what the leak shows at `start`; None if the clock could not be read.
    geometry : Geometry
        Where the host lies in the leak.
    speed : float or None
        How much faster the leak runs than the stream did; None where it was not measured: a picture, or effort fast.
    method : {"payload", "registry"}
        Whether the bits were decoded blind, or a known candidate was recognised.
    label : str or None
        What the member is called, if candidates were given and named.
    runner_up : Payload or None
        The candidate who fits the same evidence next best and is not named; None without candidates.
    margin : float or None
        Deviations by which that one's score is lower.
    against : Remark or None
        What speaks against this member although the mark names them.
    """

    payload: Payload
    p_false: float
    p_mistaken: float
    score: float
    key_id: str
    start: float
    end: float
    media_time: float | None
    geometry: Geometry
    speed: float | None
    method: Method = "payload"
    label: str | None = None
    runner_up: Payload | None = None
    margin: float | None = None
    against: Remark | None = None

    @property
    def contradiction(self) -> str | None:
        """What speaks against this member, in English."""
        return str(self.against) if self.against else None


@dataclass(frozen=True)
class VisibleCode:
    """A session code that a leak shows.

    Parameters
    ----------
    code : str
        As it is written on screen.
    payload : Payload
        Whom it names.
    key_id : str
        Of the key that it was made with.
    confidence : float
        Probability that it was read right.
    start, end : float
        Seconds of the leak of the first and the last frame that it was seen in.
    outline : tuple of tuple of float
        Its corners in the leak where it was clearest, both coordinates normalised to 1, from the code's left top one
        clockwise.
    seen : tuple of tuple of float
        All the stretches of time in which it was seen.
    """

    code: str
    payload: Payload
    key_id: str
    confidence: float
    start: float
    end: float
    outline: tuple[tuple[float, float], ...]
    seen: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Disagreement:
    """A visible code over the mark of somebody else.

    Parameters
    ----------
    visible : VisibleCode
    invisible : tuple of Member
        Whose marks were read there and then.
    start, end : float
        Seconds of the leak between which they disagree.
    """

    visible: VisibleCode
    invisible: tuple[Member, ...]
    start: float
    end: float


@dataclass(frozen=True)
class Trace:
    """Evidence over time.

    Parameters
    ----------
    member : int or None
        Index in `Decoding.members` of whose message it speaks for; None for the pilot, which is alike for everyone.
    times : tuple of float
        Seconds of the leak: the middle of each measurement.
    scores : tuple of float
        Each in deviations of what chance makes of that measurement alone.
    """

    member: int | None
    times: tuple[float, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Places:
    """Evidence over the picture.

    Parameters
    ----------
    member : int or None
        Index in `Decoding.members` of whose sight it is; None if nobody was found.
    gains : ndarray of float64, shape (rows, columns)
        How strongly the pilot answers in every cell, in any unit; NaN where the leak does not show the cell.
    matrix : tuple
        Homography, row by row, from `gains` (columns and rows normalised to 0..1, edge to edge) to the leak, its width
        and height normalised to 1.
    """

    member: int | None
    gains: NDArray[np.float64]
    matrix: Matrix


@dataclass(frozen=True)
class Chart:
    """What is drawn of a decode, beside the verdict.

    Parameters
    ----------
    traces : tuple of Trace
    places : tuple of Places
    """

    traces: tuple[Trace, ...] = ()
    places: tuple[Places, ...] = ()


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
    method : {"payload", "registry"}
        Whether the bits were decoded without knowing any candidate, or a known one was recognised.
    key_id : str or None
        Id of the key whose mark was found or seems to be there.
    frames_used : int
        Frames that the verdict rests on.
    seconds_used : float
        Seconds of the leak that were read.
    geometry : Geometry
    why : tuple of Remark
        What stood in the way and what would help.
    score : float
        The statistic that `p_false` comes from: ``z`` of `tracemark.recovery.statistics`.
    trials : int
        Evidence vectors that were decoded in all, which `p_false` is corrected for.
    members : tuple of Member
        Everyone whose mark was found, in the order of the leak.
    media_time : float or None
        Of the member named.
    size : tuple of int or None
        Width and height of the leak as it is displayed, in square pixels; None if nobody said.
    chart : Chart or None
        What there is to draw.
    visible_codes : tuple of VisibleCode
        Session codes that were read off the picture, in the order of the leak.
    disagreements : tuple of Disagreement
        Those of them that name somebody else than the mark under them does.
    """

    verdict: Verdict
    payload: Payload | None
    p_false: float
    p_mistaken: float
    method: Method
    key_id: str | None
    frames_used: int
    seconds_used: float
    geometry: Geometry
    why: tuple[Remark, ...]
    score: float
    trials: int
    members: tuple[Member, ...] = ()
    media_time: float | None = None
    size: tuple[int, int] | None = None
    chart: Chart | None = field(default=None, compare=False, repr=False)
    visible_codes: tuple[VisibleCode, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """What stood in the way and what would help, in English."""
        return tuple(str(each) for each in self.why)

    @property
    def visible_code(self) -> VisibleCode | None:
        """The surest of `visible_codes`."""
        return max(self.visible_codes, key=lambda each: each.confidence, default=None)

    @property
    def speed(self) -> float | None:
        """How much faster the leak runs than the stream did, where the member named was seen; None if not measured."""
        return self.named.speed if self.named else None

    @property
    def named(self) -> Member | None:
        """The surest of `members`, whom `payload` names."""
        return min(self.members, key=lambda each: each.p_false, default=None)
