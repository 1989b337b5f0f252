"""Messages of all tracks of a leak put together: who is in it, when, where, and when that was shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracemark.recovery import clock
from tracemark.recovery.chart import by_the_second, of_canvas, of_grid
from tracemark.recovery.statistics import FOUND, MISTAKEN, log_p_false, probability
from tracemark.recovery.verdict import Chart, Geometry, Member, Places, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.message import Message
    from tracemark.recovery.sight import Sight
    from tracemark.recovery.track import Track


@dataclass(frozen=True)
class Seen:
    """A track, and the sight it was seen through.

    Attributes
    ----------
    track : Track
    sight : Sight or None
        None for the whole picture as it stands.
    settled : tuple of Geometry and float, or None
        How the whole picture was measured to lie, and how fast it runs.
    """

    track: Track
    sight: Sight | None
    settled: tuple[Geometry, float] | None = None

    @property
    def pace(self) -> float:
        """How much faster than the stream the leak was taken to run when it was read."""
        return self.sight.placement.speed if self.sight else 1.0

    @property
    def speed(self) -> float | None:
        """How much faster the leak was measured to run."""
        return self.sight.placement.speed if self.sight else self.settled[1] if self.settled else None

    def geometry(self, message: Message) -> Geometry:
        """Where the host lies that a message was read from."""
        if self.sight:
            return self.sight.geometry(message.places)
        return self.settled[0] if self.settled else Geometry()


@dataclass(frozen=True)
class Find:
    """A member, and the message and track that named them."""

    member: Member
    message: Message
    seen: Seen


def named(message: Message | None, trials: int) -> bool:
    """Whether a message names its member, so many evidence vectors having been decoded."""
    if message is None:
        return False
    return probability(log_p_false(message.score, trials)) <= FOUND and message.p_mistaken <= MISTAKEN


def gathered(seen: Sequence[Seen], seconds: float, trials: int, profile: Profile) -> list[Find]:
    """List everyone whose mark was found, in the order of the leak.

    Parameters
    ----------
    seen : sequence of Seen
    seconds : float
        Length of the leak.
    trials : int
        Evidence vectors that were decoded in all, by all tracks, before a message and after it.
    profile : Profile

    Returns
    -------
    list of Find
        A message that several tracks read is listed once, as the surest of them has it.
    """
    found: dict[tuple[str, object], Find] = {}
    for each in seen:
        for message in (*each.track.messages, each.track.best):
            if message is None or not named(message, trials):
                continue
            p_false = probability(log_p_false(message.score, trials))
            member = member_of(message, each, seconds, p_false, profile)
            held = found.get((member.key_id, member.payload))
            if held is None or member.p_false < held.member.p_false:
                found[member.key_id, member.payload] = Find(member, message, each)
    return sorted(found.values(), key=lambda find: (find.member.start, find.member.p_false))


def charted(finds: Sequence[Find], seen: Sequence[Seen]) -> Chart:
    """Put together what there is to draw.

    Parameters
    ----------
    finds : sequence of Find
    seen : sequence of Seen

    Returns
    -------
    Chart
        The messages' evidence and places; of a leak that names nobody, the pilot's in the whole picture.
    """
    traces, places = [], []
    for number, find in enumerate(finds):
        traces.append(_trace(number, find.message.trace, find.seen.pace))
        if find.message.places is not None:
            places.append(_places(number, find.message.places, find.seen))
    if not finds:
        traces.append(_trace(None, seen[0].track.pilot_trace, 1.0))
    return Chart(tuple(traces), tuple(places))


def _trace(member: int | None, slots: Sequence[tuple[float, float, float]], speed: float) -> Trace:
    times, sums, energies = np.array(slots, np.float64).reshape(-1, 3).T
    return Trace(member, *by_the_second((times / speed).tolist(), sums.tolist(), energies.tolist()))


def _places(number: int, gains: NDArray[np.float64], seen: Seen) -> Places:
    if seen.sight is None:
        assert seen.track.record.shape is not None
        return Places(number, gains, of_grid(seen.track.record.shape.luma))
    shown = np.where(seen.sight.valid, gains, np.nan)
    return Places(number, shown, of_canvas(seen.sight.placement.matrix, seen.sight.size))


def member_of(message: Message, seen: Seen, seconds: float, p_false: float, profile: Profile) -> Member:
    """Say who a message names, and what of the leak shows it.

    Parameters
    ----------
    message : Message
    seen : Seen
        Where it was read.
    seconds : float
        Length of the leak.
    p_false : float
    profile : Profile

    Returns
    -------
    Member
    """
    pace = seen.pace
    first = clock.first_slot(message.clock, message.key, profile)
    media_time = None
    if first is not None:
        bins = message.offset * seen.track.record.bin_seconds
        media_time = round((first * profile.slot_seconds + bins + message.start) % clock.day(profile), 3)
    return Member(
        payload=message.payload,
        p_false=p_false,
        p_mistaken=message.p_mistaken,
        score=round(message.score, 3),
        key_id=message.key.id,
        start=round(message.start / pace, 3),
        end=round(min(message.end / pace, seconds), 3),
        geometry=seen.geometry(message),
        media_time=media_time,
        speed=None if seen.speed is None else round(seen.speed, 3),
    )
