"""Pictures out: one marked frame as a png, jpg, webp, bmp or tiff file."""

from __future__ import annotations

from pathlib import Path

import av

from tracemark.errors import MediaError
from tracemark.video.encoders import find_encoder
from tracemark.video.pixels import convert
from tracemark.video.source import FALLBACK_RATE, Source
from tracemark.video.writing import Quality

PICTURE_CODECS = {
    ".png": "png",
    ".jpg": "mjpeg",
    ".jpeg": "mjpeg",
    ".webp": "webp",
    ".bmp": "bmp",
    ".tif": "tiff",
    ".tiff": "tiff",
}
"""Codec of each suffix that means a picture."""

# Marker codes of a JPEG file (ITU-T T.81, table B.1).
_START_OF_IMAGE = b"\xff\xd8"
_START_OF_SCAN = 0xDA
_KEPT_SEGMENTS = frozenset({0xE1, 0xE2, 0xED, 0xFE})  # Exif and XMP, ICC profile, IPTC, comment
_JFIF = 0xE0


def write_picture(
    source: Path,
    frame: av.VideoFrame,
    path: Path,
    *,
    rotation: int,
    quality: Quality,
) -> str:
    """Write a marked picture.

    From one JPEG to another, Exif (with the orientation), ICC profile and comments are copied.

    Parameters
    ----------
    source : Path
        The picture that was marked.
    frame : av.VideoFrame
        The marked frame.
    path : Path
        File to write; its suffix is a key of `PICTURE_CODECS`.
    rotation : int
        Degrees by which the source is turned for display, counter-clockwise.
    quality : Quality

    Returns
    -------
    str
        FFmpeg's name of the encoder.

    Raises
    ------
    MediaError
        If the picture has an orientation that this kind of file cannot keep.
    """
    encoder = find_encoder(quality.codec or PICTURE_CODECS[path.suffix.lower()])
    context = av.CodecContext.create(encoder.name, "w")
    if not isinstance(context, av.VideoCodecContext):
        raise MediaError(f"'{encoder.name}' is no video codec")
    wanted = frame.format.name
    if encoder.name == "mjpeg" and not wanted.startswith("yuvj"):
        wanted = "yuvj420p" if wanted in {"yuv420p", "nv12", "gray"} else "yuvj444p"  # JPEG is full range
    written = convert(frame, encoder.pixel_format(wanted))
    context.width, context.height, context.pix_fmt = written.width, written.height, written.format.name
    context.color_range = written.color_range
    context.time_base = 1 / FALLBACK_RATE
    context.options.update(encoder.settings(quality.crf, quality.preset))
    encoder.configure(context, quality.crf)
    data = b"".join(bytes(packet) for packet in [*context.encode(written), *context.encode()])
    original = source.read_bytes()
    if encoder.name == "mjpeg" and original.startswith(_START_OF_IMAGE):
        data = _with_segments(data, original)
    path.write_bytes(data)
    with Source(path) as again:
        if next(again.frames()).rotation != rotation:
            raise MediaError(
                f"the orientation tag of {source.name} cannot be kept in a {path.suffix} file",
                "turn the picture itself upright first",
            )
    return encoder.name


def _with_segments(data: bytes, original: bytes) -> bytes:
    """Put the descriptive segments of one JPEG file into another, after its JFIF header."""
    kept = b"".join(segment for marker, segment in _segments(original) if marker in _KEPT_SEGMENTS)
    start = len(_START_OF_IMAGE)
    for marker, segment in _segments(data):
        if marker == _JFIF:
            start += len(segment)
        break
    return data[:start] + kept + data[start:]


def _segments(jpeg: bytes) -> list[tuple[int, bytes]]:
    """List the marker and bytes of each segment before the picture itself (ITU-T T.81, section B.1.1.4)."""
    found = []
    position = len(_START_OF_IMAGE)
    while position + 4 <= len(jpeg) and jpeg[position] == 0xFF and jpeg[position + 1] != _START_OF_SCAN:
        length = 2 + int.from_bytes(jpeg[position + 2 : position + 4])
        found.append((jpeg[position + 1], jpeg[position : position + length]))
        position += length
    return found
