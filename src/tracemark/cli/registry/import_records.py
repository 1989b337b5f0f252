"""`tracemark registry import`: access records out of a file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from tracemark.cli import ERROR, FOUND
from tracemark.cli.options import FILE, opened, registry_options
from tracemark.errors import RegistryError


@click.command("import")
@click.argument("file", type=FILE)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "jsonl", "nginx", "mediamtx", "srs"]),
    help="Format of FILE; told by .csv and .jsonl.",
)
@click.option("--session", help="Session that all of FILE is about.")
@click.option(
    "--pattern", metavar="REGEX", help="Where an nginx log's paths name (?P<session>...) and (?P<member>...)."
)
@click.option(
    "--gap",
    type=click.FloatRange(1, 86400),
    default=60.0,
    show_default=True,
    help="Seconds without a request in an nginx log after which a viewer has left.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object.")
@registry_options
def import_records(
    file: Path,
    *,
    kind: str | None,
    session: str | None,
    pattern: str | None,
    gap: float,
    dry_run: bool,
    in_json: bool,
    url: str | None,
    registry_key: Path | None,
) -> int:
    """Read access records out of FILE, or out of standard input if FILE is -.

    What is known already is left out. Lines that cannot be taken are reported with their numbers, and all others are
    taken. Leaves with 2 if there were such lines.
    """
    with opened(url, registry_key) as registry:
        from tracemark.registry.importing import Choices, format_of, import_file

        told = kind or format_of(file)
        if told is None:
            raise RegistryError(f"the format of {file} is not told by its name", "name it with --format")
        done = import_file(registry, file, told, Choices(session, pattern, gap), dry_run=dry_run)
    for bad in done.bad:
        click.echo(f"tracemark: {file}, line {bad.line}: {' '.join(bad.reason.split())}", err=True)
    if in_json:
        bad_lines = [asdict(bad) for bad in done.bad]
        click.echo(json.dumps(asdict(done.recorded) | {"bad": bad_lines, "others": done.others, "dry_run": dry_run}))
    else:
        counts = done.recorded
        click.echo(
            f"{file}: {counts.new} new records, {counts.duplicates} known already, {done.others} lines of no viewer, "
            f"{len(done.bad)} bad lines; {counts.new_sessions} new sessions, {counts.new_members} new members"
            + (" (dry run: nothing was written)" if dry_run else "")
        )
    return ERROR if done.bad else FOUND
