"""`tracemark verify`: is a bundle of evidence as it was sealed."""

from __future__ import annotations

from pathlib import Path

import click

from tracemark import evidence
from tracemark.cli import FOUND, NOT_FOUND
from tracemark.cli.options import FILE


@click.command()
@click.argument("folder", metavar="DIR", type=FILE)
@click.option("--public-key", type=FILE, help="The operator's public key, from a place that is not the bundle.")
@click.option("--tsa-certificate", type=FILE, help="Certificates to trust for the time stamp (PEM).")
@click.option("--head", "heads", multiple=True, help="A custody head that an earlier verify printed; may be repeated.")
def verify(folder: Path, *, public_key: Path | None, tsa_certificate: Path | None, heads: tuple[str, ...]) -> int:
    """See whether a folder that `tracemark report` made is as it was sealed. Needs no network and no secret.

    Leaves with 0 if it is, with 1 if not, naming every file that was changed, removed, added or is not signed. The
    head that is printed, kept elsewhere, shows with --head later on whether lines of the custody log were cut off that
    came after sealing.
    """
    found = evidence.verify(
        folder,
        evidence.PublicKey.load(public_key) if public_key else None,
        evidence.certificates(tsa_certificate) if tsa_certificate else (),
        heads,
    )
    click.echo(evidence.told(folder, found))
    return NOT_FOUND if found.faults else FOUND
