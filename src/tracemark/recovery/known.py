"""Known members beside blind decoding: one evidence for both, and one list of those who were found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tracemark.recovery.listener import Listener
from tracemark.recovery.message import Message
from tracemark.recovery.overview import Overview
from tracemark.recovery.recognition import Recognition, recognise
from tracemark.recovery.statistics import probability
from tracemark.recovery.summary import Find, Seen, member_of
from tracemark.remarks import remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracemark.frames import Frame
    from tracemark.keys import Key
    from tracemark.profile import Profile
    from tracemark.recovery.candidates import Candidates
    from tracemark.recovery.listener import Heard
    from tracemark.recovery.recognition import Recognised
    from tracemark.recovery.record import Record
    from tracemark.recovery.verdict import Member
    from tracemark.remarks import Remark

WAYS = 2
"""Ways of naming a member, blind and known, which share the chance of a false find."""

LATE = 10.0
"""Seconds by which what a member is shown may differ from when they were connected: players hold back that much."""


@dataclass(frozen=True)
class Outcome:
    """Who was found, and what recognition says where nobody was.

    Parameters
    ----------
    finds : list of Find
    recognition : Recognition
    """

    finds: list[Find]
    recognition: Recognition


class Known:
    """Listens to a leak for known members.

    Parameters
    ----------
    candidates : Candidates
    keys : sequence of Key
    record : Record
        Empty; it says how frames are seen.

    Attributes
    ----------
    listener : Listener
        To be given to all tracks.
    blind : list of Message
        What blind decoding named.
    """

    def __init__(self, candidates: Candidates, keys: Sequence[Key], record: Record) -> None:
        self.listener = Listener()
        self.candidates = candidates
        self._overview = Overview(keys, record)
        self._seen: list[Heard] | None = None
        self.blind: list[Message] = []

    def add(self, frame: Frame, time: float) -> None:
        """Take in a frame, at a time in seconds from the beginning of the leak."""
        self._overview.add(frame, time)

    def recognised(self, blind: Sequence[Message] = (), *, still: bool) -> Recognition:
        """Recognise known members in all that was heard so far; no more frames may follow.

        Parameters
        ----------
        blind : sequence of Message
            Those that were decoded blind.
        still : bool
            Whether the leak is a single picture.

        Returns
        -------
        Recognition
        """
        return recognise(self.heard(still=still), self.candidates, blind)

    def heard(self, *, still: bool) -> list[Heard]:
        """Give all evidence vectors; no more frames may follow."""
        if self._seen is None:
            self._seen = [] if still else list(self._overview.heard())
        return self.listener.heard + self._seen

    def recognise(
        self, blind: Sequence[Find], whole: Seen, seconds: float, profile: Profile, *, still: bool
    ) -> Outcome:
        """Recognise known members, and put them together with those who were decoded blind.

        Parameters
        ----------
        blind : sequence of Find
        whole : Seen
            The whole picture as it stands.
        seconds : float
            Length of the leak.
        profile : Profile
        still : bool
            Whether the leak is a single picture.

        Returns
        -------
        Outcome
        """
        self.blind = [find.message for find in blind]
        recognition = self.recognised(self.blind, still=still)
        recognised = {(each.heard.key.id, each.payload): each for each in recognition.found}
        finds = []
        for find in blind:
            told = recognised.pop((find.member.key_id, find.member.payload), None)
            finds.append(replace(find, member=self._told(find.member, told)))
        for each in recognised.values():
            message = _message(each)
            seen = Seen(whole.track, each.heard.sight) if each.heard.sight else whole
            member = member_of(message, seen, seconds, probability(each.log_p_false), profile)
            finds.append(Find(self._told(replace(member, method="registry"), each), message, seen))
        return Outcome(sorted(finds, key=lambda find: (find.member.start, find.member.p_false)), recognition)

    def _told(self, member: Member, told: Recognised | None) -> Member:
        """Add what is known of a member."""
        return replace(
            member,
            label=self.candidates.label(member.payload),
            runner_up=told.runner_up if told else None,
            margin=round(told.margin, 3) if told and told.runner_up else None,
            against=self._against(member),
        )

    def _against(self, member: Member) -> Remark | None:
        index = self.candidates.index(member.payload)
        if index is None:
            return remark("unlisted", candidates=len(self.candidates))
        if member.media_time is None:
            return None
        end = member.media_time + (member.end - member.start) * (member.speed or 1.0)
        if self.candidates.was_connected(index, member.media_time - LATE, end + LATE) is False:
            return remark("unconnected", seconds=member.media_time)
        return None


def _message(each: Recognised) -> Message:
    heard = each.heard
    return Message(
        key=heard.key,
        payload=each.payload,
        signs=each.signs,
        score=each.score,
        log_p_false=each.log_p_false,
        p_mistaken=probability(each.log_p_mistaken),
        offset=heard.offset,
        start=heard.start,
        end=heard.end,
        clock=heard.clock,
        pilot=heard.pilot,
        places=heard.places,
    )
