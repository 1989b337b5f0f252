"""`tracemark registry verify`: was anything changed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from tracemark.cli import FOUND, NOT_FOUND
from tracemark.cli.options import opened, registry_options


@click.command()
@click.option("--head", "heads", multiple=True, help="A head that an earlier verify printed; may be repeated.")
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object.")
@registry_options
def verify(heads: tuple[str, ...], *, in_json: bool, url: str | None, registry_key: Path | None) -> int:
    """Say which rows of the registry were changed, moved or removed. Leaves with 1 if any were.

    Keep the heads that are printed somewhere else: with --head they show, later, whether an older database was put
    back in place of this one.
    """
    with opened(url, registry_key) as registry:
        from tracemark.registry import Head

        audit = registry.audit([Head.parse(text) for text in heads])
    if in_json:
        faults = [asdict(fault) for fault in audit.faults]
        told = {"whole": not faults, "rows": audit.rows, "faults": faults, "heads": [str(head) for head in audit.heads]}
        click.echo(json.dumps(told))
    else:
        for fault in audit.faults:
            click.echo(str(fault))
        click.echo(f"{audit.rows} rows checked: " + (f"{len(audit.faults)} faults" if audit.faults else "whole"))
        for head in audit.heads:
            click.echo(f"head {head}")
    return NOT_FOUND if audit.faults else FOUND
