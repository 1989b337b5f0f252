"""`tracemark embed`: mark a file for one viewer."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark.cli.options import FILE, for_one_viewer, progress_bar
from tracemark.cli.overlaid import overlay_options
from tracemark.keys import Key
from tracemark.overlay import Overlay
from tracemark.payload import Payload


@click.command()
@click.argument("source", metavar="IN", type=FILE)
@click.argument("target", metavar="OUT", type=FILE)
@overlay_options
@for_one_viewer
@click.option("--codec", help="Codec to write the video with; the source's own by default. ffv1 into .mkv is lossless.")
@click.option("--crf", type=int, help="Quality in the encoder's own scale; visually transparent by default.")
@click.option("--preset", help="Speed of the encoder, such as veryfast.")
def embed(
    source: Path,
    target: Path,
    *,
    session: str,
    member: str,
    secret: Key,
    payload: Payload,
    strength: float,
    overlays: list[Overlay],
    codec: str | None,
    crf: int | None,
    preset: str | None,
) -> None:
    """Mark the video or picture IN for one viewer, and write it to OUT.

    Sound, subtitles, times and metadata are kept as they are. OUT must not exist yet.
    """
    from tracemark import video

    with progress_bar("marking") as progress:
        done = video.embed(
            source,
            target,
            key=secret,
            payload=payload,
            strength=strength,
            overlays=overlays,
            codec=codec,
            crf=crf,
            preset=preset,
            progress=progress,
        )
    for note in done.notes:
        click.echo(f"tracemark: note: {note}", err=True)
    amount = f"{done.frames} frames, {done.seconds:.1f} s" if done.seconds else "1 picture"
    click.echo(f"{target}: marked for session {session}, member {member} ({amount}, {done.encoder}, key {secret.id})")
