"""Bring a database to this version's tables."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from tracemark.registry.database import Database
from tracemark.registry.tables import VERSION


def migrate(database: Database) -> None:
    """Run every migration that the database has not seen, all in one transaction.

    Parameters
    ----------
    database : Database
        May be empty, and of SQLite not there yet.

    Raises
    ------
    RegistryError
        If it was made by a newer version, or cannot be written to.
    """
    new = database.file is not None and not database.file.exists()
    if not new:
        found = database.version()
        if found is not None and found >= VERSION:
            database.require_version()
            return
    database.prepare()
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
