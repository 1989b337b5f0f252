"""Databases that are not what they should be: one clear line each."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import make_url

from tests.registry.conftest import KEY, SERVER, Place, administer
from tracemark import Key
from tracemark.errors import KeyFileError, RegistryError, TracemarkError
from tracemark.registry import Access, Registry
from tracemark.registry.tables import VERSION, metadata


def refusal(url: str, key: Path | None = None) -> str:
    """Open a registry that cannot be opened."""
    with pytest.raises(TracemarkError) as told:
        Registry.open(url, key, patience=0.3)
    line = str(told.value)
    assert "\n" not in line
    return line


def test_migrations_lead_to_the_tables(registry: Registry) -> None:
    """What the migrations make is what the code uses: no table, column or index differs."""
    with registry.database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_creating_twice_changes_nothing(place: Place) -> None:
    """Making a registry that is there already keeps it and its key."""
    with place.open() as registry:
        payload = registry.grant("s", "m", KEY).payload
    with Registry.create(place.url, place.key) as registry:
        assert registry.identify(payload) is not None
        assert registry.audit().faults == ()


def test_new_registry_is_for_its_owner_alone(tmp_path: Path) -> None:
    """File and key are made with mode 0600, side by side, and no byte of the key is in the database."""
    file = tmp_path / "new.db"
    Registry.create(f"sqlite:///{file}").close()
    key = tmp_path / "new.db.key"
    assert [path.stat().st_mode & 0o777 for path in (file, key)] == [0o600, 0o600]
    secret = key.read_text().split()[-1]
    content = file.read_bytes()
    assert secret.encode() not in content
    assert bytes.fromhex(secret) not in content


def test_key_in_the_configuration_folder(server_place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's registry looks for its key in the user's configuration folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert str(tmp_path / "tracemark" / "registry.key") in refusal(server_place.url)
    (tmp_path / "tracemark").mkdir()
    (tmp_path / "tracemark" / "registry.key").write_bytes(server_place.key.read_bytes())
    Registry.open(server_place.url).close()


def test_wrong_key(place: Place, tmp_path: Path) -> None:
    """Another key is refused, and both are named by their public names."""
    other = Key.generate()
    other.save(tmp_path / "other.key")
    assert other.id in refusal(place.url, tmp_path / "other.key")


def test_interrupted_init(place: Place) -> None:
    """A registry whose making was interrupted says so, and is made to the end by making it once more."""
    for table in ("about", "heads"):
        place.execute(f"DELETE FROM {table}")
    assert "registry init" in refusal(place.url, place.key)
    with Registry.create(place.url, place.key) as registry:
        assert registry.grant("s", "m", KEY).number == 1


def test_lost_key(sqlite_place: Place) -> None:
    """A registry whose key is gone is not opened, and making it again does not make a new key over it."""
    sqlite_place.key.unlink()
    assert "no key file" in refusal(sqlite_place.url)
    with pytest.raises(KeyFileError):
        Registry.create(sqlite_place.url)
    assert not sqlite_place.key.exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("registry.db", "no URL"),
        ("", "no URL"),
        ("mysql://root@localhost/x", "cannot be kept in mysql"),
        ("oracle9://x", "cannot be kept in oracle9"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("postgresql://user:hunter2@host:port/x", "no URL"),
    ],
)
def test_wrong_url(url: str, says: str) -> None:
    """Whatever is no URL of a registry is refused with an example, and without its password."""
    line = refusal(url)
    assert says in line
    assert "hunter2" not in line


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named, and not made; a folder that is not there, too."""
    assert "none.db" in refusal(f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(RegistryError, match="does not exist"):
        Registry.create(f"sqlite:///{tmp_path}/none/new.db")
    assert not (tmp_path / "none").exists()


def test_file_of_another_program(tmp_path: Path) -> None:
    """An empty file holds no registry, and one of another kind is no database."""
    (tmp_path / "empty.db").touch()
    assert "holds no registry" in refusal(f"sqlite:///{tmp_path}/empty.db")
    (tmp_path / "text.db").write_text("This is text.\n" * 1000)
    assert "no SQLite database" in refusal(f"sqlite:///{tmp_path}/text.db")
    assert "cannot be opened" in refusal(f"sqlite:///{tmp_path}")


def test_damaged_file(sqlite_place: Place) -> None:
    """A database of which pages were overwritten says so, in one line, whatever is asked of it."""
    assert sqlite_place.file is not None
    with sqlite_place.open() as registry:
        for number in range(30):
            registry.grant("s", f"m{number}", KEY)
    content = bytearray(sqlite_place.file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    sqlite_place.file.write_bytes(content)
    assert "damaged" in refusal(sqlite_place.url)


def test_newer_and_older(place: Place) -> None:
    """A database of a newer version is left alone, and an older one asks for its update."""
    place.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer tracemark" in refusal(place.url, place.key)
    with pytest.raises(RegistryError, match="newer tracemark"):
        Registry.create(place.url, place.key)
    place.execute("UPDATE alembic_version SET version_num = '0000'")
    assert "registry init" in refusal(place.url, place.key)
    place.execute(f"UPDATE alembic_version SET version_num = '{VERSION}'")
    place.open().close()


def test_read_only(sqlite_place: Place) -> None:
    """A database that may only be read answers questions, and refuses grants in one line."""
    with sqlite_place.open() as registry:
        payload = registry.grant("s", "m", KEY).payload
    url = f"sqlite:///file:{sqlite_place.file}?mode=ro&uri=true"
    with Registry.open(url, sqlite_place.key) as registry:
        found = registry.identify(payload)
        assert found is not None
        assert found.member == "m"
        for write in (
            lambda: registry.grant("s", "n", KEY),
            lambda: registry.record([Access("s", "m", "join", 1)]),
            lambda: registry.erase("m"),
        ):
            with pytest.raises(RegistryError, match="read-only"):
                write()


def test_locked(sqlite_place: Place) -> None:
    """A database that another program holds is said to be locked, after the patience that was asked for."""
    with sqlite_place.open() as holder, sqlite_place.open(patience=0.2) as registry:
        with holder.database.writing(), pytest.raises(RegistryError, match="locked by another program"):
            registry.grant("s", "m", KEY)
        assert registry.grant("s", "m", KEY).number == 1


def test_locked_on_a_server(server_place: Place) -> None:
    """A row that another transaction holds is waited for no longer than the patience."""
    with server_place.open() as holder, server_place.open(patience=0.2) as registry:
        with holder.database.writing() as connection:
            connection.exec_driver_sql("SELECT * FROM heads FOR UPDATE")
            with pytest.raises(RegistryError, match="lock timeout"):
                registry.grant("s", "m", KEY)
        assert registry.grant("s", "m", KEY).number == 1


def test_no_server() -> None:
    """A server that does not answer is named without its password."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        line = refusal(f"postgresql://me:hunter2@127.0.0.1:{port}/registry")
    assert "cannot be reached" in line
    assert f"127.0.0.1:{port}" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(("missing", "url"), [("psycopg", "postgresql://x/y"), ("sqlalchemy", "sqlite:///x.db")])
def test_missing_extra(missing: str, url: str) -> None:
    """Without the extra, or a part of it, the line says what to install."""
    code = f"import sys; sys.modules[{missing!r}] = None; from tracemark.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "registry", "verify", "--registry", url]
    path = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "pip install 'tracemark[registry]'" in done.stderr


@pytest.mark.skipif(SERVER is None, reason="TRACEMARK_TEST_POSTGRESQL names no server")
def test_no_such_database() -> None:
    """A database that the server does not have, or that holds no registry, is said to be so."""
    assert SERVER is not None
    there = make_url(SERVER)
    missing = there.set(database="no_such_database").render_as_string(hide_password=False)
    assert "does not exist" in refusal(missing)
    assert "holds no registry" in refusal(there.render_as_string(hide_password=False))


def test_server_gone_between_two_questions(server_place: Place) -> None:
    """A connection that the server has dropped is opened anew; if it cannot be, the line says so."""
    name = make_url(server_place.url).database
    thrown_out = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    with server_place.open(patience=1) as registry:
        administer(thrown_out)
        assert registry.grant("s", "m", KEY).number == 1
        administer(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        administer(thrown_out)
        with pytest.raises(RegistryError, match="cannot be reached"):
            registry.grant("s", "n", KEY)
