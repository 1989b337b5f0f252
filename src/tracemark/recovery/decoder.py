"""The decoder: frames in, one by one, and a verdict out as soon as it is certain.

The whole picture as it stands is followed all along, at no extra cost. Only where that tells nothing is a stretch of
the leak searched for the pilot in any geometry, and looked at again in those that were found.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Literal

from tracemark.cores import check, in_order
from tracemark.profile import PROFILE
from tracemark.recovery import reasons
from tracemark.recovery.camera import MOVED, Border, Corners, Steadier, enlarged, small
from tracemark.recovery.known import WAYS, Known
from tracemark.recovery.message import Ahead, Trials
from tracemark.recovery.outline import aspect_between_bars
from tracemark.recovery.record import Record
from tracemark.recovery.reel import Reel
from tracemark.recovery.search import SETTLING_SIDE, STRETCH, Pilot, find, outlined, settle
from tracemark.recovery.sight import Sight, settled
from tracemark.recovery.statistics import FOUND, log_p_false, probability
from tracemark.recovery.summary import Seen, charted, gathered, named
from tracemark.recovery.track import RECORD_SECONDS, Track
from tracemark.recovery.verdict import Decoding, Geometry
from tracemark.recovery.view import View
from tracemark.signal.patterns import pilot_carriers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracemark.frames import Frame
    from tracemark.keys import Key
    from tracemark.profile import Profile
    from tracemark.recovery.candidates import Candidates
    from tracemark.recovery.listener import Heard
    from tracemark.recovery.message import Message
    from tracemark.recovery.reel import Picture
    from tracemark.recovery.search import Placement

Effort = Literal["fast", "normal", "max"]

PHASES = {"fast": 1, "normal": 2, "max": 4}
"""Phases of the pilot decoded at the end of a leak, by effort."""

PLACEMENTS = {"fast": 0, "normal": 3, "max": 8}
"""Placements of each key looked through in a stretch, by effort; without any, the leak is taken as it stands."""

SEARCHES = {"fast": 0, "normal": 3, "max": 1000}
"""Stretches searched one after the other, by effort; later ones are spaced out, each twice as far as the one before."""

SETTLES = 2.0
"""Seconds of pictures from which it is measured how a leak lies that was read as it stands."""

BAR_LOOKS = 16
"""Pictures, about, in which bars are looked for."""

LOOK_ON = {"fast": 0.0, "normal": 30.0, "max": inf}
"""Seconds that are read on after a message is certain, to see whether others follow it, by effort."""


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
    candidates : Candidates or None
        Known members whom the leak may be of; they are told from evidence too weak to decode blind.
    """

    def __init__(
        self,
        keys: Sequence[Key],
        *,
        effort: Effort = "normal",
        still: bool = False,
        pixel_aspect: float = 1.0,
        profile: Profile = PROFILE,
        candidates: Candidates | None = None,
    ) -> None:
        self._profile = profile
        self._keys = list(keys)
        self._effort = effort
        self._pixel_aspect = pixel_aspect
        self._still = still
        self._known = Known(candidates, self._keys, Record(profile, pixel_aspect)) if candidates else None
        self._trials = Trials(listener=self._known.listener if self._known else None)
        record = Record(profile, pixel_aspect)
        self._whole = Track(self._keys, record, self._trials, phases=PHASES[effort], still=still)
        self._views: list[View] = []
        self._reel = Reel(pixel_aspect)
        self._reel_begun: float | None = None
        self._short: Reel | None = None  # goes on once a message is certain, to measure how it lies
        self._reels = 0
        self._due = 1
        self._pilots: list[Pilot] = []
        self._origin: float | None = None
        self._last = 0.0
        self._certain_since: float | None = None
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
            Whether reading on is idle: a message is certain, and was so for `LOOK_ON`.
        """
        if self._origin is None:
            self._origin = time
        elapsed = time - self._origin
        self._quality.look(frame)
        self._whole.record.add(frame, elapsed)
        self._whole.frame_taken(elapsed)
        if self._known:
            self._known.add(frame, elapsed)
        self._frames += 1
        self._last = max(self._last, elapsed)
        if PLACEMENTS[self._effort]:
            if not self._whole.messages:
                self._keep(frame, elapsed)
            elif self._reel_begun is not None and elapsed - self._reel_begun < STRETCH:
                self._short = self._short or self._reel.smaller(SETTLING_SIDE)
                self._short.add(frame, elapsed)
        if self._certain_since is None and self.certain:
            self._certain_since = elapsed
        return self._certain_since is not None and elapsed - self._certain_since >= LOOK_ON[self._effort]

    @property
    def certain(self) -> bool:
        """Whether a message is known beyond all reasonable doubt."""
        return bool(self._whole.messages) or any(view.track.messages for view in self._views)

    def finish(self) -> Decoding:
        """Decode what is left and give the verdict.

        Returns
        -------
        Decoding
        """
        self._whole.still = self._still = self._still or self._frames == 1  # a film of one frame is a picture
        self._whole.finish()
        if self._reel.pictures and not self._named_as_it_stands():
            self._look()
        for view in self._views:
            view.track.finish()
        return self._verdict()

    def _named_as_it_stands(self) -> bool:
        """Whether the whole picture as it stands names somebody, so that there is nothing to search for."""
        if self._whole.messages or named(self._whole.best, self._tried):
            return True
        return self._known is not None and bool(self._known.recognised(still=self._still).found)

    @property
    def _tried(self) -> int:
        """Evidence vectors decoded, counted once for each way in which they can name a member."""
        return self._trials.count * (WAYS if self._known else 1)

    def evidence(self) -> tuple[list[Heard], list[Message]]:
        """Give what candidates were compared with, and what blind decoding named; after `finish`."""
        if self._known is None:
            return [], []
        return self._known.heard(still=self._still), self._known.blind

    def _keep(self, frame: Frame, elapsed: float) -> None:
        """Keep a frame for the search, if one is due, and for the views that are followed."""
        if self._reel_begun is None:
            self._reel_begun = elapsed
        if self._views or self._reels + 1 >= self._due:
            held = len(self._reel.pictures)
            self._reel.add(frame, elapsed)
            for view in self._views:
                for picture in self._reel.pictures[held:]:
                    view.follow(picture)
        if elapsed - self._reel_begun >= RECORD_SECONDS:
            self._look()
            self._reel, self._reel_begun = Reel(self._pixel_aspect, size=self._reel.size), None

    def _look(self) -> None:
        """Search the stretch in hand, if it is due, and look at it in all placements that are found."""
        self._reels += 1
        if self._reels < self._due or self.certain:
            return
        if self._reels >= SEARCHES[self._effort]:
            self._due = 2 * self._reels
        if not self._pilots:
            self._pilots = [Pilot(key, *pilot_carriers(key, self._profile)) for key in self._keys]
        # what was seen before and told nothing gives way to what is seen now
        self._views = [view for view in self._views if view.track.messages]
        self._search(self._reel, None)
        if not self.certain and len(self._reel.pictures) > 1:
            self._look_steadily(self._reel)

    def _look_steadily(self, reel: Reel) -> None:
        """Search a stretch as if a camera had moved: a screen by the frame round it, then by what is shown on it."""
        first = reel.pictures[0]
        begun = small(first)
        steadier: Steadier | None = None
        border = Border.of(begun)
        if border:
            steadier = Steadier(first, border)
            steadier.steady(reel)
            framed = outlined(reel, enlarged(border.corners, reel.size), self._pilots, self._profile)
            self._look_through(framed, reel, steadier)
            if steadier.travelled >= MOVED and not self.certain:
                self._search(reel, steadier)
        if not self.certain:
            steadier = Steadier(first, Corners(begun), steadier)
            steadier.steady(reel)
            if steadier.travelled >= MOVED:
                self._search(reel, steadier)

    def _search(self, reel: Reel, steadier: Steadier | None) -> None:
        placements = find(reel, self._pilots, self._profile, count=PLACEMENTS[self._effort])
        self._look_through(placements, reel, steadier)

    def _look_through(self, placements: Sequence[Placement], reel: Reel, steadier: Steadier | None) -> None:
        """Decode a stretch through placements, but none that looks where a message was found already."""
        looks = [_Look(placement, Ahead(self._trials)) for placement in placements]

        def seen(look: _Look) -> list[View]:
            return [] if self._covered(look.placement) else list(self._seen_through(look, reel, steadier))

        with closing(in_order(seen, looks)) as made:
            for look in looks:
                look.trials.turn.set()
                views = next(made)
                if self._covered(look.placement):  # by what came before it, and perhaps was not known when it began
                    continue
                look.trials.join()
                for view in views:
                    view.track.trials = self._trials
                self._views += views

    def _covered(self, placement: Placement) -> bool:
        """Whether a placement looks where a message was found already."""
        return any(
            view.sight.covers(placement, view.track.messages[0].places)
            for view in list(self._views)
            if view.track.messages
        )

    def _seen_through(self, look: _Look, reel: Reel, steadier: Steadier | None) -> Iterator[View]:
        """Decode a reel through a placement, and the one picture that showed it; what promises anything is kept."""
        placement, still = look.placement, self._still
        sight = Sight(placement, reel.size, self._profile)
        view = self._watched(sight, look.trials, reel.pictures, steadier, still=still)
        if _promising(view.track):  # any other gives its memory back at once
            yield view
        if placement.moment is not None and not view.track.messages and not still:
            alone = [each for each in reel.pictures if each.time == placement.moment]
            view = self._watched(sight, look.trials, alone, steadier, still=True)
            if _promising(view.track):
                yield view

    def _watched(
        self, sight: Sight, trials: Trials, pictures: Sequence[Picture], steadier: Steadier | None, *, still: bool
    ) -> View:
        """Decode pictures through a sight."""
        record, phases = sight.record(pictures[0]), PHASES[self._effort]
        track = Track([sight.placement.key], record, trials, phases=phases, still=still, sight=sight)
        view = View(sight, track, steadier)
        for picture in pictures:
            check()
            view.show(picture)
        track.finish()
        return view

    def _settled(self) -> tuple[Geometry, float] | None:
        """How the whole picture lies and how fast it runs, if it was read as it stands."""
        message = next(iter(self._whole.messages), self._whole.best)
        reel = self._short or self._reel
        if message is None or not named(message, self._tried) or reel.seconds < SETTLES:
            return None
        pilot = Pilot(message.key, *pilot_carriers(message.key, self._profile))
        placement = settle(reel, pilot, self._profile)
        lumas = [picture.luma for picture in self._reel.pictures]
        between = aspect_between_bars(lumas[:: max(1, len(lumas) // BAR_LOOKS)], message.places)
        return settled(placement, reel.size, between), placement.speed

    def _verdict(self) -> Decoding:
        still = self._still
        seconds = self._last + (self._last / max(self._frames - 1, 1) if not still else 0.0)
        seen = [Seen(self._whole, None, self._settled()), *(Seen(view.track, view.sight) for view in self._views)]
        finds = gathered(seen, seconds, self._tried, self._profile)
        recognition = None
        if self._known:
            outcome = self._known.recognise(finds, seen[0], seconds, self._profile, still=still)
            finds, recognition = outcome.finds, outcome.recognition
        members = [find.member for find in finds]
        best = max((each.track.best for each in seen if each.track.best), key=lambda each: each.score, default=None)
        first = min(members, key=lambda each: each.p_false) if members else None
        pilot_key, pilot = self._whole.pilot
        p_false = first.p_false if first else probability(log_p_false(best.score, self._tried)) if best else 1.0
        if recognition and not first:
            p_false = min(p_false, probability(recognition.log_p_false))
        foreign = p_false > FOUND
        seems = p_false <= reasons.SUSPECTED or (pilot >= reasons.PILOT_SEEN and not still)
        suspected = not members and seems
        why = reasons.explain(
            self._quality,
            found=bool(members),
            foreign=foreign,
            suspected=suspected,
            still=still,
            pilot=pilot,
            score=best.score if best else 0.0,
            trials=max(self._tried, 1),
            seconds=seconds,
            several_keys=len(self._keys) > 1,
            searched=bool(self._pilots),
        )
        if recognition and not members:
            why.append(recognition.reason)
        key = best.key if best and p_false <= reasons.SUSPECTED else pilot_key if suspected else None
        return Decoding(
            verdict="found" if members else "inconclusive" if suspected else "absent",
            payload=first.payload if first else None,
            p_false=p_false,
            p_mistaken=first.p_mistaken if first else best.p_mistaken if best else 1.0,
            method=first.method if first else "payload",
            key_id=first.key_id if first else key.id if key else None,
            frames_used=self._frames,
            seconds_used=round(seconds, 3),
            geometry=first.geometry if first else Geometry(),
            why=tuple(why),
            score=first.score if first else round(best.score, 3) if best else 0.0,
            trials=self._trials.count,
            members=tuple(members),
            media_time=first.media_time if first else None,
            chart=charted(finds, seen),
        )


@dataclass(frozen=True)
class _Look:
    """A placement to look through, and the trials that this takes."""

    placement: Placement
    trials: Ahead


def _promising(track: Track) -> bool:
    """Whether a track that was tried is worth following further."""
    read = bool(track.messages) or (track.best is not None and probability(track.best.log_p_false) < reasons.WORTH)
    return read or track.pilot[1] >= reasons.PILOT_SEEN
