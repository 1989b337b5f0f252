"""Opening a registry, and making one: database and key belong together."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import insert, select

from tracemark.errors import RegistryError
from tracemark.keys import Key
from tracemark.registry import chain
from tracemark.registry.database import Database
from tracemark.registry.tables import CHAINS, about
from tracemark.registry.vault import Vault

_KEY_ID = "key id"


def made(url: str, key: str | Path | None, patience: float) -> tuple[Database, Vault]:
    """Make a registry, or update an older one; see `Registry.create`."""
    # Only a new registry needs Alembic, which takes long to import.
    from tracemark.registry.migrating import migrate  # noqa: PLC0415

    database = Database(url, patience)
    with database.closed_on_error():
        secret = key_to_make(database, key)
        vault = Vault(secret)
        migrate(database)
        with database.writing() as connection:
            if connection.execute(select(about.c.value).where(about.c.name == _KEY_ID)).first() is None:
                connection.execute(insert(about).values(name=_KEY_ID, value=secret.id))
                for table in CHAINS:
                    chain.begin(connection, vault, table)
        _require_key(database, vault)
    return database, vault


def opened(url: str, key: str | Path | None, patience: float) -> tuple[Database, Vault]:
    """Open a registry that is there; see `Registry.open`."""
    database = Database(url, patience)
    with database.closed_on_error():
        database.require_version()
        vault = Vault(Key.load(key or default_path(database)))
        _require_key(database, vault)
    return database, vault


def _require_key(database: Database, vault: Vault) -> None:
    with database.reading() as connection:
        made_with = connection.execute(select(about.c.value).where(about.c.name == _KEY_ID)).scalar_one_or_none()
    if made_with is None:
        raise RegistryError(f"{database.name} was not made to the end", "run 'tracemark registry init' once more")
    if made_with != vault.key_id:
        raise RegistryError(
            f"{database.name} was made with registry key {made_with}, this one is {vault.key_id}",
            "name the right one with --registry-key or TRACEMARK_REGISTRY_KEY",
        )


def default_path(database: Database) -> Path:
    """Where the registry's key is kept if nobody says.

    Parameters
    ----------
    database : Database

    Returns
    -------
    Path
        Beside an SQLite file, with ``.key`` added to its name; for a server's database in the user's configuration
        folder.
    """
    if database.file is not None:
        return database.file.with_name(database.file.name + ".key")
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "tracemark" / "registry.key"


def key_to_make(database: Database, key: str | Path | None) -> Key:
    """Load the registry's key, or make it if there is neither key nor registry.

    Parameters
    ----------
    database : Database
    key : str or Path or None
        File of the key; None for the default.

    Returns
    -------
    Key

    Raises
    ------
    RegistryError
        If the folder that the database is to lie in does not exist.
    KeyFileError
        If there is a registry without its key, or the key cannot be read or written.
    """
    path = Path(key) if key else default_path(database)
    exists = (database.file is None or database.file.exists()) and database.version() is not None
    if path.exists() or exists:
        return Key.load(path)
    if database.file is not None and not database.file.absolute().parent.is_dir():
        raise RegistryError(f"the folder {database.file.absolute().parent} does not exist", "make it first")
    if key is None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = Key.generate()
    secret.save(path)
    return secret
