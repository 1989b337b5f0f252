"""tracemark's own fields, as CSV or as JSON lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from tracemark.errors import RegistryError
from tracemark.registry.importing.lines import Bad, Choices, Read, access_of, json_of

_REQUIRED = ("time", "event", "member")


def read_csv(lines: Iterable[str], choices: Choices) -> Iterator[Read]:
    """Read CSV whose first line names the columns (RFC 4180).

    Raises
    ------
    RegistryError
        If a column that is needed is not there.

    References
    ----------
    Shafranovich, 2005, RFC 4180.
    """
    reader = csv.reader(lines, strict=True)
    try:
        columns = [name.strip().lower().lstrip("\ufeff") for name in next(reader, [])]
    except csv.Error as error:
        raise RegistryError(f"the first line is no CSV: {error}") from None
    for name in (*_REQUIRED, *(() if choices.session else ("session",))):
        if name not in columns:
            raise RegistryError(f"the first line names no column {name!r}", "see docs/access-records.md")
    while True:
        try:
            row = next(reader)
            if not row:
                continue
            if len(row) == len(columns):
                yield access_of(dict(zip(columns, row, strict=True)), choices)
            else:
                yield Bad(reader.line_num, f"{len(row)} values in {len(columns)} columns")
        except StopIteration:
            return
        except (RegistryError, csv.Error) as error:
            yield Bad(reader.line_num, str(error))


def read_jsonl(lines: Iterable[str], choices: Choices) -> Iterator[Read]:
    """Read one JSON object a line; empty lines are passed over."""
    for number, text in enumerate(lines, 1):
        if text.strip():
            try:
                yield access_of(json_of(text), choices)
            except RegistryError as error:
                yield Bad(number, str(error))
