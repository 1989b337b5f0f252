"""Rows as a table for people, or as JSON lines for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

import click

from tracemark.telling.words import printable

_PIPED_WIDTH = 200  # columns of a table that no terminal shows


def show(title: str, rows: Sequence[Mapping[str, object]], *, in_json: bool) -> None:
    """Print rows to standard output.

    Parameters
    ----------
    title : str
        Above the table, with the number of rows.
    rows : sequence of mapping
        All with the same columns.
    in_json : bool
        One object a line instead.
    """
    if in_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{title}: {len(rows)}", title_justify="left")
    for column in rows[0] if rows else ():
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        # What others have named must not be read as markup.
        table.add_row(*(Text("" if value is None else printable(str(value))) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH).print(table)
