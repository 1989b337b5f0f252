"""`tracemark code`: whose is a session code that somebody read off a screen."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark.cli import FOUND, NOT_FOUND
from tracemark.cli.options import FILE, KEY_VARIABLE, load_keys
from tracemark.overlay.crockford import read, written
from tracemark.overlay.session import payload_of


@click.command()
@click.argument("code", metavar="CODE")
@click.option(
    "--key", "keys", type=FILE, multiple=True, envvar=KEY_VARIABLE, show_envvar=True, help="Key file; may be repeated."
)
def code(code: str, *, keys: tuple[Path, ...]) -> int:
    """Say whose the session CODE is that was on the screen.

    Small letters, O for 0, I and L for 1, and hyphens and spaces anywhere are understood. Leaves with 0 if a key made
    it, 1 if none did, 2 if it was mistyped.
    """
    values = read(code)
    for secret in load_keys(keys):
        payload = payload_of(values, secret)
        if payload is not None:
            click.echo(f"{written(values)}: session {payload.session}, member {payload.member} (key {secret.id})")
            return FOUND
    several = "any of these keys" if len(keys) > 1 else "this key"
    click.echo(f"{written(values)}: well typed, but not made with {several}")
    return NOT_FOUND
