"""What several members can do with their copies of one clip before one of them leaks the result."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import av
import numpy as np

from tracemark.embedder import Embedder
from tracemark.frames import layout_of, planes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tracemark.keys import Key
    from tracemark.payload import Payload

    Plane = NDArray[np.uint8]

Way = Literal["averaged", "median", "frames in turn", "seconds in turn", "strips", "minimum", "maximum"]
"""How copies are merged; strips are upright parts of the picture, one of each copy."""


@dataclass(frozen=True)
class Merger:
    """Some members' copies made one.

    Parameters
    ----------
    way : str
    members : int
        How many copies are merged: the first of those that are given.
    """

    way: Way
    members: int

    @property
    def slug(self) -> str:
        """The way and the number, fit for a file name."""
        return f"{self.members}-{self.way.replace(' ', '-')}"

    def merge(self, copies: Sequence[Plane], number: int, time: float) -> Plane:
        """Merge one plane of the copies of a frame.

        Parameters
        ----------
        copies : sequence of ndarray of uint8, shape (height, width)
            At least `members`.
        number : int
            Of the frame.
        time : float
            Of the frame, in seconds.

        Returns
        -------
        ndarray of uint8, shape (height, width)
        """
        taken = copies[: self.members]
        if self.way == "frames in turn":
            return taken[number % self.members]
        if self.way == "seconds in turn":
            return taken[int(time) % self.members]
        if self.way == "strips":
            parts = [np.array_split(copy, self.members, axis=1)[place] for place, copy in enumerate(taken)]
            return np.concatenate(parts, axis=1)
        stacked = np.stack(taken)
        if self.way == "averaged":
            return np.asarray(np.rint(stacked.mean(axis=0, dtype=np.float32)), np.uint8)
        if self.way == "median":
            ordered = np.sort(stacked, axis=0)
            middle = ordered[(self.members - 1) // 2].astype(np.uint16) + ordered[self.members // 2]
            return np.asarray((middle + 1) // 2, np.uint8)
        return np.asarray(stacked.min(axis=0) if self.way == "minimum" else stacked.max(axis=0), np.uint8)


def collude(
    host: Path, key: Key, members: Sequence[Payload], mergers: dict[Merger, Path], *, seconds: float, crf: int
) -> None:
    """Mark a clip, repeated until it is long enough, for some members, and leak what they make of their copies.

    Parameters
    ----------
    host : Path
    key : Key
    members : sequence of Payload
        As many as the largest merger takes.
    mergers : dict of Merger to Path
        The file that each one's leak is written to: H.264, preset medium.
    seconds : float
    crf : int
    """
    with ExitStack() as opened:
        source = opened.enter_context(av.open(str(host)))
        rate = Fraction(source.streams.video[0].average_rate or 25)
        outputs = {}
        for merger, target in mergers.items():
            container = opened.enter_context(av.open(str(target), "w", format="mp4"))
            stream = container.add_stream("libx264", rate=rate, options={"preset": "medium", "crf": str(crf)})
            picture = source.streams.video[0].codec_context
            stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
            stream.codec_context.thread_count = 1
            outputs[merger] = container, stream
        embedder = Embedder(key)
        viewers = [embedder.viewer(member) for member in members]
        for number, frame in enumerate(islice(_repeated(host), round(seconds * rate))):
            frame.pts, frame.time_base = number, 1 / rate
            prepared = embedder.prepare(frame)
            copies = [viewer.mark(prepared) for viewer in viewers]
            for merger, (container, stream) in outputs.items():
                merged = _blank(frame)
                views = [planes(copy, layout_of(copy)) for copy in copies]
                for target, *each in zip(planes(merged, layout_of(merged)), *views, strict=True):
                    target[:] = merger.merge(each, number, float(number / rate))
                container.mux(stream.encode(merged))
        for container, stream in outputs.values():
            container.mux(stream.encode(None))


def _repeated(host: Path) -> Iterator[av.VideoFrame]:
    """Read a clip again and again."""
    for _ in cycle([None]):
        with av.open(str(host)) as container:
            yield from (frame.reformat(format="yuv420p") for frame in container.decode(video=0))


def _blank(frame: av.VideoFrame) -> av.VideoFrame:
    blank = av.VideoFrame(frame.width, frame.height, frame.format.name)
    blank.pts, blank.time_base = frame.pts, frame.time_base
    blank.color_range, blank.colorspace = frame.color_range, frame.colorspace
    return blank
