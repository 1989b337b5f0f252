"""Names of performers, sessions and members: sealed, and found again by a keyed hash."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from tracemark.registry.tables import members, names, performers, sessions

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tracemark.registry.vault import Vault

TABLES = {"performer": performers, "session": sessions, "member": members}
"""Kinds of names, and whose they are."""

# Crockford's base 32: no letters that are read as digits, none that make words.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PSEUDONYM_LETTERS = 12  # 60 bits: two alike among a million have a chance of under one in a million
_AT_ONCE = 500
# Built once: what is done for every grant is worth it.
_FIND = select(names.c.owner_id).where(names.c.kind == bindparam("of_kind"), names.c.lookup == bindparam("wanted"))


def now_ms() -> int:
    """UTC in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def find(connection: Connection, vault: Vault, kind: str, name: str) -> int | None:
    """Look a name up.

    Parameters
    ----------
    connection : Connection
    vault : Vault
    kind : {"performer", "session", "member"}
    name : str

    Returns
    -------
    int or None
        Number of whom it names.
    """
    found = connection.execute(_FIND, {"of_kind": kind, "wanted": vault.lookup(kind, name)})
    return found.scalar_one_or_none()


def find_all(connection: Connection, vault: Vault, kind: str, wanted: Iterable[str]) -> dict[str, int]:
    """Look many names up.

    Returns
    -------
    dict of str to int
        Those that are known.
    """
    by_lookup = {vault.lookup(kind, name): name for name in wanted}
    found = {}
    lookups = list(by_lookup)
    for start in range(0, len(lookups), _AT_ONCE):
        some = names.c.lookup.in_(lookups[start : start + _AT_ONCE])
        for row in connection.execute(select(names.c.lookup, names.c.owner_id).where(names.c.kind == kind, some)):
            found[by_lookup[row.lookup]] = row.owner_id
    return found


def register(connection: Connection, vault: Vault, kind: str, name: str) -> int:
    """Look a name up, and register it if it is new.

    Parameters
    ----------
    connection : Connection
        In a writing transaction.
    vault : Vault
    kind : {"performer", "session", "member"}
    name : str

    Returns
    -------
    int
        Number of whom it names.
    """
    known = find(connection, vault, kind, name)
    return add(connection, vault, kind, name) if known is None else known


def add(connection: Connection, vault: Vault, kind: str, name: str) -> int:
    """Register a name that was looked up and not found; see `register`."""
    try:
        with connection.begin_nested():
            return _new(connection, vault, kind, name)
    except IntegrityError:
        # Somebody else has registered the name since we looked.
        known = find(connection, vault, kind, name)
        if known is None:
            raise
        return known


def read(connection: Connection, vault: Vault, kind: str, owners: Iterable[int]) -> dict[int, str]:
    """Read the names of many.

    Returns
    -------
    dict of int to str
        Without those that were erased.
    """
    numbers = list(owners)
    read = {}
    for start in range(0, len(numbers), _AT_ONCE):
        some = names.c.owner_id.in_(numbers[start : start + _AT_ONCE])
        for row in connection.execute(select(names.c.owner_id, names.c.sealed).where(names.c.kind == kind, some)):
            read[row.owner_id] = vault.unseal(kind, row.owner_id, row.sealed)
    return read


def forget(connection: Connection, kind: str, owner: int) -> None:
    """Delete a name and what it is found by."""
    connection.execute(delete(names).where(names.c.kind == kind, names.c.owner_id == owner))


def new_pseudonym() -> str:
    """Draw a pseudonym: twelve letters in two groups, which say nothing of the name."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(_PSEUDONYM_LETTERS))
    return f"{drawn[:6]}-{drawn[6:]}"


def _new(connection: Connection, vault: Vault, kind: str, name: str) -> int:
    row = {"pseudonym": new_pseudonym(), "registered_ms": now_ms()}
    made = connection.execute(insert(TABLES[kind]).values(row))
    assert made.inserted_primary_key is not None
    number = int(made.inserted_primary_key[0])
    sealed = vault.seal(kind, number, name)
    lookup = vault.lookup(kind, name)
    connection.execute(insert(names).values(kind=kind, owner_id=number, lookup=lookup, sealed=sealed))
    return number
