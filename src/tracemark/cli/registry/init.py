"""`tracemark registry init`: make a registry, or update one."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark.cli.options import DEFAULT_REGISTRY, registry_class, registry_options


@click.command()
@registry_options
def init(url: str | None, registry_key: Path | None) -> None:
    """Make a registry and its key, or update the tables of an older one.

    The key is needed for everything: keep a copy of it, away from the database.
    """
    with registry_class().create(url or DEFAULT_REGISTRY, registry_key) as registry:
        click.echo(f"{registry.database.name}: ready, registry key {registry.vault.key_id}")
