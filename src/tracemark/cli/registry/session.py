"""`tracemark registry session`: register a session, or list them."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark.cli.options import opened, registry_options
from tracemark.cli.tables import show


@click.command()
@click.argument("name", required=False)
@click.option("--performer", help="Who performs in it.")
@click.option("--start", metavar="UTC", help="When it began, such as 2026-11-25T20:00:00.000Z: media time 0.")
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object a line.")
@registry_options
def session(
    name: str | None,
    *,
    performer: str | None,
    start: str | None,
    in_json: bool,
    url: str | None,
    registry_key: Path | None,
) -> None:
    """Register the session NAME, or say more of it; without a NAME, list all."""
    with opened(url, registry_key) as registry:
        from tracemark.registry.times import to_ms, to_text

        if name is not None:
            registry.set_session(name, performer=performer, started=None if start is None else to_ms(start))
        elif performer or start:
            raise click.UsageError("--performer and --start are of a session that must be named")
        rows = [
            {
                "session": each.name,
                "pseudonym": each.pseudonym,
                "performer": each.performer,
                "started": to_text(each.started),
                "grants": each.grants,
            }
            for each in registry.sessions(name)
        ]
    show("sessions", rows, in_json=in_json)
