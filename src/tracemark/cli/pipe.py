"""`tracemark pipe`: mark a raw stream between two programs."""

from __future__ import annotations

import sys
from fractions import Fraction

import click

from tracemark.cli.options import for_one_viewer, progress_bar
from tracemark.cli.overlaid import overlay_options
from tracemark.errors import MediaError
from tracemark.keys import Key
from tracemark.overlay import Overlay
from tracemark.payload import Payload


def _size(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    width, _, height = value.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise click.BadParameter(f"{value!r} is no size, such as 1280x720")
    return int(width), int(height)


def _rate(_context: click.Context, _option: click.Parameter, value: str | None) -> Fraction | None:
    if value is None:
        return None
    try:
        rate = Fraction(value)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise click.BadParameter(f"{value!r} is no number of frames a second, such as 25 or 30000/1001")
    return rate


_EXAMPLE = """\b
ffmpeg -i IN -pix_fmt yuv420p -f yuv4mpegpipe - \\
  | tracemark pipe --session 88 --member 4711 --key studio.key \\
  | ffmpeg -i - OUT
"""


@click.command(epilog=_EXAMPLE)
@overlay_options
@for_one_viewer
@click.option("--size", metavar="WxH", callback=_size, help="Size of the frames, if they come as rawvideo.")
@click.option("--pix-fmt", default="yuv420p", show_default=True, help="FFmpeg's name of their format, if rawvideo.")
@click.option("--rate", metavar="FPS", callback=_rate, help="Frames a second; yuv4mpeg says so itself.")
def pipe(
    *,
    session: str,  # noqa: ARG001 - the payload says it
    member: str,  # noqa: ARG001 - the same
    secret: Key,
    payload: Payload,
    strength: float,
    overlays: list[Overlay],
    size: tuple[int, int] | None,
    pix_fmt: str,
    rate: Fraction | None,
) -> None:
    """Mark a yuv4mpeg or rawvideo stream from standard input, and write the same to standard output."""
    if sys.stdin.isatty():
        raise MediaError("standard input is a terminal", "pipe a stream into it: ffmpeg ... | tracemark pipe ...")
    if sys.stdout.isatty():
        raise MediaError("standard output is a terminal", "pipe it on: tracemark pipe ... | ffmpeg -i - ...")
    from tracemark.integrations.pipe import mark_stream
    from tracemark.integrations.yuv4mpeg import Shape

    # 10 bits come in two bytes, of which FFmpeg's names tell the order.
    raw = Shape(*size, {"yuv420p10": "yuv420p10le"}.get(pix_fmt, pix_fmt), rate) if size else None
    try:
        # A buffer of our own: Python's would be flushed once more at exit, into a pipe that may be broken.
        with open(sys.stdout.fileno(), "wb", closefd=False) as target, progress_bar("marking") as progress:
            mark_stream(
                sys.stdin.buffer,
                target,
                key=secret,
                payload=payload,
                strength=strength,
                overlays=overlays,
                raw=raw,
                rate=rate,
                progress=progress,
            )
    except BrokenPipeError:
        raise MediaError("the program that takes the marked stream has gone", "see what it says") from None
    except OSError as error:
        raise MediaError(f"the stream cannot be passed on: {str(error.strerror).lower()}") from error
