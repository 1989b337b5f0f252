"""`tracemark embed`: mark a file for one viewer."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark.cli.options import FILE, for_one_viewer, progress_bar
from tracemark.keys import Key
from tracemark.overlay.places import NAMED
from tracemark.payload import Payload


@click.command()
@click.argument("source", metavar="IN", type=FILE)
@click.argument("target", metavar="OUT", type=FILE)
@for_one_viewer
@click.option("--logo", type=FILE, help="PNG to draw over the picture.")
@click.option(
    "--logo-position", type=click.Choice(list(NAMED)), default="top right", show_default=True, help="Where it is drawn."
)
@click.option("--code", is_flag=True, help="Show a session code that tells session and member to whoever has the key.")
@click.option("--text", help="Shown beside the code, in any script; {time} is the time since the start.")
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
    logo: Path | None,
    logo_position: str,
    code: bool,
    text: str | None,
    codec: str | None,
    crf: int | None,
    preset: str | None,
) -> None:
    """Mark the video or picture IN for one viewer, and write it to OUT.

    Sound, subtitles, times and metadata are kept as they are. OUT must not exist yet.
    """
    if text is not None and not code:
        raise click.UsageError("--text stands beside the code: give --code, too")
    from tracemark import video
    from tracemark.overlay import Logo, Overlay, SessionCode

    overlays: list[Overlay] = [
        *([Logo(logo, position=logo_position)] if logo else []),
        *([SessionCode(text or "")] if code else []),
    ]
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
