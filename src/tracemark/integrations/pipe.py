"""Mark a raw stream on its way from one program to another: frames in on one side, out on the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import BinaryIO

import av
import numpy as np

from tracemark.embedder import Embedder
from tracemark.errors import MediaError
from tracemark.frames import layout_of, planes
from tracemark.integrations.yuv4mpeg import Shape, read_line, read_shape
from tracemark.keys import Key
from tracemark.overlay import Overlay
from tracemark.payload import Payload

FRAME = b"FRAME"
"""Begins every frame of a yuv4mpeg stream, on a line of its own that may say more."""


@dataclass(frozen=True)
class Piped:
    """What went through.

    Parameters
    ----------
    frames : int
    seconds : float
    """

    frames: int
    seconds: float


def mark_stream(
    source: BinaryIO,
    target: BinaryIO,
    *,
    key: Key,
    payload: Payload,
    strength: float = 1.0,
    overlays: Sequence[Overlay] = (),
    raw: Shape | None = None,
    rate: Fraction | None = None,
    progress: Callable[[float, None], None] | None = None,
) -> Piped:
    """Mark a yuv4mpeg stream, or a raw one, for one viewer.

    Headers go through byte for byte, so that interlacing, pixel aspect and whatever else they say is kept; every
    frame is written before the next is waited for.

    Parameters
    ----------
    source, target : BinaryIO
    key : Key
    payload : Payload
        Whose copy this is.
    strength : float, optional
        Multiple of the mark's default amplitude.
    overlays : sequence of Logo or SessionCode, optional
        What is drawn over the marked picture.
    raw : Shape, optional
        What the frames are like, if the stream is raw; a yuv4mpeg stream says so itself.
    rate : Fraction, optional
        Frames a second, instead of what the stream says.
    progress : callable, optional
        Called with the seconds done and None, as a pipe has no length.

    Returns
    -------
    Piped

    Raises
    ------
    MediaError
        If the stream is none, cut, damaged or of an unknown colour space. What came whole before that was marked and
        written.
    FrameError
        If the frames are too small to be marked.
    OverlayError
        If an overlay does not fit into them.
    OSError
        If nobody takes what is written.
    """
    shape, header = (raw, b"") if raw else _begin(source)
    shape = replace(shape, rate=rate or shape.rate)
    if shape.rate is None:
        raise MediaError("the stream does not say how many frames a second it has", "give it with --rate")
    viewer = Embedder(key, strength=strength, pixel_aspect=_believable(shape.pixel_aspect)).viewer(payload, overlays)
    count = 0
    target.write(header)
    while (line := _begin_frame(source, count, raw=raw is not None)) is not None:
        frame = _read_frame(source, shape, count, may_end=raw is not None)
        if frame is None:
            break
        marked = viewer.mark(frame)
        target.write(line)
        target.writelines(np.ascontiguousarray(plane).data for plane in planes(marked, layout_of(marked)))
        target.flush()
        count += 1
        if progress:
            progress(float(count / shape.rate), None)
    if not count:
        raise MediaError("the stream holds no frame", "see what the program before the pipe says")
    return Piped(count, float(count / shape.rate))


def _begin(source: BinaryIO) -> tuple[Shape, bytes]:
    header = read_line(source)
    return read_shape(header), header


def _begin_frame(source: BinaryIO, count: int, *, raw: bool) -> bytes | None:
    """Read the line that begins a frame, of which a raw stream has none; None at the end of the stream."""
    if raw:
        return b""
    line = read_line(source)
    if not line:
        return None
    if not line.endswith(b"\n") and line[: len(FRAME)] == FRAME[: len(line)]:
        raise _cut(count)
    if line.split()[:1] != [FRAME]:
        raise MediaError(
            f"the yuv4mpeg stream is damaged after {_frames(count)}", "what came before is marked and written"
        )
    return line


def _read_frame(source: BinaryIO, shape: Shape, count: int, *, may_end: bool) -> av.VideoFrame | None:
    """Read a frame's samples; None if the stream ends before the first of them, and may."""
    frame = av.VideoFrame(shape.width, shape.height, shape.pixel_format)
    assert shape.rate  # asked for by the caller; tells mypy
    frame.pts, frame.time_base = count, 1 / shape.rate
    views = planes(frame, layout_of(frame))
    data = source.read(sum(view.nbytes for view in views))
    if not data and may_end:
        return None
    position = 0
    for view in views:
        part = data[position : position + view.nbytes]
        if len(part) < view.nbytes:
            raise _cut(count)
        view[...] = np.frombuffer(part, view.dtype).reshape(view.shape)
        position += view.nbytes
    return frame


def _cut(count: int) -> MediaError:
    return MediaError(f"the stream is cut in frame {count + 1}", f"{_frames(count)} before it came whole and went out")


def _frames(count: int) -> str:
    return f"{count} frame" if count == 1 else f"{count} frames"


def _believable(aspect: Fraction) -> float:
    """Return a pixel aspect that the embedder takes; what lies beyond is a slip of whoever wrote the header."""
    return float(aspect) if Fraction(1, 10) <= aspect <= 10 else 1.0
