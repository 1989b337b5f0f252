"""`tracemark keygen`: a new secret key, to mark with or to sign with."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark.cli.options import FILE
from tracemark.keys import Key

MARKING, SIGNING = Path("tracemark.key"), Path("tracemark-signing.pem")


@click.command()
@click.option(
    "-o",
    "--output",
    type=FILE,
    help=f"File to write; never overwritten.  [default: {MARKING}, or {SIGNING}]",
)
@click.option("--signing", is_flag=True, help="Make a key to sign reports with; its public half goes beside it (.pub).")
def keygen(output: Path | None, *, signing: bool) -> None:
    """Write a new secret key, readable by its owner only.

    Whoever has it can read every mark made with it, and make new ones. A lost key cannot be made again. Whoever has a
    signing key can sign reports in your name; its .pub file is for everyone who is to verify them.
    """
    if not signing:
        key = Key.generate()
        key.save(output or MARKING)
        click.echo(f"{output or MARKING}: new key {key.id}")
        return
    from tracemark.evidence import SigningKey
    from tracemark.evidence.signing import PUBLIC_SUFFIX

    signer = SigningKey.generate()
    signer.save(output or SIGNING)
    click.echo(
        f"{output or SIGNING}: new signing key {signer.public.id}, public half in {output or SIGNING}{PUBLIC_SUFFIX}"
    )
