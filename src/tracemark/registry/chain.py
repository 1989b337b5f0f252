"""Append-only tables: every row vouches for itself and for the row before, the head for how many there are.

A row's link is the keyed hash of the link before it, the row's number and all that it says. Whoever changes the
database without the registry's key can therefore change, drop or move rows, but not without leaving a row whose link
does not fit. The head of a chain holds its length and last link under the key as well, so that rows cut off the end
are missed. Only somebody who puts back a whole older database cannot be found out from within: `Head` is for writing
down elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select, update

from tracemark.errors import RegistryError
from tracemark.registry.tables import heads

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Table

    from tracemark.registry.vault import Vault

Value = int | float | str | None
"""What a row of a chain may hold."""

GENESIS = bytes(32)
"""What the first row of a chain follows."""

_ROWS_AT_ONCE = 10_000
# Built once: what is done for every grant is worth it.
_HEAD = select(heads.c.length, heads.c.link, heads.c.seal).where(heads.c.chain == bindparam("name")).with_for_update()
_MOVE = (
    update(heads)
    .where(heads.c.chain == bindparam("name"))
    .values(length=bindparam("to"), link=bindparam("last"), seal=bindparam("sealed"))
)
_PLACES_TRIED = 200  # other places that are tried for a row that does not fit where it stands


@dataclass(frozen=True)
class Head:
    """The end of a chain at some moment.

    Parameters
    ----------
    chain : str
        Name of the table.
    length : int
        Rows.
    link : str
        Link of the last row, in hexadecimal.
    """

    chain: str
    length: int
    link: str

    def __str__(self) -> str:
        """Write it as `parse` reads it."""
        return f"{self.chain}:{self.length}:{self.link}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read what `verify` printed.

        Raises
        ------
        RegistryError
            If it is no such text.
        """
        chain, _, rest = text.strip().partition(":")
        length, _, link = rest.partition(":")
        if not (length.isdecimal() and len(link) == 2 * len(GENESIS) and set(link) <= set("0123456789abcdef")):
            raise RegistryError(f"{text!r} is no head of a chain", "give a line that 'tracemark registry verify' wrote")
        return cls(chain, int(length), link)


@dataclass(frozen=True)
class Fault:
    """Something that is not as it was written.

    Parameters
    ----------
    table : str
    first, last : int
        Numbers of the rows that it is about.
    what : str
        In words.
    """

    table: str
    first: int
    last: int
    what: str

    def __str__(self) -> str:
        """Say which rows, and what is wrong with them."""
        rows = f"row {self.first}" if self.first == self.last else f"rows {self.first} to {self.last}"
        return f"{self.table}, {rows}: {self.what}"


def begin(connection: Connection, vault: Vault, table: Table) -> None:
    """Write the head of a chain that has no rows yet."""
    seal = vault.head(table.name, 0, GENESIS)
    connection.execute(insert(heads).values(chain=table.name, length=0, link=GENESIS, seal=seal))


def append(connection: Connection, vault: Vault, table: Table, rows: Sequence[Mapping[str, Value]]) -> int:
    """Add rows to a chain.

    Parameters
    ----------
    connection : Connection
        In a writing transaction; others who append to the same chain wait until it ends.
    vault : Vault
    table : Table
    rows : sequence of mapping
        All columns but the number and the links.

    Returns
    -------
    int
        Number of the last row.

    Raises
    ------
    RegistryError
        If somebody has changed the head: what is added would hide it.
    """
    return extend(connection, vault, table, lock(connection, vault, table), rows)


def lock(connection: Connection, vault: Vault, table: Table) -> Head:
    """Make everybody else who would append to a chain wait until this transaction ends.

    Returns
    -------
    Head
        For `extend`.

    Raises
    ------
    RegistryError
        If somebody has changed it.
    """
    head = connection.execute(_HEAD, {"name": table.name}).one_or_none()
    if head is None or head.seal != vault.head(table.name, head.length, head.link):
        raise RegistryError(f"the head of {table.name} was changed", "run 'tracemark registry verify'")
    return Head(table.name, head.length, head.link.hex())


def extend(
    connection: Connection,
    vault: Vault,
    table: Table,
    head: Head,
    rows: Sequence[Mapping[str, Value]],
) -> int:
    """Add rows to a chain that is locked; see `append`."""
    length, link = head.length, bytes.fromhex(head.link)
    made = []
    for row in rows:
        length += 1
        following = vault.link(link, _said(table, {"seq": length, **row}))
        made.append({"seq": length, **row, "previous": link, "link": following})
        link = following
    connection.execute(insert(table), made)
    seal = vault.head(table.name, length, link)
    connection.execute(_MOVE, {"name": table.name, "to": length, "last": link, "sealed": seal})
    return length


