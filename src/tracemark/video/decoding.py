"""Ask a leaked file whose copy it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from av import VideoFrame
from threadpoolctl import threadpool_limits

from tracemark.errors import KeyFileError
from tracemark.frames import quarter_turns
from tracemark.keys import Key
from tracemark.overlay import SessionCode
from tracemark.recovery import Candidates, Decoding, Recovery
from tracemark.recovery.visible import Album, with_visible
from tracemark.video.pixels import MARKABLE, convert, nearest_format
from tracemark.video.source import Progress, Source

Effort = Literal["fast", "normal", "max"]
"""How long to search before giving up."""

LEAK_SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob", ".flv"),
        *(".wmv", ".asf", ".3gp", ".3g2", ".ogv", ".mxf", ".nut", ".h264", ".264", ".hevc", ".h265", ".ivf", ".gif"),
        *(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".jp2", ".heic"),
    }
)
"""Suffixes by which a file in a folder of leaks is taken for a video or picture."""


def decode(
    source: str | Path,
    *,
    keys: Sequence[Key],
    effort: Effort = "normal",
    whole: bool = False,
    candidates: Candidates | None = None,
    code: SessionCode | None = None,
    progress: Progress | None = None,
    each: Callable[[VideoFrame, float], bool] | None = None,
) -> Decoding:
    """Say who a video or picture was shown to.

    Reading stops half a minute after the verdict is certain (at once at effort fast), if nobody else's copy followed.

    Parameters
    ----------
    source : str or Path
        The leak.
    keys : sequence of Key
        Keys that it may have been marked with; at least one.
    effort : {'fast', 'normal', 'max'}, optional
        How long to search before giving up.
    whole : bool, optional
        Read to the end even if the verdict is certain.
    candidates : Candidates, optional
        Members whom the leak may be of. They are recognised in evidence too weak to decode blind, and told apart where
        several merged their copies.
    code : SessionCode, optional
        How session codes were drawn, if not as by default; codes of any other size, at any place, are looked for where
        none of these is found.
    progress : callable, optional
        See `Progress`.
    each : callable, optional
        Given every frame that is read, and its time in seconds; reading stops after a frame for which it says True.

    Returns
    -------
    Decoding
        Its `reasons` tell of damage to the file, too.

    Raises
    ------
    KeyFileError
        If no key is given.
    MediaError
        If the file cannot be read, or not one frame of it can be decoded.
    """
    if not keys:
        raise KeyFileError("there is no key to look for a mark with", "give at least one")
    recovery: Recovery | None = None
    # The matrices are small: a second thread gains nothing, and waiting for it on busy cores takes five times as long.
    with threadpool_limits(1, user_api="blas"), Source(source) as opened:
        for frame in opened.frames():
            if recovery is None:
                # Only now: some codecs tell their pixel aspect with the first frame.
                aspect = float(opened.pixel_aspect)
                size = shown_size(frame, aspect)
                recovery = Recovery(keys, effort=effort, still=opened.still, pixel_aspect=aspect, candidates=candidates)
                album = Album(aspect)
            name, _ = nearest_format(frame.format.name, MARKABLE)
            received = convert(frame, name)
            album.add(received, frame.time)
            certain = recovery.add(received, frame.time)
            if progress:
                progress(opened.position, opened.duration)
            enough = each is not None and each(frame, frame.time)
            if enough or (certain and not whole):
                break
        assert recovery is not None  # `frames` raises if there is none; tells mypy
        found, damage = recovery.finish(), opened.damage
        decoding = with_visible(found, album, keys, effort=effort, code=code)
    return replace(decoding, size=size, why=(*decoding.why, *damage))


def shown_size(frame: VideoFrame, pixel_aspect: float) -> tuple[int, int]:
    """Width and height of a frame as it is displayed, in square pixels.

    Parameters
    ----------
    frame : av.VideoFrame
    pixel_aspect : float
        Displayed width over height of a stored pixel.

    Returns
    -------
    tuple of int
    """
    size = round(frame.width * pixel_aspect), frame.height
    return size if quarter_turns(frame) % 2 == 0 else size[::-1]


def leaks_in(path: Path) -> list[Path]:
    """List the videos and pictures that a name stands for.

    Parameters
    ----------
    path : Path
        A file, or a folder, which is searched with all its subfolders.

    Returns
    -------
    list of Path
        The file itself, whatever its suffix; of a folder, sorted, the files whose suffix is in `LEAK_SUFFIXES`.
    """
    if not path.is_dir():
        return [path]
    found = (each for each in path.rglob("*") if each.suffix.lower() in LEAK_SUFFIXES and each.is_file())
    return sorted(each for each in found if not each.name.startswith("."))


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, by which a report names the file it is about.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
