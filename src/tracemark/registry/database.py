"""A connection to the registry's database, SQLite's or PostgreSQL's, whose errors are one clear line."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from tracemark.errors import RegistryError
from tracemark.registry.tables import VERSION

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

PATIENCE = 10.0
"""Seconds to wait for a lock or a server before giving up."""

_EXAMPLES = "write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
_SEQUEL = "run 'tracemark registry init' to make one"


class Database:
    """Reading and writing transactions on one database.

    Parameters
    ----------
    url : str
        ``sqlite:///FILE`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``.
    patience : float
        Seconds to wait for a lock or a server.

    Raises
    ------
    RegistryError
        If the URL is none of these, or the driver is not installed.
    """

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self.url = _checked(url)
        self.name = self.url.render_as_string(hide_password=True)
        self.patience = patience
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        try:
            self._engine = _sqlite(self.url, patience) if self.is_sqlite else _postgresql(self.url, patience)
        except ImportError as error:
            raise RegistryError(f"{error.name} is not installed", "pip install 'tracemark[registry]'") from None

    @property
    def file(self) -> Path | None:
        """File of an SQLite database; None for a server's."""
        if not self.is_sqlite:
            return None
        return Path(str(self.url.database).removeprefix("file:"))

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Run a block in a transaction that only reads.

        Raises
        ------
        RegistryError
            One line for whatever the database complains of.
        """
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Run a block in a transaction that writes; it is on the disk when the block has ended well.

        Raises
        ------
        RegistryError
            One line for whatever the database complains of; nothing was written.
        """
        with self._explained(), self._engine.connect() as plain:
            connection = plain.execution_options(tracemark_writes=True)
            with connection.begin():
                yield connection

    def require_version(self) -> None:
        """Make sure that the database is a registry of this version of tracemark.

        Raises
        ------
        RegistryError
            If it is not there, no registry, older or newer.
        """
        found = self.version()
        if found is None:
            raise RegistryError(f"{self.name} holds no registry", _SEQUEL)
        if found > VERSION:
            raise RegistryError(
                f"{self.name} was made by a newer tracemark (version {found}, this one knows {VERSION})",
                "update tracemark",
            )
        if found < VERSION:
            raise RegistryError(f"{self.name} is of version {found}", "run 'tracemark registry init' to update it")

    def version(self) -> str | None:
        """Revision of the last migration that was run; None if there was none.

        Raises
        ------
        RegistryError
            If there is no such database, or it cannot be read.
        """
        if self.file is not None and not self.file.exists():
            raise RegistryError(f"there is no registry {self.file}", _SEQUEL)
        with self.reading() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())

    def prepare(self) -> None:
        """Set what a new database keeps for ever: SQLite's write-ahead log, beside which others may read.

        Raises
        ------
        RegistryError
            If the database cannot be made or written to.
        """
        if self.file is not None:
            # Access records hold addresses: they are for the owner alone. SQLite's log and index follow the file.
            with contextlib.suppress(OSError):
                self.file.touch(mode=0o600)
            with self._explained(), self._engine.connect() as connection:
                connection.execution_options(tracemark_begins=False).exec_driver_sql("PRAGMA journal_mode=WAL")

    def scrub(self, table: str) -> None:
        """See that nothing deleted from a table remains in the database's files.

        SQLite has overwritten it in the database already (`secure_delete`); what is left is its write-ahead log. A
        server's table is written anew.

        Raises
        ------
        RegistryError
            If somebody else's transaction kept it from being done.
        """
        with self._explained(), self._engine.connect() as connection:
            if self.is_sqlite:
                bare = connection.execution_options(tracemark_begins=False)
                busy = bare.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
                if busy:
                    raise RegistryError(
                        f"{self.name} is being read, and its log still holds what was erased", "erase once more"
                    )
            else:
                connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(f"VACUUM FULL {table}")

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextlib.contextmanager
    def closed_on_error(self) -> Iterator[None]:
        """Close every connection if the block fails."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise self._in_one_line(error) from error

    def _in_one_line(self, error: Exception) -> RegistryError:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        said = str(cause).strip().split("\n")[0]
        if not self.is_sqlite:
            if getattr(cause, "sqlstate", None) is None:
                return RegistryError(f"the registry {self.name} cannot be reached: {said}", "is its server running?")
            return RegistryError(f"the registry {self.name} refused: {said}")
        for sign, meaning, advice in _SQLITE_SAYS:
            if sign in said:
                return RegistryError(f"{self.file} {meaning}", advice)
        return RegistryError(f"the registry {self.file} failed: {said}")


_SQLITE_SAYS = (
    ("locked", "is locked by another program", "try again when it has finished"),
    ("readonly", "is read-only", "make the file and its folder writable, or copy them"),
    ("unable to open", "cannot be opened", "check that its folder is there and may be written to"),
    ("not a database", "is no SQLite database, or is damaged", "restore it from a backup"),
    ("malformed", "is damaged", "restore it from a backup"),
    ("full", "could not be written: the disk is full", "make room"),
)


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        # The text may hold a password, and is not repeated.
        raise RegistryError("what was given as registry is no URL", _EXAMPLES) from None
    if backend not in ("sqlite", "postgresql"):
        raise RegistryError(f"a registry cannot be kept in {backend}", _EXAMPLES)
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise RegistryError("a registry in memory would be forgotten", "write sqlite:///FILE")
    return parsed.set(drivername="postgresql+psycopg") if backend == "postgresql" else parsed


def _postgresql(url: URL, patience: float) -> Engine:
    wait = max(1, round(patience))
    settings = f"-c lock_timeout={round(patience * 1000)} -c synchronous_commit=on"
    given = {"connect_timeout": wait, "options": settings, "application_name": "tracemark"}
    return create_engine(url, pool_pre_ping=True, connect_args=given)


def _sqlite(url: URL, patience: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": patience})

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # The driver would begin transactions by itself, and too late: two writers that both read first cannot both go
        # on. Every transaction says at its beginning whether it will write.
        connection.isolation_level = None
        cursor = connection.cursor()
        for setting in ("foreign_keys=ON", "secure_delete=ON", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("tracemark_begins", True):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("tracemark_writes") else "BEGIN")

    return engine
