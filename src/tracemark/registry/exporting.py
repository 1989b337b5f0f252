"""The registry as JSON lines, for other programs and for keeping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select

from tracemark.registry.grants import from_stored
from tracemark.registry.names import TABLES, read
from tracemark.registry.tables import (
    accesses,
    case_events,
    cases,
    detections,
    erasures,
    grants,
    heads,
    names,
    outcomes,
)
from tracemark.registry.times import to_text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Table

    from tracemark.registry.vault import Vault

_ROWS_AT_ONCE = 10_000
_KINDS_OF_TABLES = (*TABLES.values(), grants, accesses, detections, outcomes, erasures, heads, cases, case_events)
_DISCLOSED = frozenset({"ip", "port", "note"})
"""Columns that may tell who somebody is: a note is whatever a person wrote."""
_RENAMED = {(cases.name, "kind"): "notice"}
"""Columns whose name every row has already."""


def export(connection: Connection, vault: Vault, *, disclose: bool) -> Iterator[dict[str, object]]:
    """Give out every row, one object each; times as text, links in hexadecimal.

    Parameters
    ----------
    connection : Connection
        In one transaction, so that what is given out belongs together.
    vault : Vault
    disclose : bool
        With names, addresses and the notes of cases; pseudonyms alone without.

    Yields
    ------
    dict
        `kind` is the name of the table.
    """
    people = {kind: _names(connection, vault, kind) if disclose else {} for kind in TABLES}
    pseudonyms = {kind: dict(_pseudonyms(connection, table)) for kind, table in TABLES.items()}
    for table in _KINDS_OF_TABLES:
        ordered = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_ROWS_AT_ONCE)
        for row in connection.execute(ordered):
            yield {"kind": table.name} | _object(table, row, people, pseudonyms, disclose=disclose)


def _object(
    table: Table,
    row: Row[tuple[object, ...]],
    people: dict[str, dict[int, str]],
    pseudonyms: dict[str, dict[int, str]],
    *,
    disclose: bool,
) -> dict[str, object]:
    made: dict[str, object] = {}
    for name, value in row._mapping.items():  # noqa: SLF001 - SQLAlchemy's public name for it
        if name.endswith("_ms") and name != "media_ms":
            made[name.removesuffix("_ms")] = to_text(value)
        elif isinstance(value, bytes | memoryview):
            made[name] = bytes(value).hex()
        elif name == "payload":
            payload = from_stored(value)
            made[name] = [payload.session, payload.member]
        elif name.endswith("_id") and name.removesuffix("_id") in TABLES:
            kind = name.removesuffix("_id")
            made[kind] = people[kind].get(value) or pseudonyms[kind].get(value)
        elif disclose or name not in _DISCLOSED:
            made[_RENAMED.get((table.name, name), name)] = value
    if table in TABLES.values() and disclose:
        kind = next(kind for kind, each in TABLES.items() if each is table)
        made["name"] = people[kind].get(row.id)
    return made


def _names(connection: Connection, vault: Vault, kind: str) -> dict[int, str]:
    return read(
        connection, vault, kind, connection.execute(select(names.c.owner_id).where(names.c.kind == kind)).scalars()
    )


def _pseudonyms(connection: Connection, table: Table) -> Iterator[tuple[int, str]]:
    for row in connection.execute(select(table.c.id, table.c.pseudonym)):
        yield row.id, row.pseudonym
