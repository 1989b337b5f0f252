"""Messages of all tracks of a leak put together: who is in it, when, where, and when that was shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracemark.recovery import clock
from tracemark.recovery.statistics import FOUND, MISTAKEN, probability
from tracemark.recovery.verdict import Geometry, Member

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracemark.profile import Profile
    from tracemark.recovery.sight import Sight
    from tracemark.recovery.track import Message, Track


@dataclass(frozen=True)
class Seen:
    """A track and the sight it was seen through; None for the whole picture as it stands."""

    track: Track
    sight: Sight | None


def named(message: Message) -> bool:
    """Whether a message names its member."""
    return probability(message.log_p_false) <= FOUND and message.p_mistaken <= MISTAKEN


def gathered(seen: Sequence[Seen], seconds: float, profile: Profile) -> list[Member]:
    """List everyone whose mark was found, in the order of the leak.

    Parameters
    ----------
    seen : sequence of Seen
    seconds : float
        Length of the leak.
    profile : Profile

    Returns
    -------
    list of Member
        A message that several tracks read is listed once, as the surest of them has it.
    """
    found: dict[tuple[str, object], Member] = {}
    for each in seen:
        for message in (*each.track.messages, each.track.best):
            if message is None or not named(message):
                continue
            member = _member(message, each, seconds, profile)
            held = found.get((member.key_id, member.payload))
            if held is None or member.p_false < held.p_false:
                found[member.key_id, member.payload] = member
    return sorted(found.values(), key=lambda member: (member.start, member.p_false))


def _member(message: Message, seen: Seen, seconds: float, profile: Profile) -> Member:
    speed = seen.sight.placement.speed if seen.sight else 1.0
    first = clock.first_slot(message.clock, message.key, profile)
    media_time = None
    if first is not None:
        bins = message.offset * seen.track.record.bin_seconds
        media_time = round((first * profile.slot_seconds + bins + message.start) % clock.day(profile), 3)
    return Member(
        payload=message.payload,
        p_false=probability(message.log_p_false),
        p_mistaken=message.p_mistaken,
        score=round(message.score, 3),
        key_id=message.key.id,
        start=round(message.start / speed, 3),
        end=round(min(message.end / speed, seconds), 3),
        geometry=seen.sight.geometry(seen.track) if seen.sight else Geometry(),
        media_time=media_time,
        speed=round(speed, 3),
    )
