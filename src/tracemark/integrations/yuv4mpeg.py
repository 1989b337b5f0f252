"""The header of a yuv4mpeg stream: what it says of the frames, and what it says that cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

from tracemark.errors import MediaError
from tracemark.frames import LAYOUTS

MAGIC = b"YUV4MPEG2"

LONGEST_LINE = 1024
"""Bytes of a header, or of a frame's own, beyond which it is none; mjpegtools, which made the format, allows 256."""

LARGEST_SIDE = 1 << 14
"""Pixels a side beyond which a size is nonsense; HEVC ends at half of it."""

COLOUR_SPACES = {
    "420jpeg": "yuv420p",
    "420mpeg2": "yuv420p",
    "420paldv": "yuv420p",
    "420": "yuv420p",
    "422": "yuv422p",
    "444": "yuv444p",
    "mono": "gray",
    "420p10": "yuv420p10le",
}
"""Colour spaces of yuv4mpeg that are marked, and FFmpeg's name of the samples; they differ in where chroma lies."""


@dataclass(frozen=True)
class Shape:
    """What every frame of a raw stream is like.

    Parameters
    ----------
    width, height : int
        Size in pixels.
    pixel_format : str
        FFmpeg's name of a format in `tracemark.frames.LAYOUTS`.
    rate : Fraction or None
        Frames a second; None if the stream does not say.
    pixel_aspect : Fraction
        Displayed width over height of a pixel.

    Raises
    ------
    MediaError
        If the size is nonsense, or the format is none that can be marked.
    """

    width: int
    height: int
    pixel_format: str
    rate: Fraction | None
    pixel_aspect: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        """Refuse what no frame can be."""
        if not (0 < self.width <= LARGEST_SIDE and 0 < self.height <= LARGEST_SIDE):
            raise MediaError(f"{self.width}x{self.height} is no size of a frame")
        if self.pixel_format not in LAYOUTS:
            formats = ", ".join(LAYOUTS)
            raise MediaError(f"frames of pixel format {self.pixel_format} cannot be marked", f"use one of {formats}")


def read_line(stream: BinaryIO) -> bytes:
    """Read a line of a stream's text.

    Parameters
    ----------
    stream : BinaryIO

    Returns
    -------
    bytes
        With its newline, or without one if the stream ended or the line is longer than `LONGEST_LINE`.
    """
    return stream.readline(LONGEST_LINE)


def read_shape(header: bytes) -> Shape:
    """Read a stream's header.

    Parameters
    ----------
    header : bytes
        The first line, with its newline.

    Returns
    -------
    Shape

    Raises
    ------
    MediaError
        If it is no such header, cut, nonsense, or of a colour space that cannot be marked.

    References
    ----------
    yuv4mpeg(5) of mjpegtools; FFmpeg's yuv4mpegdec.c for the names of colour spaces beyond 4:2:0.
    """
    if not header:
        raise MediaError("standard input is empty: no stream came", "see what the program before the pipe says")
    if header[: len(MAGIC)] != MAGIC[: len(header)]:
        raise MediaError(
            "standard input is no yuv4mpeg stream",
            "let ffmpeg write it with '-f yuv4mpegpipe', or give --size, --pix-fmt and --rate of a raw one",
        )
    if not header.endswith(b"\n"):
        raise MediaError("the header of the yuv4mpeg stream is cut, or has no end")
    words = header.decode("ascii", "replace").split()[1:]
    tags = {word[0]: word[1:] for word in words if word[0] != "X"}
    space = tags.get("C", "420jpeg")
    if space not in COLOUR_SPACES:
        raise MediaError(
            f"the colour space {space!r} of the yuv4mpeg stream cannot be marked",
            f"convert it to one of {', '.join(COLOUR_SPACES)}; ffmpeg does with '-pix_fmt yuv420p'",
        )
    try:
        width, height = int(tags["W"]), int(tags["H"])
        rate, aspect = _ratio(tags["F"]), _ratio(tags.get("A", "0:0"))
    except (KeyError, ValueError) as error:
        raise MediaError("the header of the yuv4mpeg stream lacks or garbles its size, rate or aspect") from error
    return Shape(width, height, COLOUR_SPACES[space], rate, aspect or Fraction(1))


def _ratio(text: str) -> Fraction | None:
    """Read a ratio such as 30000:1001; 0:0 is how the format says unknown."""
    over, under = (int(each) for each in text.split(":"))
    if over < 0 or under < 0:
        raise ValueError(text)
    return Fraction(over, under) if over and under else None
