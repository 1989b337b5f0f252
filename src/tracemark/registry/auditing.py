"""Is the registry what it was: chains whole, names in their places, nobody missing without a reason on record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from tracemark.errors import RegistryError
from tracemark.registry import chain
from tracemark.registry.chain import Fault, Head
from tracemark.registry.names import TABLES
from tracemark.registry.tables import CHAINS, erasures, grants, heads, members, names

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from tracemark.registry.vault import Vault

_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Audit:
    """What `audit` found.

    Parameters
    ----------
    faults : tuple of Fault
        Empty for a registry that is whole.
    heads : tuple of Head
        The chains' ends; kept elsewhere, they show later whether an older database was put back.
    rows : int
        Rows that were checked.
    """

    faults: tuple[Fault, ...]
    heads: tuple[Head, ...]
    rows: int


def audit(connection: Connection, vault: Vault, expected: Iterable[Head] = ()) -> Audit:
    """Check every chain and every name.

    Parameters
    ----------
    connection : Connection
    vault : Vault
    expected : iterable of Head
        Written down earlier, elsewhere.

    Returns
    -------
    Audit

    Raises
    ------
    RegistryError
        If a head is of no chain that there is.
    """
    kept = list(expected)
    known = {table.name for table in CHAINS}
    for head in kept:
        if head.chain not in known:
            raise RegistryError(f"there is no chain {head.chain!r}", f"chains are {', '.join(sorted(known))}")
    faults: list[Fault] = []
    rows = 0
    for table in CHAINS:
        ours = [head for head in kept if head.chain == table.name]
        faults += chain.faults(connection, vault, table, ours)
        rows += _count(connection, table)
    faults += _strangers(connection)
    for kind in TABLES:
        faults += _names(connection, vault, kind)
    faults += _nameless(connection)
    rows += _count(connection, names)
    # A head that is missing is among the faults already.
    ends = tuple(chain.head_of(connection, table) for table in CHAINS if _has_head(connection, table))
    return Audit(tuple(faults), ends, rows)


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _has_head(connection: Connection, table: Table) -> bool:
    return connection.execute(select(heads.c.chain).where(heads.c.chain == table.name)).first() is not None


def _strangers(connection: Connection) -> Iterator[Fault]:
    """Grants whose member or session is gone."""
    for kind in ("member", "session"):
        whose = grants.c[f"{kind}_id"]
        table = TABLES[kind]
        orphaned = select(grants.c.seq).outerjoin(table, table.c.id == whose).where(table.c.id.is_(None))
        for seq in connection.execute(orphaned.order_by(grants.c.seq)).scalars():
            yield Fault(grants.name, seq, seq, f"its {kind} is missing")


def _names(connection: Connection, vault: Vault, kind: str) -> Iterator[Fault]:
    """Names that were changed, or are another's."""
    wanted = select(names.c.owner_id, names.c.lookup, names.c.sealed).where(names.c.kind == kind)
    for row in connection.execute(wanted.execution_options(yield_per=_ROWS_AT_ONCE)):
        table = TABLES[kind].name
        try:
            name = vault.unseal(kind, row.owner_id, row.sealed)
        except RegistryError:
            yield Fault(table, row.owner_id, row.owner_id, "the name was changed, or is another's")
            continue
        if row.lookup != vault.lookup(kind, name):
            yield Fault(table, row.owner_id, row.owner_id, "cannot be found by name: what finds it was changed")


def _nameless(connection: Connection) -> Iterator[Fault]:
    """Those who have no name, though no erasure is on record."""
    for kind, table in TABLES.items():
        named = select(names.c.owner_id).where(names.c.kind == kind)
        nameless = select(table.c.id).where(table.c.id.not_in(named))
        if kind == "member":
            nameless = nameless.where(table.c.id.not_in(select(erasures.c.member_id)))
        for number in connection.execute(nameless.order_by(table.c.id)).scalars():
            yield Fault(table.name, number, number, "the name is gone, and no erasure is on record")
    back = select(members.c.id).join(erasures, erasures.c.member_id == members.c.id)
    back = back.join(names, (names.c.owner_id == members.c.id) & (names.c.kind == "member"))
    for number in connection.execute(back.order_by(members.c.id)).scalars():
        yield Fault(members.name, number, number, "was erased, and has a name again")
