"""Write a marked video: the encoder, laid out like the source, with the copied tracks in step."""

from __future__ import annotations

import contextlib
import os
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
from av.buffer import Buffer
from av.video.frame import PictureType

from tracemark.errors import MediaError
from tracemark.video.encoders import Encoder, can_hold, choose_encoder, find_encoder
from tracemark.video.pixels import convert
from tracemark.video.source import Source
from tracemark.video.tracks import CopiedTracks, copy_file_metadata, copy_picture_metadata

MPEG_CLOCK = Fraction(1, 90000)
"""Time base of packets whose encoder knows no time stamps: the clock of MPEG systems."""

# Containers whose writers in FFmpeg store a display matrix.
_ROTATABLE = frozenset({"mov", "mp4", "ipod", "3gp", "3g2", "psp", "ismv", "f4v", "matroska", "webm"})


@dataclass(frozen=True)
class Quality:
    """What the user asked of the encoder; None leaves it to tracemark.

    Parameters
    ----------
    codec : str or None
        Codec or encoder by FFmpeg's name.
    crf : int or None
        Quality in the encoder's own scale.
    preset : str or None
        The encoder's speed.
    """

    codec: str | None = None
    crf: int | None = None
    preset: str | None = None


class VideoWriter:
    """One marked video on its way to a file; a context manager that closes the file in any case.

    Parameters
    ----------
    source : Source
        What is marked; the new file is laid out like it.
    target : Path
        The name that the user gave.
    temporary : Path
        The file to write; empty, with the target's suffix.
    quality : Quality

    Attributes
    ----------
    tracks : CopiedTracks
        Packets of its `wanted` streams are to be given to its `hold`.
    encoder : Encoder
    notes : list of str
        What could not be carried over, in words.

    Raises
    ------
    MediaError
        If the suffix names no container, or the container or encoder cannot hold what is asked for.
    """

    def __init__(self, source: Source, target: Path, temporary: Path, quality: Quality) -> None:
        self._source, self._target, self._temporary = source, target, temporary
        self._quality = quality
        try:
            self._output = av.open(f"file:{temporary}", "w")
        except ValueError as error:
            raise MediaError(f"'{target.suffix}' names no kind of video", "use .mp4, .mov, .mkv or .webm") from error
        self.notes: list[str] = []
        try:
            self.encoder = self._choose()
            self._settings = self.encoder.settings(quality.crf, quality.preset)
            self.tracks = CopiedTracks(source, self._output)
        except BaseException:
            self._output.close()
            raise
        self._stream: av.VideoStream | None = None
        self._times: dict[int, Fraction] = {}
        self._written = 0

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; after an error it is thrown away, and that its end cannot be written either is no news."""
        if error is None:
            self._output.close()
            self._compare()
        else:
            with contextlib.suppress(Exception):
                self._output.close()

    def write(self, marked: av.VideoFrame, *, host: av.VideoFrame) -> None:
        """Write one marked frame.

        Parameters
        ----------
        marked : av.VideoFrame
        host : av.VideoFrame
            The frame that was marked; the first one's rotation is kept.
        """
        if self._stream is None:
            self._stream = self._lay_out(marked, _display_matrix(host))
        written = convert(marked, str(self._stream.pix_fmt))
        # A decoded frame remembers whether it was I, P or B, and an encoder would take that for an order.
        written.pict_type = PictureType.NONE
        self._encode(self._stream, written)

    def finish(self) -> None:
        """Write what the encoder and the copied tracks still hold."""
        if self._stream is not None:
            self._encode(self._stream, None)
        self.tracks.write()

    def _choose(self) -> Encoder:
        """Choose the encoder: the one the user named, or the source's own."""
        codec = self._quality.codec
        if codec is None:
            encoder, note = choose_encoder(self._source.stream.codec_context.codec.canonical_name, self._output)
            self.notes += [note] if note else []
            return encoder
        encoder = find_encoder(codec)
        if not can_hold(self._output.format.name, encoder):
            raise MediaError(f"a {self._target.suffix} file cannot hold {codec} video", "write to .mkv, which can")
        return encoder

    def _lay_out(self, marked: av.VideoFrame, matrix: tuple[int, ...] | None) -> av.VideoStream:
        """Add all streams in the source's order and open the encoder, now that a frame tells what it will get."""
        stream: av.VideoStream | None = None
        for each in self._source.container.streams:
            if each.index == self._source.stream.index:
                stream = self._add_video(marked, matrix)
            elif each in self.tracks.wanted:
                self.tracks.add(each)
        assert stream is not None  # the source's own stream is among its streams; tells mypy
        copy_file_metadata(self._source, self._output)
        self.notes += self.tracks.notes
        try:
            stream.codec_context.open()
        except (av.FFmpegError, ValueError) as error:
            picture = f"{marked.width}x{marked.height} {stream.pix_fmt} at {float(self._source.rate):g} frames/s"
            raise MediaError(
                f"the encoder {self.encoder.name} refuses {picture}", "choose another --codec, such as ffv1 or vp9"
            ) from error
        return stream

    def _add_video(self, marked: av.VideoFrame, matrix: tuple[int, ...] | None) -> av.VideoStream:
        """Add the marked track, with the source's times, colours, pixel aspect and rotation."""
        source, encoder = self._source, self.encoder
        # SVT-AV1 prints its settings to standard error unless its own variable says 'errors only'.
        os.environ.setdefault("SVT_LOG", "1")
        base = encoder.time_base(marked.time_base or 1 / source.rate, source.rate)
        stream = self._output.add_stream(encoder.name, rate=source.rate, options=self._settings, time_base=base)
        assert isinstance(stream, av.VideoStream)  # all of our encoders are; tells mypy
        context = stream.codec_context
        written = convert(marked, encoder.pixel_format(marked.format.name))
        context.width, context.height, context.pix_fmt = written.width, written.height, written.format.name
        context.color_range, context.colorspace = written.color_range, written.colorspace
        context.color_primaries, context.color_trc = written.color_primaries, written.color_trc
        context.sample_aspect_ratio = source.pixel_aspect
        context.time_base = base
        if encoder.counts:
            context.max_b_frames = 0  # packets then leave in the order of the frames, which gives them their times
        encoder.configure(context, self._quality.crf)
        if matrix:
            if self._output.format.name not in _ROTATABLE:
                raise MediaError(
                    f"a {self._target.suffix} file cannot say that its picture is to be shown rotated",
                    "write to .mp4, .mov or .mkv",
                )
            stream.set_display_matrix(matrix)
        copy_picture_metadata(source.stream, stream)
        return stream

    def _encode(self, stream: av.VideoStream, frame: av.VideoFrame | None) -> None:
        """Encode a frame, or flush the encoder, and write what comes out with the other tracks beside it."""
        if self.encoder.counts and frame is not None and frame.pts is not None and frame.time_base:
            self._times[self._written] = frame.pts * frame.time_base
            frame.pts, frame.time_base = self._written, stream.codec_context.time_base
            self._written += 1
        for packet in stream.encode(frame):
            if self.encoder.counts:
                number = round((packet.pts or 0) * packet.time_base * self._source.rate)
                packet.time_base = MPEG_CLOCK
                packet.pts = packet.dts = round(self._times.pop(number) / MPEG_CLOCK)
                packet.duration = round(1 / self._source.rate / MPEG_CLOCK)
            if packet.dts is not None:
                self.tracks.write(until=float(packet.dts * packet.time_base))
            self._output.mux(packet)

    def _compare(self) -> None:
        """Note what the finished file says differently from the source; some containers keep no pixel aspect."""
        with Source(self._temporary) as written:
            next(written.frames())
            if written.pixel_aspect != self._source.pixel_aspect:
                aspect = self._source.pixel_aspect
                lost = f"{aspect.numerator}:{aspect.denominator}"
                self.notes.append(
                    f"the pixel aspect {lost} is lost: {self.encoder.name} in this kind of file keeps none"
                )


def _display_matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
    """Return how a frame is to be turned or mirrored for display, as FFmpeg's nine integers; None if it is not."""
    try:
        data = cast("Buffer | None", frame.side_data.get("DISPLAYMATRIX"))
    except ValueError:
        return None  # this PyAV has no name for some other side data of the frame, which only pictures carry
    return struct.unpack("=9i", bytes(data)) if data is not None else None
