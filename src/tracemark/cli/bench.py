"""`tracemark bench`: how fast marking is here."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tracemark.cli.options import FILE, progress_bar
from tracemark.cli.overlaid import overlay_options
from tracemark.overlay import Overlay


@click.command()
@click.argument("clip", type=FILE, required=False)
@click.option("--viewers", type=click.IntRange(1, 1000), default=10, show_default=True, help="Viewers of each frame.")
@click.option(
    "--chroma",
    type=click.Choice(["marked", "shared", "copied"]),
    default="marked",
    show_default=True,
    help="Mark chroma, too; or luma alone, with one chroma for all viewers or a copy for each.",
)
@overlay_options
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object.")
@click.option("--plot", type=FILE, help="Draw the times to a .png, .svg or .pdf.")
def bench(
    clip: Path | None, *, viewers: int, chroma: str, overlays: list[Overlay], in_json: bool, plot: Path | None
) -> None:
    """Measure how fast the stream CLIP is marked on one core of this machine.

    Without a CLIP of your own it is Big Buck Bunny. With --logo or --code it says what these cost each viewer.
    """
    from rich.console import Console

    from tracemark.bench import draw_bench, measure, tell_bench
    from tracemark.demo.clip import bundled_clip
    from tracemark.embedder import Chroma
    from tracemark.video import check_drawing

    if plot:
        check_drawing(plot)
    with progress_bar("measuring") as progress:
        measured = measure(
            clip or bundled_clip(), viewers=viewers, overlays=overlays, chroma=Chroma(chroma), progress=progress
        )
    if in_json:
        click.echo(json.dumps(measured.as_dict()))
    else:
        console = Console(highlight=False)
        for part in tell_bench(measured):
            console.print(part, soft_wrap=isinstance(part, str))
    if plot:
        draw_bench(measured, plot)
