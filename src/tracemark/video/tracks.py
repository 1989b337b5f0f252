"""The tracks that are not marked: copied packet for packet into the new file, in step with the picture."""

from __future__ import annotations

import io
from collections import deque

import av
from av.stream import Disposition

from tracemark.errors import MediaError
from tracemark.video.source import Source

# Facts about the source's own encoding, no longer true of the new file.
_STALE_TAGS = frozenset({"encoder", "duration", "major_brand", "minor_version", "compatible_brands", "creation_time"})
_STALE_STATISTICS = ("bps", "number_of_", "_statistics_", "duration")


class CopiedTracks:
    """Audio, subtitles, data, attachments and cover pictures on their way from one file to another.

    Packets wait until the encoder, which holds back many frames, has put out the pictures that belong beside them.

    Parameters
    ----------
    source : Source
    output : av.container.OutputContainer
        Nothing may have been written to it yet.

    Attributes
    ----------
    wanted : tuple of av.stream.Stream
        Streams of the source that are copied, in its order.
    notes : list of str
        What had to be left out, in words.

    Raises
    ------
    MediaError
        If the target's container cannot hold a sound or subtitle track of the source.
    """

    def __init__(self, source: Source, output: av.container.OutputContainer) -> None:
        self.notes: list[str] = []
        self.wanted = tuple(stream for stream in source.container.streams if self._is_kept(source, stream, output))
        self._output = output
        self._targets: dict[int, av.stream.Stream] = {}
        self._waiting: deque[av.Packet[av.stream.Stream]] = deque()

    def _is_kept(self, source: Source, stream: av.stream.Stream, output: av.container.OutputContainer) -> bool:
        """Whether a stream is copied; notes why not, or refuses to lose a sound or subtitle track."""
        if stream.index == source.stream.index:
            return False
        if stream.type == "video" and not stream.disposition & Disposition.attached_pic:
            self.notes.append(f"video track {stream.index} is left out: an unmarked copy must not ride along")
            return False
        if stream.type == "data" and source.container.chapters():
            return False  # mp4 keeps chapters in such a track; they are copied as chapters
        if can_copy(output.format.name, stream):
            return True
        kind = stream.name or stream.type
        if stream.type in {"audio", "subtitle"}:
            raise MediaError(
                f"a file of this kind ({output.format.name}) cannot hold the source's {stream.type} track ({kind})",
                "write to a file of the source's own kind, or to .mkv",
            )
        self.notes.append(
            f"the {stream.type} track {stream.index} ({kind}) is left out: this kind of file cannot hold it"
        )
        return False

    def add(self, stream: av.stream.Stream) -> None:
        """Give a wanted stream its place in the output; call in the order of the source."""
        target = self._output.add_stream_from_template(stream, opaque=True)
        target.metadata.update(stream.metadata)
        target.disposition = stream.disposition
        self._targets[stream.index] = target

    def hold(self, packet: av.Packet[av.stream.Stream]) -> None:
        """Take a packet of a wanted stream."""
        if packet.dts is not None or packet.pts is not None:
            self._waiting.append(packet)

    def write(self, until: float | None = None) -> None:
        """Write the packets that belong before a time; all of them if none is given.

        Parameters
        ----------
        until : float, optional
            Decoding time in seconds that the picture has reached in the output.
        """
        while self._waiting:
            packet = self._waiting[0]
            stamp = packet.dts if packet.dts is not None else packet.pts
            assert stamp is not None  # `hold` lets no other in; tells mypy
            if until is not None and float(stamp * packet.time_base) > until:
                return
            self._waiting.popleft()
            packet.stream = self._targets[packet.stream.index]
            self._output.mux(packet)


def copy_file_metadata(source: Source, output: av.container.OutputContainer) -> None:
    """Copy title, comment, chapters and the like."""
    kept = {name: value for name, value in source.container.metadata.items() if name.lower() not in _STALE_TAGS}
    output.metadata.update(kept)
    if chapters := source.container.chapters():
        output.set_chapters(chapters)


def copy_picture_metadata(source: av.VideoStream, target: av.VideoStream) -> None:
    """Copy language, title and disposition of the marked track, without what told of its old encoding."""
    for name, value in source.metadata.items():
        if name.lower() not in _STALE_TAGS and not name.lower().startswith(_STALE_STATISTICS):
            target.metadata[name] = value
    target.disposition = source.disposition


def can_copy(container_format: str, stream: av.stream.Stream) -> bool:
    """Whether a container takes a stream as it is: tried on a file in memory, because no table of FFmpeg's tells.

    Parameters
    ----------
    container_format : str
        FFmpeg's name of the container, such as ``mp4``.
    stream : av.stream.Stream

    Returns
    -------
    bool
    """
    trial = av.open(io.BytesIO(), "w", format=container_format)
    try:
        trial.add_stream_from_template(stream, opaque=True)
        trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    finally:
        trial.close()
    return True