def head_of(connection: Connection, table: Table) -> Head:
    """Read the head of a chain as it is written down."""
    row = connection.execute(select(heads.c.length, heads.c.link).where(heads.c.chain == table.name)).one()
    return Head(table.name, row.length, row.link.hex())


def faults(connection: Connection, vault: Vault, table: Table, expected: Iterable[Head] = ()) -> list[Fault]:
    """Read a chain from its beginning, and list everything that does not fit.

    Parameters
    ----------
    connection : Connection
    vault : Vault
    table : Table
    expected : iterable of Head
        Heads of this chain that were written down elsewhere, which it must have passed through.

    Returns
    -------
    list of Fault
        Empty for a chain that is whole.
    """
    check = _Check(vault, table)
    links = {head.length: head for head in expected}
    wrong = []
    ordered = select(table).order_by(table.c.seq).execution_options(yield_per=_ROWS_AT_ONCE)
    for row in connection.execute(ordered):
        check.see(row)
        if row.seq in links and row.link.hex() != links[row.seq].link:
            wrong.append(Fault(table.name, row.seq, row.seq, "is not the row whose link was written down elsewhere"))
    wrong += check.found()
    wrong += [
        Fault(table.name, check.seq + 1, length, "missing: they were there when this head was written down")
        for length in links
        if length > check.seq
    ]
    head = connection.execute(select(heads).where(heads.c.chain == table.name)).one_or_none()
    if head is None or head.seal != vault.head(table.name, head.length, head.link):
        wrong.append(Fault(table.name, check.seq, check.seq, "the head of the chain was changed"))
    elif head.length > check.seq:
        wrong.append(Fault(table.name, check.seq + 1, head.length, "missing from the end"))
    elif head.length < check.seq:
        wrong.append(Fault(table.name, head.length + 1, check.seq, "stands after the end of the chain"))
    elif head.link != check.link and not wrong:
        wrong.append(Fault(table.name, check.seq, check.seq, "is not the row that the head was made for"))
    return wrong


class _Check:
    """A chain being read."""

    def __init__(self, vault: Vault, table: Table) -> None:
        self.seq = 0
        self.link = GENESIS
        self._vault, self._table = vault, table
        self._gaps: list[Fault] = []
        self._unfit: list[Row[tuple[object, ...]]] = []
        self._sound = True  # whether the row before was where and what it should be

    def see(self, row: Row[tuple[object, ...]]) -> None:
        name, seq = self._table.name, row.seq
        gap = seq != self.seq + 1
        if gap:
            self._gaps.append(Fault(name, self.seq + 1, seq - 1, "missing"))
        fits = self._fits(row, seq)
        if not fits:
            self._unfit.append(row)
        elif row.previous != self.link and self._sound and not gap:
            self._gaps.append(Fault(name, seq, seq, "does not follow the row before it"))
        self.seq, self.link, self._sound = seq, row.link, fits

    def found(self) -> list[Fault]:
        places = [row.seq for row in self._unfit[:_PLACES_TRIED]]
        for gap in self._gaps:
            places += range(gap.first, min(gap.last + 1, gap.first + _PLACES_TRIED))
        told = list(self._gaps)
        for row in self._unfit:
            home = next((seq for seq in (row.seq + 1, row.seq - 1, *places) if self._fits(row, seq)), None)
            what = "was changed" if home is None else f"was moved: it is row {home}"
            told.append(Fault(self._table.name, row.seq, row.seq, what))
        return sorted(told, key=lambda fault: fault.first)

    def _fits(self, row: Row[tuple[object, ...]], seq: int) -> bool:
        text = _said(self._table, {**row._mapping, "seq": seq})  # noqa: SLF001 - SQLAlchemy's public name for it
        return bool(self._vault.link(row.previous, text) == row.link)


def _said(table: Table, row: Mapping[str, object]) -> str:
    """Everything that a row says, in the order of its columns, in a text that nothing else is written as."""
    return json.dumps([table.name, *_values(table, row)], separators=(",", ":"))


def _values(table: Table, row: Mapping[str, object]) -> Iterator[object]:
    return (row[column.name] for column in table.columns if column.name not in ("previous", "link"))
