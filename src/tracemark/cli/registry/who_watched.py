"""`tracemark registry who-watched`: who was there at a moment."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark.cli import FOUND, NOT_FOUND
from tracemark.cli.options import opened, registry_options
from tracemark.cli.tables import show


@click.command()
@click.option("--session", required=True, help="Name of the showing.")
@click.option("--at", metavar="UTC", help="Moment, such as 2026-11-25T20:15:30.250Z.")
@click.option("--media-time", type=click.FloatRange(0), help="Moment, in seconds from the session's start.")
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object a line.")
@registry_options
def who_watched(
    session: str,
    *,
    at: str | None,
    media_time: float | None,
    in_json: bool,
    url: str | None,
    registry_key: Path | None,
) -> int:
    """List who was watching a session at a moment. Leaves with 1 if nobody was."""
    with opened(url, registry_key) as registry:
        from tracemark.registry.times import to_ms, to_text

        found = registry.who_watched(session, at=None if at is None else to_ms(at), media_time=media_time)
    rows = [
        {
            "member": each.name,
            "pseudonym": each.pseudonym,
            "joined": to_text(each.joined),
            "left": to_text(each.left),
            "ip": each.ip,
            "port": each.port,
            "user_agent": each.agent,
            "node": each.node,
        }
        for each in found
    ]
    show("watching", rows, in_json=in_json)
    return FOUND if rows else NOT_FOUND
