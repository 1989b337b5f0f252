"""`tracemark registry export`: every row, for other programs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tracemark.cli.options import opened, registry_options


@click.command()
@click.option("--disclose", is_flag=True, help="With names, addresses and notes instead of pseudonyms.")
@click.option("--json", "in_json", is_flag=True, help="One JSON object a line, which it is anyway.")
@registry_options
def export(*, disclose: bool, in_json: bool, url: str | None, registry_key: Path | None) -> None:  # noqa: ARG001 - see its help
    """Print every row of the registry as JSON lines, under pseudonyms unless --disclose is given."""
    with opened(url, registry_key) as registry, registry.export(disclose=disclose) as rows:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
