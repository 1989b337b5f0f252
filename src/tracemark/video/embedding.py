"""Mark a whole file for one viewer: everything but the picture is carried over as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from tracemark.embedder import Embedder, Viewer
from tracemark.errors import MediaError
from tracemark.keys import Key
from tracemark.overlay import Overlay
from tracemark.payload import Payload
from tracemark.video.atomic import written_whole
from tracemark.video.errors import unwritable
from tracemark.video.pictures import PICTURE_CODECS, write_picture
from tracemark.video.pixels import MARKABLE, convert, nearest_format
from tracemark.video.source import Progress, Source
from tracemark.video.writing import Quality, VideoWriter


@dataclass(frozen=True)
class Marked:
    """What `embed` did.

    Parameters
    ----------
    frames : int
        Frames marked.
    seconds : float
        Seconds of picture marked; 0 for a picture.
    encoder : str
        FFmpeg's name of the encoder that wrote the picture.
    notes : tuple of str
        What could not be carried over as it was, one sentence each; empty as a rule.
    """

    frames: int
    seconds: float
    encoder: str
    notes: tuple[str, ...]


def embed(
    source: str | Path,
    target: str | Path,
    *,
    key: Key,
    payload: Payload,
    strength: float = 1.0,
    overlays: Sequence[Overlay] = (),
    codec: str | None = None,
    crf: int | None = None,
    preset: str | None = None,
    progress: Progress | None = None,
) -> Marked:
    """Mark a video or picture for one viewer.

    Sound, subtitles, cover pictures, chapters and metadata are copied untouched; time stamps, colour metadata, pixel
    aspect and rotation of the picture are kept. The target appears under its name when it is complete, or not at all.

    Parameters
    ----------
    source : str or Path
        Video or picture to mark.
    target : str or Path
        File to write, of a kind known by its suffix; must not exist.
    key : Key
        Secret under which the mark is made.
    payload : Payload
        Whose copy this is.
    strength : float, optional
        Multiple of the mark's default amplitude.
    codec : str, optional
        Codec to write the video with, such as ``h264`` or ``ffv1``; the source's own by default.
    crf : int, optional
        Quality, in the encoder's own scale; visually transparent by default.
    preset : str, optional
        The encoder's speed, such as ``veryfast``.
    progress : callable, optional
        See `Progress`.

    Returns
    -------
    Marked

    Raises
    ------
    MediaError
        If the source cannot be read, or the target exists, cannot be written, or cannot hold what the source holds.
    FrameError
        If the picture is too small to be marked.
    OverlayError
        If an overlay does not fit into the picture.
    """
    target = Path(target)
    quality = Quality(codec, crf, preset)
    with Source(source) as opened, written_whole(target) as temporary:
        marker = _Marker(opened, key, payload, strength, overlays)
        try:
            if opened.still:
                return _embed_picture(opened, target, temporary, marker, quality)
            return _embed_video(opened, target, temporary, marker, quality, progress)
        except (av.FFmpegError, OSError) as error:
            raise unwritable(target, error) from error


class _Marker:
    """Marks frame after frame, in whatever format they come."""

    def __init__(
        self, source: Source, key: Key, payload: Payload, strength: float, overlays: Sequence[Overlay]
    ) -> None:
        self.frames = 0
        self.notes: list[str] = []
        self._source = source
        self._key, self._payload, self._strength = key, payload, strength
        self._overlays = overlays
        self._viewer: Viewer | None = None

    def mark(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return the viewer's frame, in the frame's own format or the nearest that can be marked."""
        name, exact = nearest_format(frame.format.name, MARKABLE)
        if self._viewer is None:
            # Only now: some codecs tell their pixel aspect with the first frame.
            source = self._source
            rate, aspect = float(source.rate), float(source.pixel_aspect)
            embedder = Embedder(self._key, strength=self._strength, frame_rate=rate, pixel_aspect=aspect)
            self._viewer = embedder.viewer(self._payload, self._overlays)
            if not exact:
                self.notes.append(f"the picture is marked as {name}: {frame.format.name} cannot be marked as it is")
        marked = self._viewer.mark(convert(frame, name))
        assert isinstance(marked, av.VideoFrame)  # of the kind that went in; tells mypy
        marked.duration = frame.duration
        self.frames += 1
        return marked


def _embed_picture(source: Source, target: Path, temporary: Path, marker: _Marker, quality: Quality) -> Marked:
    """Mark a single picture."""
    if target.suffix.lower() not in PICTURE_CODECS:
        kinds = ", ".join(sorted(PICTURE_CODECS))
        raise MediaError(f"{source.path.name} is a picture, and {target.name} would be none", f"use one of {kinds}")
    frame = next(source.frames())
    rotation = frame.rotation
    encoder = write_picture(source.path, marker.mark(frame), temporary, rotation=rotation, quality=quality)
    return Marked(1, 0.0, encoder, tuple(marker.notes))


def _embed_video(
    source: Source, target: Path, temporary: Path, marker: _Marker, quality: Quality, progress: Progress | None
) -> Marked:
    """Mark every frame of a video, and carry the rest over beside it."""
    if target.suffix.lower() in PICTURE_CODECS:
        raise MediaError(f"{source.path.name} is a video, and {target.name} would be a picture", "use .mp4 or .mkv")
    with VideoWriter(source, target, temporary, quality) as writer:
        for packet in source.packets(source.stream, *writer.tracks.wanted):
            if packet.stream.index != source.stream.index:
                writer.tracks.hold(packet)
                continue
            for frame in source.decode(packet):
                writer.write(marker.mark(frame), host=frame)
                if progress:
                    progress(source.position, source.duration)
        source.require_frames()
        writer.finish()
    notes = (*writer.notes, *marker.notes, *(str(each) for each in source.damage))
    return Marked(marker.frames, source.position, writer.encoder.name, notes)
