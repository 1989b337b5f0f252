"""`tracemark keygen`: a new secret key."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark.cli.options import FILE
from tracemark.keys import Key


@click.command()
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=Path("tracemark.key"),
    show_default=True,
    help="File to write; never overwritten.",
)
def keygen(output: Path) -> None:
    """Write a new secret key, readable by its owner only.

    Whoever has it can read every mark made with it, and make new ones. A lost key cannot be made again.
    """
    key = Key.generate()
    key.save(output)
    click.echo(f"{output}: new key {key.id}")
