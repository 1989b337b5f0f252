"""`tracemark registry erase`: forget who a member was."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from tracemark.cli.options import opened, registry_options


@click.command()
@click.argument("member")
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object.")
@registry_options
def erase(member: str, *, in_json: bool, url: str | None, registry_key: Path | None) -> None:
    """Destroy the link between a MEMBER's name (or pseudonym) and everything that is kept of them.

    Name, addresses and user agents are overwritten in the database. Grants, records and their counts stay under the
    pseudonym, and the chains stay whole. This cannot be undone.
    """
    with opened(url, registry_key) as registry:
        left = registry.erase(member)
    if in_json:
        click.echo(json.dumps(asdict(left)))
    else:
        click.echo(
            f"erased: known as {left.pseudonym} from now on ({left.grants} grants, {left.accesses} records kept)"
        )
