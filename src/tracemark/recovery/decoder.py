"""The decoder: frames in, one by one, and a verdict out as soon as it is certain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tracemark.profile import PROFILE
from tracemark.recovery import clock, reasons
from tracemark.recovery.record import Record
from tracemark.recovery.statistics import FOUND, MISTAKEN, probability
from tracemark.recovery.track import Message, Track, Trials
from tracemark.recovery.verdict import Decoding, Geometry, Member

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracemark.frames import Frame
    from tracemark.keys import Key
    from tracemark.profile import Profile

Effort = Literal["fast", "normal", "max"]

PHASES = {"fast": 1, "normal": 2, "max": 4}
"""Phases of the pilot decoded at the end of a leak, by effort."""


class Recovery:
    """Recovers the payload from the frames of one leak.

    Parameters
    ----------
    keys : sequence of Key
        Keys that the leak may have been marked with.
    effort : {"fast", "normal", "max"}
        How many alignments to try before giving up.
    still : bool
        Whether the leak is a single picture.
    pixel_aspect : float
        Displayed width over height of a pixel.
    profile : Profile
        The wire format.
    """

    def __init__(
        self,
        keys: Sequence[Key],
        *,
        effort: Effort = "normal",
        still: bool = False,
        pixel_aspect: float = 1.0,
        profile: Profile = PROFILE,
    ) -> None:
        self._profile = profile
        self._keys = list(keys)
        self._trials = Trials()
        record = Record(profile, pixel_aspect)
        self._whole = Track(self._keys, record, self._trials, phases=PHASES[effort], still=still)
        self._origin: float | None = None
        self._last = 0.0
        self._frames = 0
        self._quality = reasons.Quality()

    def add(self, frame: Frame, time: float) -> bool:
        """Take in a frame.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        time : float
            Presentation time in seconds; only differences count.

        Returns
        -------
        bool
            Whether the verdict is certain, so that reading on is idle.
        """
        if self._origin is None:
            self._origin = time
        elapsed = time - self._origin
        self._quality.look(frame)
        self._whole.record.add(frame, elapsed)
        self._whole.frame_taken(elapsed)
        self._frames += 1
        self._last = max(self._last, elapsed)
        return self.certain

    @property
    def certain(self) -> bool:
        """Whether a message is known beyond all reasonable doubt."""
        return bool(self._whole.messages)

    def finish(self) -> Decoding:
        """Decode what is left and give the verdict.

        Returns
        -------
        Decoding
        """
        track = self._whole
        track.still = still = track.still or self._frames == 1  # a film of one frame is a picture
        track.finish()
        found = [each for each in (*track.messages, track.best) if each is not None and _found(each)]
        best = min(found, key=lambda each: each.log_p_false) if found else track.best
        pilot_key, pilot = track.pilot
        p_false = probability(best.log_p_false) if best else 1.0
        foreign = p_false > FOUND
        suspected = not found and (not foreign or (pilot >= reasons.PILOT_SEEN and not still))
        seconds = self._last + (self._last / max(self._frames - 1, 1) if not still else 0.0)
        why = reasons.explain(
            self._quality,
            found=bool(found),
            foreign=foreign,
            still=still,
            pilot=pilot,
            score=best.score if best else 0.0,
            trials=max(self._trials.count, 1),
            seconds=seconds,
            several_keys=len(self._keys) > 1,
        )
        key = best.key if best and not foreign else pilot_key if suspected else None
        members = tuple(self._member(each, seconds) for each in found)
        return Decoding(
            verdict="found" if found else "inconclusive" if suspected else "absent",
            payload=best.payload if found and best else None,
            p_false=p_false,
            p_mistaken=best.p_mistaken if best else 1.0,
            method="payload",
            key_id=key.id if key else None,
            frames_used=self._frames,
            seconds_used=round(seconds, 3),
            geometry=Geometry(),
            reasons=tuple(why),
            score=round(best.score, 3) if best else 0.0,
            trials=self._trials.count,
            members=members,
            media_time=next((each.media_time for each in members if best and each.payload == best.payload), None),
        )

    def _member(self, message: Message, seconds: float) -> Member:
        first = clock.first_slot(message.clock, message.key, self._profile)
        media_time = None
        if first is not None:
            bins = message.offset * self._whole.record.bin_seconds
            media_time = round(first * self._profile.slot_seconds + bins + message.start, 3)
        return Member(
            payload=message.payload,
            p_false=probability(message.log_p_false),
            p_mistaken=message.p_mistaken,
            key_id=message.key.id,
            start=round(message.start, 3),
            end=round(min(message.end, seconds), 3),
            media_time=media_time,
        )


def _found(message: Message) -> bool:
    return probability(message.log_p_false) <= FOUND and message.p_mistaken <= MISTAKEN
