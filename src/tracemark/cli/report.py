"""`tracemark report`: a bundle of evidence about one leak."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracemark.cli import FOUND, NOT_FOUND
from tracemark.cli.options import (
    FILE,
    KEY_VARIABLE,
    check_session,
    load_keys,
    opened,
    progress_bar,
    registry_options,
    session_option,
)
from tracemark.telling import as_text

if TYPE_CHECKING:
    from tracemark.remarks import Language
    from tracemark.video import Effort


@click.command()
@click.argument("leak", type=FILE)
@click.option("-o", "--output", type=FILE, required=True, help="Folder to make; must not exist yet.")
@click.option(
    "--key", "keys", type=FILE, multiple=True, envvar=KEY_VARIABLE, show_envvar=True, help="Key file; may be repeated."
)
@click.option("--effort", type=click.Choice(["fast", "normal", "max"]), default="normal", show_default=True)
@click.option("--whole", is_flag=True, help="Read to the end even if the verdict is certain.")
@click.option("--source-url", help="Where the leak was found.")
@click.option("--captured-by", help="Who took it from there.")
@click.option("--by", help="Who makes this report, for the custody log; your login name by default.")
@click.option("--host", type=FILE, help="The original, for a picture of the difference.")
@click.option("--lang", "language", type=click.Choice(["en", "ja"]), default="en", show_default=True)
@click.option("--disclose", is_flag=True, help="Tell true names and addresses, not pseudonyms.")
@click.option("--signing-key", type=FILE, help="Key to sign with; 'tracemark keygen --signing' makes one.")
@click.option("--tsa", "authority", metavar="URL", help="Time stamping authority (RFC 3161) to ask for a time stamp.")
@click.option("--tsa-certificate", type=FILE, help="Certificates to check its answer with (PEM).")
@session_option
@registry_options
def report(
    leak: Path,
    *,
    output: Path,
    keys: tuple[Path, ...],
    effort: Effort,
    whole: bool,
    source_url: str | None,
    captured_by: str | None,
    by: str | None,
    host: Path | None,
    language: Language,
    disclose: bool,
    signing_key: Path | None,
    authority: str | None,
    tsa_certificate: Path | None,
    session: str | None,
    url: str | None,
    registry_key: Path | None,
) -> int:
    """Decode LEAK and make a folder of evidence about it, that anyone can verify offline.

    It holds the leak, the decode, a report as HTML and PDF, a custody log, and a signed list of it all. Leaves as
    decode does: with 0 if a mark was found, 1 if none; the folder is made either way. With a registry, everyone in it
    or of one session is compared with the leak, and the detection is written down there.
    """
    check_session(session, url)
    secrets = load_keys(keys)
    from tracemark import evidence
    from tracemark.naming import Viewers

    with ExitStack() as stack:
        viewers = Viewers(stack.enter_context(opened(url, registry_key)), session) if url else None
        with progress_bar(leak.name) as progress:
            made = evidence.make(
                evidence.Order(
                    leak=leak,
                    target=output,
                    keys=secrets,
                    effort=effort,
                    whole=whole,
                    source_url=source_url,
                    captured_by=captured_by,
                    by=by,
                    host=host,
                    language=language,
                    disclose=disclose,
                    signing_key=evidence.SigningKey.load(signing_key) if signing_key else None,
                    authority=authority,
                    authorities=evidence.certificates(tsa_certificate) if tsa_certificate else (),
                    knowledge=evidence.Registered(viewers) if viewers else None,
                    progress=progress,
                )
            )
        if made.stamp_failure:
            click.echo(f"tracemark: note: no time stamp: {made.stamp_failure}", err=True)
        shown = made.named.under_pseudonyms if made.named and not disclose else made.named
        click.echo(as_text(leak, made.decoding, shown.identities if shown else None))
        click.echo(f"  evidence  {output}")
        if viewers and made.named:
            viewers.write_down(made.sha256, made.named)
    return FOUND if made.decoding.verdict == "found" else NOT_FOUND
