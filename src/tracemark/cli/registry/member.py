"""`tracemark registry member`: register a member, or list them."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark.cli.options import opened, registry_options
from tracemark.cli.tables import show


@click.command()
@click.argument("name", required=False)
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object a line.")
@registry_options
def member(name: str | None, *, in_json: bool, url: str | None, registry_key: Path | None) -> None:
    """Register the member NAME, or show who has that name or pseudonym; without a NAME, list all."""
    with opened(url, registry_key) as registry:
        from tracemark.registry.times import to_text

        rows = [
            {
                "member": each.name,
                "pseudonym": each.pseudonym,
                "registered": to_text(each.registered),
                "erased": to_text(each.erased),
                "grants": each.grants,
            }
            for each in (registry.members() if name is None else [registry.member(name)])
        ]
    show("members", rows, in_json=in_json)
