"""Open a video or picture of any kind, and read its frames with times that only ever grow.

A leak is somebody else's file: it may be cut short, damaged, misnamed or hostile. What can be read is read, what could
not be is said in words (`Source.damage`), and nothing beside the file itself is ever opened: a play list that calls
itself .mp4 cannot make tracemark fetch what it points to.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
from av.stream import Disposition

from tracemark.errors import MediaError
from tracemark.remarks import Remark, remark
from tracemark.video.errors import unreadable

Progress = Callable[[float, float | None], None]
"""Called with the seconds of picture done and, where known, the seconds there are."""

FALLBACK_RATE = Fraction(25)
"""Frames per second assumed where a file states no believable rate."""

HIGHEST_RATE = 1000
"""Frames per second above which a stated rate is a time base in disguise (MPEG-TS states 90000)."""

LONGEST_PIXEL = 10
"""Pixel aspect beyond which a file states nonsense, either way; real ones stay within 1:2 and 2:1."""

CUT_TOLERANCE = 1.0
"""Seconds that may be missing at a file's end before it is called cut; encoders round durations."""

_PICTURE_FORMAT = re.compile(r"image2|.*_pipe")
# Readers that turn any text into "video" or follow play lists to other files and hosts.
_REFUSED_FORMATS = frozenset(
    {"tty", "bin", "xbin", "adf", "idf", "lavfi", "concat", "hls", "dash", "imf", "sdp", "rtsp"}
)
_OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "pattern_type": "none",  # a picture called 'shot%03d.png' is one file, not a series
}


class Source:
    """An opened video or picture: the pictures of its main video stream, and every packet of the rest.

    Use it as a context manager. The main stream is the one that FFmpeg finds best, cover pictures left aside.

    Parameters
    ----------
    path : str or Path
        A local file.

    Attributes
    ----------
    path : Path
    container : av.container.InputContainer
    stream : av.VideoStream
        The main video stream.
    still : bool
        Whether the file is a single picture and not a video.
    rate : Fraction
        Frames per second, as stated or guessed; only ever a guess for variable frame rates.
    duration : float or None
        Seconds of picture that the file claims to hold.

    Raises
    ------
    MediaError
        If the file is missing, a folder, empty, unreadable, or holds no moving or still picture.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        _check_file(self.path)
        try:
            # 'file:' keeps names such as 'a:b.mp4' from being read as a protocol.
            self.container = av.open(f"file:{self.path}", options=_OPEN_OPTIONS, metadata_errors="replace")
        except (av.FFmpegError, OSError) as error:
            raise unreadable(self.path, error) from error
        try:
            self.stream = _main_stream(self.container, self.path)
        except MediaError:
            self.container.close()
            raise
        self.stream.thread_type = "AUTO"
        # AVIF and GIF pictures come in containers of videos.
        self.still = bool(_PICTURE_FORMAT.fullmatch(self.container.format.name)) or self.stream.frames == 1
        self.rate = _believable_rate(self.stream)
        self.duration = _stated_duration(self.container, self.stream)
        self._clock = _Clock(self.rate)
        self._first_time: float | None = None
        self._end_time = 0.0
        self._bad_packets = 0
        self._stopped: str | None = None
        self._read_to_end = False

    def __enter__(self) -> Self:
        """Return the source itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.container.close()

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a stored pixel divided by its height; some codecs tell it with the first frame only."""
        for aspect in (self.stream.sample_aspect_ratio, self.stream.codec_context.sample_aspect_ratio):
            if aspect and 1 / LONGEST_PIXEL <= aspect <= LONGEST_PIXEL:
                return aspect
        return Fraction(1)

    @property
    def position(self) -> float:
        """Seconds of picture read so far, from the first frame on."""
        return self._end_time - self._first_time if self._first_time is not None else 0.0

    @property
    def damage(self) -> tuple[Remark, ...]:
        """What could not be read; empty while nothing is known to be wrong.

        A cut end is only known once all frames have been asked for.
        """
        found = []
        if self._bad_packets:
            count = self._bad_packets
            found.append(remark("packet_damaged" if count == 1 else "packets_damaged", count=count))
        if self._stopped:
            found.append(remark("stopped", seconds=self.position, why=self._stopped))
        elif self._read_to_end and self.duration and self.position < self.duration - CUT_TOLERANCE:
            found.append(remark("cut", read=self.position, whole=self.duration))
        return tuple(found)

    def packets(self, *streams: av.stream.Stream) -> Iterator[av.Packet[av.stream.Stream]]:
        """Read packets in the order of the file, the flushing ones at the end included.

        Parameters
        ----------
        *streams : av.stream.Stream
            Streams of `container`; the main video stream if none is given.

        Yields
        ------
        av.Packet
            A file that breaks off ends the packets, as its end would; `damage` says why.
        """
        wanted = streams or (self.stream,)
        demuxer = self.container.demux(*wanted)
        while True:
            try:
                packet = next(demuxer)
            except StopIteration:
                break
            except (av.FFmpegError, OSError) as error:
                self._stopped = str(error.strerror or error).lower()
                # The demuxer died before it could flush: the decoder still holds frames.
                last = av.Packet()
                last.stream = self.stream
                yield last
                break
            if packet.is_corrupt and packet.stream.index == self.stream.index:
                self._bad_packets += 1
            yield packet
        self._read_to_end = True

    def decode(self, packet: av.Packet[av.stream.Stream]) -> list[av.VideoFrame]:
        """Decode a packet of the main video stream.

        Parameters
        ----------
        packet : av.Packet
            As `packets` yields it; an empty one flushes the decoder.

        Returns
        -------
        list of av.VideoFrame
            In the order they are shown, each with `pts` and `time` set and later than the one before. A packet that
            cannot be decoded gives none and is counted in `damage`.
        """
        try:
            frames = self.stream.decode(packet if packet.size else None)
        except (av.FFmpegError, OSError):
            self._bad_packets += 1
            return []
        for frame in frames:
            time = self._clock.stamp(frame, self.stream)
            if self._first_time is None:
                self._first_time = time
            shown = frame.duration * frame.time_base if frame.duration and frame.time_base else 1 / self.rate
            self._end_time = time + float(shown)
        return frames

    def frames(self) -> Iterator[av.VideoFrame]:
        """Read all frames of the main video stream; see `decode`.

        Yields
        ------
        av.VideoFrame

        Raises
        ------
        MediaError
            If not a single frame can be decoded.
        """
        for packet in self.packets():
            yield from self.decode(packet)
        self.require_frames()

    def require_frames(self) -> None:
        """Raise MediaError if no frame could be decoded so far."""
        if self._first_time is None:
            raise MediaError(f"{self.path.name}: not one frame could be decoded", "the file is damaged")


class _Clock:
    """Gives every frame a time, later than the last one's, moving as few as possible.

    A missing time stamp continues at the frame rate (raw streams have none). One that does not grow (a wrapped
    counter, two recordings put end to end) moves itself and all that follow.
    """

    def __init__(self, rate: Fraction) -> None:
        self._step = 1 / rate
        self._last: Fraction | None = None
        self._shift = Fraction(0)

    def stamp(self, frame: av.VideoFrame, stream: av.VideoStream) -> float:
        """Set the frame's `pts` and `time_base` where they need it, and return its time in seconds."""
        base = frame.time_base or stream.time_base or self._step
        expected = Fraction(0) if self._last is None else self._last + self._step
        time = expected if frame.pts is None else frame.pts * base + self._shift
        if self._last is not None and time <= self._last:
            self._shift += expected - time
            time = expected
        pts = round(time / base)
        if frame.pts != pts or not frame.time_base:
            frame.time_base = base
            frame.pts = pts
        self._last = time
        return float(time)


