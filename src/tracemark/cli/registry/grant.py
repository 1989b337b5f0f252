"""`tracemark registry grant`: give a member their payload for a session."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark.cli.options import FILE, KEY_VARIABLE, load_keys, opened, registry_options
from tracemark.cli.tables import show


@click.command()
@click.option("--session", required=True, help="Name of the showing.")
@click.option("--member", required=True, help="Name of the viewer.")
@click.option("--key", type=FILE, envvar=KEY_VARIABLE, show_envvar=True, help="Key that the mark will be made with.")
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object.")
@registry_options
def grant(
    session: str, member: str, *, key: Path | None, in_json: bool, url: str | None, registry_key: Path | None
) -> None:
    """Give a member their payload for a session; whoever had one gets it again."""
    (secret,) = load_keys([key] if key else [])
    with opened(url, registry_key) as registry:
        from tracemark.registry.times import to_text

        given = registry.grant(session, member, secret)
    row = {
        "session": session,
        "member": member,
        "payload": [given.payload.session, given.payload.member],
        "key_id": given.key_id,
        "profile": given.profile,
        "granted": to_text(given.granted),
        "number": given.number,
    }
    show("grants", [row], in_json=in_json)
