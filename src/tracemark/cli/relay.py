"""`tracemark relay`: mark a live stream on its way from one address to another."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

import click

from tracemark.cli import FOUND, complain
from tracemark.cli.options import for_one_viewer, progress_bar
from tracemark.cli.overlaid import overlay_options
from tracemark.errors import TracemarkError
from tracemark.keys import Key
from tracemark.overlay import Overlay
from tracemark.payload import Payload


@click.command()
@click.argument("source", metavar="IN_URL")
@click.argument("target", metavar="OUT_URL")
@overlay_options
@for_one_viewer
@click.option("--listen", is_flag=True, help="Wait at IN_URL for the source to come, as for OBS, instead of fetching.")
@click.option("--crf", type=int, help="Quality of x264; visually transparent by default.")
@click.option("--preset", default="veryfast", show_default=True, help="Speed of x264.")
@click.option("--bitrate", type=click.IntRange(min=1), metavar="KBIT/S", help="Most that the picture may take.")
@click.option(
    "--give-up", type=float, metavar="SECONDS", help="Stop when the source is away so long; never by default."
)
def relay(
    source: str,
    target: str,
    *,
    session: str,
    member: str,
    secret: Key,
    payload: Payload,
    strength: float,
    overlays: list[Overlay],
    listen: bool,
    crf: int | None,
    preset: str,
    bitrate: int | None,
    give_up: float | None,
) -> int:
    """Mark the live stream at IN_URL for one viewer, and send it to OUT_URL, until Ctrl-C.

    Addresses begin with rtmp://, rtmps://, rtsp://, udp://, tcp:// or srt://; the last three carry MPEG-TS. The picture
    goes out as H.264, the sound as it came. A source that drops is waited for; nothing is sent late.
    """
    from tracemark.integrations import relay as relaying

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with progress_bar("relaying") as progress:
            done = relaying.relay(
                source,
                target,
                key=secret,
                payload=payload,
                strength=strength,
                overlays=overlays,
                listen=listen,
                coding=relaying.Coding(crf, preset, bitrate),
                give_up=give_up,
                say=lambda line: click.echo(f"tracemark: {line}", err=True),
                progress=progress,
            )
    except TracemarkError as error:
        return _leave(complain(str(error)))
    for note in done.notes:
        click.echo(f"tracemark: note: {note}", err=True)
    lost = f"{done.losses} {'time' if done.losses == 1 else 'times'}"
    click.echo(
        f"relayed for session {session}, member {member}: {done.frames} frames, {done.seconds:.1f} s "
        f"({done.dropped} dropped, {done.damaged} damaged, source lost {lost}, key {secret.id})"
    )
    return _leave(FOUND)


def _leave(status: int) -> int:
    """End the program at once if FFmpeg still waits for somebody: to end Python under such a thread would crash."""
    if any(thread.daemon for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Let SIGTERM, which supervisors send, end the relay as Ctrl-C does."""
    raise KeyboardInterrupt
