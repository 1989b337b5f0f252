"""The measurement: every frame of a stream is prepared, copied, marked for every viewer, and encoded for one."""

from __future__ import annotations

import tracemalloc
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

from tracemark.embedder import Chroma, Embedder, Prepared, Viewer
from tracemark.errors import MediaError
from tracemark.frames import layout_of, planes
from tracemark.keys import Key
from tracemark.payload import Payload
from tracemark.video import Source
from tracemark.video.pixels import MARKABLE, convert, nearest_format

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracemark.frames import Plane
    from tracemark.overlay import Overlay
    from tracemark.video import Progress

MOST_FRAMES = 150
"""Frames that are measured at most: their median stands still by then."""

MOST_BYTES = 400_000_000
"""Bytes of host frames that are kept in memory at most."""

FEWEST_FRAMES = 2
"""Frames without which there is no stream: one to warm up with, and one to measure."""

WARM_UP = 3
"""Frames that are not counted: memory is met for the first time."""

ENCODER = "libx264"
OPTIONS = {"preset": "veryfast", "tune": "zerolatency", "threads": "1"}
"""Of the encoder: what live servers use, on the one core that all is measured on."""

SESSION = 88


@dataclass(frozen=True)
class Times:
    """Milliseconds that something takes.

    Parameters
    ----------
    median, p99 : float
    """

    median: float
    p99: float

    @classmethod
    def of(cls, seconds: list[float]) -> Times:
        """Summarise measurements.

        Parameters
        ----------
        seconds : list of float

        Returns
        -------
        Times
        """
        return cls(float(np.median(seconds)) * 1000, float(np.percentile(seconds, 99)) * 1000)


