"""`tracemark registry outcome`: what came of a detection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracemark.cli.options import opened, registry_options

if TYPE_CHECKING:
    from tracemark.registry.detecting import Outcome


@click.command()
@click.argument("detection", type=click.IntRange(1))
@click.argument("what", type=click.Choice(["confirmed", "mistaken", "noticed", "removed", "closed"]))
@registry_options
def outcome(detection: int, what: Outcome, *, url: str | None, registry_key: Path | None) -> None:
    """Write down what came of a DETECTION, by the number that decode gave it."""
    with opened(url, registry_key) as registry:
        number = registry.outcome(detection, what)
    click.echo(f"detection {detection}: {what} (entry {number})")