def _check_file(path: Path) -> None:
    """Raise MediaError for what no decoder needs to be asked about."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise MediaError(f"{path}: there is no such file") from None
    except OSError as error:
        raise MediaError(f"{path}: {str(error.strerror).lower()}") from error
    if stat.S_ISDIR(status.st_mode):
        raise MediaError(f"{path} is a folder", "name a video or picture file")
    if stat.S_ISREG(status.st_mode) and status.st_size == 0:
        raise MediaError(f"{path.name} is empty: it holds no bytes at all")


def _main_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """Choose the stream that holds the picture."""
    if container.format.name in _REFUSED_FORMATS or set(container.format.name.split(",")) & _REFUSED_FORMATS:
        raise MediaError(f"{path.name} is not a video or picture", f"it reads as '{container.format.name}'")
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        if container.streams.audio:
            raise MediaError(f"{path.name} holds audio only", "the mark lives in the picture; name a file with video")
        raise MediaError(f"{path.name} holds no picture")
    best = cast("av.VideoStream | None", container.streams.best("video"))
    stream = best if best in moving else moving[0]
    assert stream is not None  # tells mypy that a member of `moving` was chosen
    # PyAV leaves the context out where FFmpeg has no decoder at all.
    if cast("av.VideoCodecContext | None", stream.codec_context) is None:
        raise MediaError(f"{path.name}: there is no decoder for its video", "convert it to H.264 first")
    return stream


def _believable_rate(stream: av.VideoStream) -> Fraction:
    """Frames per second of a stream, or the fallback where it states nonsense."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= HIGHEST_RATE:
            return rate
    return FALLBACK_RATE


def _stated_duration(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    """Seconds that the file claims for its main video stream.

    The container's own duration counts only where the picture is alone: sound may well be longer.
    """
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # Matroska keeps the durations of streams in tags, as 00:00:05.280000000.
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if tag:
        return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    if len(container.streams) == 1 and container.duration is not None:
        return container.duration / av.time_base
    return None
