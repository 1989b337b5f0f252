"""`tracemark notice`: a draft that asks for removal or disclosure."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracemark.cli import ERROR, FOUND, complain
from tracemark.cli.options import FILE, opened, registry_options

if TYPE_CHECKING:
    from tracemark.remarks import Language


@click.command()
@click.argument("folder", metavar="DIR", type=FILE)
@click.option(
    "--to", "name", metavar="KIND", required=True, help="Kind of notice, or a TOML file of your own; 'list' lists."
)
@click.option("--lang", "language", type=click.Choice(["en", "ja"]), default="en", show_default=True)
@click.option("-o", "--output", type=FILE, help="File to write; never overwritten.")
@click.option("--case", "case_file", type=FILE, help="Case file: what you know of the case (TOML).")
@click.option("--basis", help="Legal basis. The choice is yours alone: there is no default.")
@click.option(
    "--template", is_flag=True, help="Write an empty case file for this kind, to -o or to standard output, and stop."
)
@click.option("--signing-key", type=FILE, help="The bundle's signing key, to note the draft in its custody log.")
@click.option("--by", help="Who drafts it, for the custody log; your login name by default.")
@registry_options
def notice(
    folder: Path,
    *,
    name: str,
    language: Language,
    output: Path | None,
    case_file: Path | None,
    basis: str | None,
    template: bool,
    signing_key: Path | None,
    by: str | None,
    url: str | None,
    registry_key: Path | None,
) -> int:
    """Draft a notice from the evidence in DIR and from a case file.

    Nothing is invented: what is missing is listed, and the command leaves with 2. A draft is never sent.
    """
    from tracemark.evidence import SigningKey, drafting, notices

    if name == "list":
        for each in notices.kind_names():
            click.echo(f"{each:16} {notices.load_kind(each).title[language]}")
        return FOUND
    kind = notices.load_kind(name)
    if template:
        empty = notices.case_template(kind, language)
        if output is None:
            click.echo(empty, nl=False)
        else:
            drafting.write(output, empty)
            click.echo(f"{output}: case file for {kind.title[language]}, to be filled in")
        return FOUND
    if output is None:
        raise click.UsageError("give the file to write with -o")
    signer = SigningKey.load(signing_key) if signing_key else None
    listing = drafting.checked(folder, output, signer)
    drafted = notices.draft(kind, notices.Case.of(folder, listing, case_file), basis, language, drafting.now())
    if drafted.text is None:
        complain(
            f"{kind.name}: {len(drafted.missing)} things are missing; "
            f"'tracemark notice {folder} --to {name} --template' prints a case file to fill in"
        )
        for each in drafted.missing:
            click.echo(f"  {each}", err=True)
        return ERROR
    digest = hashlib.sha256(drafted.text.encode()).hexdigest()
    with opened(url, registry_key) if url else nullcontext() as registry:
        drafting.write(output, drafted.text)
        if signer:
            about = {"kind": kind.name, "basis": basis, "language": language, "sha256": digest}
            drafting.note(folder, signer, by, about)
        if registry and drafted.basis:
            from tracemark.registry.casework import Casework

            case = Casework(registry).open(
                leak_sha256=listing.leak["sha256"],
                kind=kind.name,
                basis=drafted.basis.name,
                draft_sha256=digest,
                due_hours=drafted.basis.due_hours,
            )
            click.echo(f"case {case.id}: opened; 'tracemark case sent {case.id}' once it is sent")
    click.echo(f"{output}: draft of {kind.title[language]}; check it, sign it, send it yourself")
    return FOUND