@dataclass(frozen=True)
class Bench:
    """What was measured.

    Parameters
    ----------
    clip : str
    width, height : int
    format : str
        Pixel format that is marked.
    frame_rate : float
        Frames a second.
    frames, viewers : int
        Frames measured, and viewers that each of them was marked for.
    chroma : str
        Whether it carries the mark, and if not, whether viewers share it: see `tracemark.embedder.Chroma`.
    encoder : str
        Encoder and its options.
    copy : Times
        Copying the planes that carry the mark, for one viewer.
    prepare, mark, encode : Times
        Preparing a frame, logos that all viewers have included; marking it for one viewer, codes included; encoding
        that viewer's frame.
    at_once : Times
        A viewer's part of marking a frame for all of them at once.
    latency : Times
        From host frame to marked frame for one viewer: what tracemark adds.
    end_to_end : Times
        From host frame to packet for one viewer.
    plane_bytes : int
        Size of the planes that carry the mark.
    viewer_bytes : int
        Memory that one more viewer takes, their frame included.
    bare : Times or None
        Marking the same frame for a viewer without overlays of their own; None if nobody has any.
    """

    clip: str
    width: int
    height: int
    format: str
    frame_rate: float
    frames: int
    viewers: int
    chroma: str
    encoder: str
    copy: Times
    prepare: Times
    mark: Times
    encode: Times
    at_once: Times
    latency: Times
    end_to_end: Times
    plane_bytes: int
    viewer_bytes: int
    bare: Times | None = None

    @property
    def overlays(self) -> float:
        """Milliseconds that a viewer's own overlays add to each of their frames, in the median."""
        return self.mark.median - self.bare.median if self.bare else 0.0

    @property
    def mark_over_copy(self) -> float:
        """How many copies of the planes marking for one viewer takes."""
        return self.mark.median / self.copy.median

    @property
    def viewers_per_core(self) -> float:
        """Viewers that one core marks for at the stream's frame rate, if it does nothing else."""
        return max(0.0, (1000 / self.frame_rate - self.prepare.median) / self.mark.median)

    @property
    def encoded_viewers_per_core(self) -> float:
        """Viewers that one core marks and encodes for."""
        each = self.mark.median + self.encode.median
        return max(0.0, (1000 / self.frame_rate - self.prepare.median) / each)

    @property
    def core_share(self) -> float:
        """Share of one core that marking for all the viewers takes, without encoding."""
        return self._marking(self.mark) * self.frame_rate / 1000

    @property
    def core_share_at_once(self) -> float:
        """The same, if all of them are marked at once."""
        return self._marking(self.at_once) * self.frame_rate / 1000

    @property
    def share(self) -> float:
        """Share of marking in marking and encoding for all the viewers."""
        marking = self._marking(self.mark)
        return marking / (marking + self.viewers * self.encode.median)

    def _marking(self, each: Times) -> float:
        """Milliseconds that a frame takes for all the viewers, if it takes so long for each."""
        return self.prepare.median + self.viewers * each.median

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON has it; times in milliseconds.

        Returns
        -------
        dict
        """
        derived = (
            *("overlays", "mark_over_copy", "viewers_per_core", "encoded_viewers_per_core"),
            *("core_share", "core_share_at_once", "share"),
        )
        return asdict(self) | {name: getattr(self, name) for name in derived}


def measure(
    clip: Path,
    *,
    viewers: int = 10,
    overlays: Sequence[Overlay] = (),
    chroma: Chroma = Chroma.MARKED,
    progress: Progress | None = None,
) -> Bench:
    """Measure on a recorded stream.

    Everything runs on one core. Copies and marks go to as many places in memory as there are viewers, as in a server.

    Parameters
    ----------
    clip : Path
    viewers : int
        Viewers that each frame is marked for, at least 1.
    overlays : sequence of Logo or SessionCode
        What is drawn over each viewer's picture.
    chroma : Chroma
        Whether chroma carries the mark.
    progress : callable, optional
        See `tracemark.video.Progress`.

    Returns
    -------
    Bench

    Raises
    ------
    MediaError
        If the clip cannot be read or is no video.
    FrameError
        If its picture is too small to be marked.
    OverlayError
        If an overlay does not fit into it.
    ValueError
        If there are no viewers.
    """
    if viewers < 1:
        raise ValueError(f"{viewers} viewers watch nothing")
    hosts, rate, aspect = _read(clip)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return _measured(clip, hosts, rate, aspect, viewers, overlays, chroma, progress)
    finally:
        cv2.setNumThreads(threads)


def _measured(
    clip: Path,
    hosts: list[av.VideoFrame],
    rate: Fraction,
    aspect: float,
    viewers: int,
    overlays: Sequence[Overlay],
    chroma: Chroma,
    progress: Progress | None,
) -> Bench:
    first = hosts[0]
    key = Key.generate()
    embedder, alone, plain = (
        Embedder(key, frame_rate=float(rate), pixel_aspect=aspect, chroma=chroma) for _ in range(3)
    )
    crowd = _Crowd(embedder, viewers, overlays)
    # of an embedder of their own, or the logos of the others would no longer be everybody's
    bare = _Crowd(plain, viewers if overlays else 0)
    layout = layout_of(first)
    views = planes(first, layout)[: None if chroma is Chroma.MARKED else 1]
    places = [[np.zeros_like(view) for view in views] for _ in range(viewers)]
    encoders = [_encoder(first, rate) for _ in range(2)]
    seconds: dict[str, list[float]] = {
        name: [] for name in ("copy", "prepare", "mark", "at once", "bare", "encode", "latency", "end to end")
    }
    single = alone.viewer(Payload(SESSION, viewers), overlays)
    for number, host in enumerate(hosts):
        taken = _frame(host, embedder, crowd, bare, places, encoders[0])
        taken |= _chain(host, alone, single, encoders[1])
        if number >= min(WARM_UP, len(hosts) - 1):
            for name, measured in taken.items():
                seconds[name] += measured
        if progress:
            progress(number / float(rate), len(hosts) / float(rate))
    return Bench(
        clip=clip.name,
        width=first.width,
        height=first.height,
        format=first.format.name,
        frame_rate=float(rate),
        frames=len(seconds["prepare"]),
        viewers=viewers,
        chroma=chroma.value,
        encoder=" ".join([ENCODER, *(f"{name}={value}" for name, value in OPTIONS.items())]),
        copy=Times.of(seconds["copy"]),
        prepare=Times.of(seconds["prepare"]),
        mark=Times.of(seconds["mark"]),
        encode=Times.of(seconds["encode"]),
        at_once=Times.of(seconds["at once"]),
        latency=Times.of(seconds["latency"]),
        end_to_end=Times.of(seconds["end to end"]),
        plane_bytes=sum(view.nbytes for view in views),
        viewer_bytes=_memory(embedder, first, overlays),
        bare=Times.of(seconds["bare"]) if overlays else None,
    )


class _Crowd:
    """Viewers, each of whom holds on to their frame until the next, as a sender does."""

    def __init__(self, embedder: Embedder, count: int, overlays: Sequence[Overlay] = ()) -> None:
        self.held: list[Any] = [None] * count
        self._viewers = [embedder.viewer(Payload(SESSION, member), overlays) for member in range(count)]

    def mark(self, prepared: Prepared) -> list[float]:
        """Mark a frame for everybody; returns the seconds that each took."""
        seconds = []
        for index, viewer in enumerate(self._viewers):
            begin = perf_counter()
            frame = viewer.mark(prepared)
            seconds.append(perf_counter() - begin)
            self.held[index] = frame
        return seconds

    def mark_at_once(self, embedder: Embedder, prepared: Prepared) -> list[float]:
        """Mark a frame for everybody at once; returns the seconds that it took for each."""
        begin = perf_counter()
        self.held = list(embedder.mark_all(prepared, self._viewers))
        return [(perf_counter() - begin) / len(self._viewers)]


def _frame(
    host: av.VideoFrame,
    embedder: Embedder,
    crowd: _Crowd,
    bare: _Crowd,
    places: list[list[Plane]],
    encoder: av.VideoCodecContext,
) -> dict[str, list[float]]:
    """Measure the steps of one frame."""
    begin = perf_counter()
    prepared = embedder.prepare(host)
    prepare = [perf_counter() - begin]
    mark, at_once, without = crowd.mark(prepared), crowd.mark_at_once(embedder, prepared), bare.mark(prepared)
    views = planes(host, prepared.geometry.layout)[: len(places[0])]
    copy = [_timed(lambda place=place: _copy(place, views)) for place in places]  # type: ignore[misc]
    encode = [_timed(lambda: encoder.encode(crowd.held[0]))]
    return {"prepare": prepare, "mark": mark, "at once": at_once, "bare": without, "copy": copy, "encode": encode}


def _chain(
    host: av.VideoFrame, embedder: Embedder, viewer: Viewer, encoder: av.VideoCodecContext
) -> dict[str, list[float]]:
    """Measure the whole way of one frame to one viewer."""
    begin = perf_counter()
    frame = viewer.mark(embedder.prepare(host))
    marked = perf_counter() - begin
    assert isinstance(frame, av.VideoFrame)
    encoder.encode(frame)
    return {"latency": [marked], "end to end": [perf_counter() - begin]}


def _copy(place: list[Plane], views: list[Plane]) -> None:
    for target, view in zip(place, views, strict=True):
        np.copyto(target, view)


def _timed(work: Callable[[], object]) -> float:
    begin = perf_counter()
    work()
    return perf_counter() - begin


def _memory(embedder: Embedder, host: av.VideoFrame, overlays: Sequence[Overlay]) -> int:
    """Bytes that one more viewer and the frame in their hands take."""
    prepared = embedder.prepare(host)
    tracemalloc.start()
    try:
        viewer = embedder.viewer(Payload(SESSION, 0), overlays)
        held = viewer.mark(prepared)
        beside, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del held
    pool = prepared.stage.copies if overlays else prepared.stage.lumas or prepared.stage.copies
    loan, _ = pool.lend()  # pooled memory is the system's own, and not traced
    return beside + loan.nbytes


def _read(clip: Path) -> tuple[list[av.VideoFrame], Fraction, float]:
    hosts: list[av.VideoFrame] = []
    with Source(clip) as source:
        if source.still:
            raise MediaError(f"{clip.name} is a picture", "the bench needs a video")
        size = 0
        for frame in source.frames():
            host = convert(frame, nearest_format(frame.format.name, MARKABLE)[0])
            hosts.append(host)
            size += sum(plane.buffer_size for plane in host.planes)
            if len(hosts) == MOST_FRAMES or size > MOST_BYTES:
                break
        if len(hosts) < FEWEST_FRAMES:
            raise MediaError(f"{clip.name} has only {len(hosts)} frames", "the bench needs a video")
        return hosts, Fraction(source.rate), float(source.pixel_aspect)


def _encoder(host: av.VideoFrame, rate: Fraction) -> av.VideoCodecContext:
    encoder = av.CodecContext.create(ENCODER, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = host.width, host.height
    taken = [each.name for each in encoder.codec.video_formats or ()]
    encoder.pix_fmt = nearest_format(host.format.name, taken)[0]
    encoder.framerate, encoder.time_base = rate, host.time_base or 1 / rate
    encoder.options = OPTIONS
    return encoder
