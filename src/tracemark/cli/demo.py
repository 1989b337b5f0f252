"""`tracemark demo`: the whole story in one command."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark.cli import FOUND, NOT_FOUND
from tracemark.cli.options import FILE, progress_bar


@click.command()
@click.argument("clip", type=FILE, required=False)
@click.option("--out", type=FILE, help="Folder to write to; tracemark-demo by default.")
def demo(clip: Path | None, out: Path | None) -> int:
    """Mark a CLIP for several viewers, leak one copy, and name the leaker.

    Without a CLIP of your own it is Big Buck Bunny. Takes less than two minutes.
    """
    from tracemark.demo import tell

    return FOUND if tell(clip, out, say=click.echo, bar=progress_bar) else NOT_FOUND
