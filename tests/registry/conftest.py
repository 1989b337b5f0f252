"""A fresh registry for every test, on each database."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tracemark import Key
from tracemark.registry import Registry

SERVER = os.environ.get("TRACEMARK_TEST_POSTGRESQL")
"""URL of a PostgreSQL server on which databases may be made and dropped; `.ci/run` starts one."""

KEY = Key.from_bytes(bytes(range(32)))
_TEMPLATE = f"tracemark_template_{os.getpid()}"  # tests run in several processes
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """Where a registry is."""

    url: str
    key: Path
    file: Path | None

    def open(self, patience: float = 10.0) -> Registry:
        """Open it."""
        return Registry.open(self.url, self.key, patience=patience)

    def execute(self, statement: str, **values: object) -> None:
        """Do something to the database behind the registry's back."""
        engine = create_engine(make_url(self.url).set(drivername=_driver(self.url)))
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()


def administer(statement: str) -> None:
    """Do something to the server itself."""
    assert SERVER is not None
    engine = create_engine(make_url(SERVER).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an SQLite registry that others are copied from."""
    file = tmp_path_factory.mktemp("template") / "registry.db"
    Registry.create(f"sqlite:///{file}").close()
    return file


@pytest.fixture(scope="session")
def server_template(template: Path) -> Iterator[str | None]:
    """Make a PostgreSQL registry that others are copied from, with the same key."""
    if SERVER is None:
        yield None
        return
    administer(f"DROP DATABASE IF EXISTS {_TEMPLATE}")
    administer(f"CREATE DATABASE {_TEMPLATE}")
    Registry.create(_on_server(_TEMPLATE), f"{template}.key").close()
    yield _TEMPLATE
    administer(f"DROP DATABASE {_TEMPLATE} WITH (FORCE)")


@pytest.fixture
def sqlite_place(template: Path, tmp_path: Path) -> Place:
    """Make a fresh registry on SQLite."""
    file = tmp_path / "registry.db"
    shutil.copy(template, file)
    shutil.copy(f"{template}.key", f"{file}.key")
    return Place(f"sqlite:///{file}", Path(f"{file}.key"), file)


@pytest.fixture
def server_place(template: Path, server_template: str | None) -> Iterator[Place]:
    """Make a fresh registry on PostgreSQL."""
    if server_template is None:
        pytest.skip("TRACEMARK_TEST_POSTGRESQL names no server")
    name = f"tracemark_{os.getpid()}_{next(_NUMBERS)}"
    administer(f"CREATE DATABASE {name} TEMPLATE {server_template}")
    yield Place(_on_server(name), Path(f"{template}.key"), None)
    administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    """Make a fresh registry on each database."""
    made: Place = request.getfixturevalue("sqlite_place" if request.param == "sqlite" else "server_place")
    return made


@pytest.fixture
def registry(place: Place) -> Iterator[Registry]:
    """Open a registry on each database."""
    with place.open() as opened:
        yield opened


def _on_server(name: str) -> str:
    assert SERVER is not None
    return make_url(SERVER).set(database=name).render_as_string(hide_password=False)


def _driver(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgresql+psycopg"
