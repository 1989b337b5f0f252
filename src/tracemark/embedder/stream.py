"""One source stream: its frames are prepared, once for all viewers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING

from av import VideoFrame

from tracemark import coding
from tracemark.embedder.chroma import Chroma
from tracemark.embedder.covers import Scenery, Wardrobe
from tracemark.embedder.framing import Framing
from tracemark.embedder.policy import Clockwork, Counts, Fallback, Mask, Policy
from tracemark.embedder.stage import Stage
from tracemark.embedder.viewer import ForOne, Prepared, Viewer
from tracemark.errors import FrameError, PrepareError
from tracemark.frames import layout_of, planes
from tracemark.geometry import Geometry
from tracemark.overlay.stamp import Canvas
from tracemark.profile import PROFILE
from tracemark.signal.clock import clock_bits
from tracemark.signal.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracemark.embedder.deltas import Pattern
    from tracemark.frames import Frame, Plane
    from tracemark.keys import Key
    from tracemark.overlay import Overlay
    from tracemark.payload import Payload
    from tracemark.profile import Profile

SMALLEST_SIDE = 64
"""Shortest side of a frame, in pixels, that can carry the mark at all."""

LARGEST_STRENGTH = 10.0
"""Above this the mark is plain to see; a larger number is a slip."""


class Embedder:
    """Marks one source stream for any number of viewers.

    Its size, format and frame rate may change from frame to frame, and its time stamps may jump. It may be used from
    several threads: frames are prepared one at a time, and may be marked at any time by anybody.

    Parameters
    ----------
    key : Key
    strength : float
        Multiple of the just noticeable mark; 1 is the default, 0 marks nothing.
    frame_rate : float
        Frames a second, for frames that carry no time of their own.
    pixel_aspect : float
        Displayed width over height of a pixel.
    array_format : {"bgr24", "rgb24"}
        Order of the colours in arrays of three channels.
    chroma : Chroma
        Whether chroma carries the mark, and if not, whether viewers share it.
    policy : Policy
        What to do when preparing takes too long or fails.
    profile : Profile
        The wire format.

    Raises
    ------
    ValueError
        Strength, frame rate, pixel aspect or array format are out of range.
    """

    def __init__(
        self,
        key: Key,
        *,
        strength: float = 1.0,
        frame_rate: float = 30.0,
        pixel_aspect: float = 1.0,
        array_format: str = "bgr24",
        chroma: Chroma = Chroma.MARKED,
        policy: Policy | None = None,
        profile: Profile = PROFILE,
    ) -> None:
        if not 0 <= strength <= LARGEST_STRENGTH:
            raise ValueError(f"strength {strength} is outside 0..{LARGEST_STRENGTH:g}")
        if not frame_rate > 0:
            raise ValueError(f"frame rate {frame_rate} is not positive")
        if not 0.1 <= pixel_aspect <= 10:
            raise ValueError(f"pixel aspect {pixel_aspect} is outside 0.1..10")
        if array_format not in ("bgr24", "rgb24"):
            raise ValueError(f"array format {array_format!r} is neither 'bgr24' nor 'rgb24'")
        self._key = key
        self._strength = strength
        self._frame_rate = Fraction(frame_rate).limit_denominator(1001 * 240)
        self._pixel_aspect = pixel_aspect
        self._array_format = array_format
        self._chroma = chroma
        self._policy = policy or Policy()
        self._profile = profile
        self._patterns = Patterns.of(key, profile)
        self._clock = clock_bits(key, profile)
        self._count = 0
        self._stage: Stage | None = None
        self._clockwork = Clockwork(self._policy.budget and self._policy.budget / 1000)
        self._counts = Counts()
        self._wardrobe = Wardrobe(key, required=self._policy.overlays_required)
        self._lock = Lock()

    @property
    def counts(self) -> Counts:
        """What was done so far, and how often there was trouble."""
        return replace(self._counts, left_out=self._wardrobe.tailor.left_out)

    def viewer(self, payload: Payload, overlays: Sequence[Overlay] = ()) -> Viewer:
        """Begin marking for one more viewer.

        Parameters
        ----------
        payload : Payload
            Session and member that the mark names.
        overlays : sequence of Logo or SessionCode
            What is drawn over the marked picture: logos first, then this viewer's codes. Nothing outside their
            rectangles changes. Logos that all viewers have are drawn once a frame, when it is prepared; so a viewer
            without them has to be there before that.

        Returns
        -------
        Viewer
        """
        codeword = coding.encode(payload.scramble(self._key))
        with self._lock:
            covers = self._wardrobe.fit(payload, overlays)
            viewer = Viewer(self, codeword, self._patterns, self._clock, covers)
            self._wardrobe.count(viewer, covers)
        return viewer

    def prepare(self, frame: Frame, time: Fraction | float | None = None) -> Prepared:
        """Do all work that depends on the picture, once for all viewers.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray of uint8, shape (height, width) or (height, width, 3)
            The host frame; it is only read.
        time : Fraction or float, optional
            Presentation time in seconds; by default the frame's own, or its number over the frame rate.

        Returns
        -------
        Prepared

        Raises
        ------
        FrameError
            The frame is too small or of a format that cannot be marked.
        PrepareError
            There was no time for the frame, or its mask could not be made, and the policy is to raise.
        OverlayError
            A logo does not fit into the frame, and the policy is to raise.
        """
        with self._lock:
            begin = perf_counter()
            stage, views, moment, mask = self._look(frame, time)
            slot = self._profile.slot_of(moment)
            stage.deltas.paint(slot)
            loan, sheet = stage.shared.lend()
            versions = stage.versions(loan)
            stage.fill(views, sheet)
            scenery = self._wardrobe.draw(frame, stage.geometry, moment, versions)
            self._done(begin, mask)
            framing = Framing.of(frame, stage.geometry.layout)
            return Prepared(frame, stage.geometry, slot, mask, versions, scenery, framing, stage, sheet)

    def mark_all(self, prepared: Prepared, viewers: Sequence[Viewer]) -> list[Frame]:
        """Make the copies of many viewers at once, in less than half of the time that `Viewer.mark` takes for each.

        Versions are brought to the core part by part, for all viewers, instead of as a whole for each.

        Parameters
        ----------
        prepared : Prepared
            From `prepare`.
        viewers : sequence of Viewer
            Of this embedder.

        Returns
        -------
        list of av.VideoFrame or ndarray
            For each viewer what its `mark` returns.

        Raises
        ------
        OverlayError
            An overlay does not fit into the frame, and the policy is to raise.
        """
        return Viewer.mark_all(prepared, viewers)

    def mark_for_one(self, frame: Frame, pattern: Callable[[Stage, int], Pattern]) -> ForOne:
        """Mark a frame that a single viewer gets, and nobody else: no plane is made that is not shown.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
            The host frame; it is only read.
        pattern : callable
            Says what the viewer gets at a stage in a slot.

        Returns
        -------
        ForOne

        Raises
        ------
        FrameError, PrepareError
            As `prepare`.
        """
        with self._lock:
            begin = perf_counter()
            stage, views, moment, mask = self._look(frame, None)
            stage.deltas.paint_for_one(pattern(stage, self._profile.slot_of(moment)))
            loan, sheet = stage.copies.lend()
            made = stage.planes(loan)
            stage.fill(views, sheet)
            self._done(begin, mask)
        scenery = Scenery(Canvas.of(frame, stage.geometry), moment, (), made[0])
        return ForOne(made, scenery, Framing.of(frame, stage.geometry.layout))

    def _look(self, frame: Frame, time: Fraction | float | None) -> tuple[Stage, list[Plane], Fraction | float, Mask]:
        """Make the masks of a frame as the policy wants them: stage, planes, presentation time, and how."""
        geometry = self._geometry_of(frame)
        moment = self._time_of(frame) if time is None else time
        self._count += 1
        views = planes(frame, geometry.layout)
        if self._stage is None or self._stage.geometry != geometry:
            self._stage = Stage(geometry, self._patterns, self._strength, views, self._chroma)
        stage, mask = self._stage, Mask.FULL
        if self._clockwork.late:
            self._counts = self._counts.more("slow")
            mask = self._instead(stage, self._policy.slow, "preparing takes longer than the budget", None)
        else:
            try:
                stage.deltas.look(views)
            except Exception as error:  # noqa: BLE001 - whatever it is, the policy says what happens
                self._counts = self._counts.more("failed")
                mask = self._instead(stage, self._policy.failed, "the mask could not be made", error)
        return stage, views, moment, mask

    def _done(self, begin: float, mask: Mask) -> None:
        self._clockwork.spent(perf_counter() - begin)
        self._counts = self._counts.more(mask.value)

    def _instead(self, stage: Stage, fallback: Fallback, reason: str, error: Exception | None) -> Mask:
        if fallback is Fallback.RAISE:
            self._counts = self._counts.more("refused")
            self._clockwork.spent(0)
            raise PrepareError(f"a frame was not prepared: {reason}", "see tracemark.embedder.Policy") from error
        if fallback is Fallback.LAST and stage.deltas.looked:
            return Mask.LAST
        stage.deltas.flatten()
        return Mask.FLAT

    def _geometry_of(self, frame: Frame) -> Geometry:
        geometry = Geometry.of(frame, layout_of(frame, self._array_format), self._pixel_aspect, self._profile)
        if min(geometry.width, geometry.height) < SMALLEST_SIDE:
            raise FrameError(
                f"a frame of {geometry.width}x{geometry.height} pixels is too small to be marked",
                f"the shorter side must have at least {SMALLEST_SIDE} pixels",
            )
        return geometry

    def _time_of(self, frame: Frame) -> Fraction:
        if isinstance(frame, VideoFrame) and frame.pts is not None and frame.time_base:
            return frame.pts * frame.time_base
        return self._count / self._frame_rate
