"""Whoever is erased is gone: from every table, index, log and export; what they did stays, under a pseudonym."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.registry.conftest import KEY, Place
from tracemark.errors import RegistryError
from tracemark.registry import Access, Registry

NAME = "Ottoline Morrell <ottoline@garsington.example>"
ADDRESS = "203.0.113.77"
START = 1_790_000_000_000


def fill(registry: Registry) -> None:
    """Enter the member among others, with access records."""
    registry.set_session("s", started=START)
    for member in ("before", NAME, "after"):
        registry.grant("s", member, KEY)
        registry.record(
            [
                Access("s", member, "join", START + 1000, ip=ADDRESS if member == NAME else "", agent="a browser"),
                Access("s", member, "leave", START + 9000),
            ]
        )


def traces(registry: Registry) -> dict[str, bytes]:
    """Everything by which the member can be found again."""
    number = registry.members(NAME)[0].id
    with registry.database.reading() as connection:
        found = text("SELECT lookup, sealed FROM names WHERE kind = 'member' AND owner_id = :number")
        lookup, sealed = connection.execute(found, {"number": number}).one()
    return {"name": NAME.encode(), "look-up": bytes(lookup), "sealed name": bytes(sealed), "address": ADDRESS.encode()}


def raw(place: Place) -> bytes:
    """Every byte that the database keeps of names and access records."""
    if place.file is not None:
        parts = [Path(f"{place.file}{suffix}") for suffix in ("", "-wal", "-shm")]
        return b"".join(part.read_bytes() for part in parts if part.exists())
    with place.open() as registry, registry.database.writing() as connection:
        connection.execute(text("CHECKPOINT"))
        files = text(
            "SELECT pg_relation_filepath(oid) FROM pg_class WHERE relkind IN ('r', 'i', 't') AND relfilenode <> 0 "
            "AND (relname LIKE 'names%' OR relname LIKE '%names%' OR relname LIKE '%accesses%' OR relname = 'members')"
        )
        paths = connection.execute(files).scalars().all()
        read = text("SELECT pg_read_binary_file(:path)")
        return b"".join(bytes(connection.execute(read, {"path": path}).scalar_one()) for path in paths)


def test_no_byte_of_the_database_holds_the_member(place: Place) -> None:
    """Neither the name nor what it is found by nor an address is left in any file; but for the name, all were there."""
    with place.open() as registry:
        fill(registry)
        before = traces(registry)
    held = raw(place)
    assert {what for what, trace in before.items() if trace in held} == {"look-up", "sealed name", "address"}
    with place.open() as registry:
        registry.erase(NAME)
        held = raw(place)  # while it is open, too: SQLite's log is there
        assert [what for what, trace in before.items() if trace in held] == []
    held = raw(place)
    assert [what for what, trace in before.items() if trace in held] == []


def test_counts_and_pseudonym_stay(registry: Registry) -> None:
    """Grants and records are kept and counted; the old payload tells of an erased member by the pseudonym alone."""
    fill(registry)
    payload = registry.grant("s", NAME, KEY).payload
    member = registry.members(NAME)[0]
    left = registry.erase(NAME)
    assert (left.pseudonym, left.grants, left.accesses) == (member.pseudonym, 1, 2)
    found = registry.identify(payload, media_time=5.0)
    assert found is not None
    assert (found.session, found.member, found.pseudonym) == ("s", None, member.pseudonym)
    assert found.erased is not None
    assert found.contradictions == ()
    assert len(registry.candidates()) == 3
    watching = registry.who_watched("s", at=START + 2000)
    assert [(each.name, each.ip) for each in watching] == [("before", ""), (None, ""), ("after", "")]
    assert watching[1].pseudonym == member.pseudonym


def test_chains_stay_whole(registry: Registry) -> None:
    """Erasing breaks no chain, and is on record itself."""
    fill(registry)
    registry.erase(NAME)
    audit = registry.audit()
    assert audit.faults == ()
    assert {head.chain: head.length for head in audit.heads}["erasures"] == 1


def test_export_names_nobody_erased(registry: Registry) -> None:
    """An export under real names has those of the others and not of the erased; without names it has none at all."""
    fill(registry)
    with registry.export(disclose=True) as rows:
        assert NAME in json.dumps(list(rows))
    pseudonym = registry.erase(NAME).pseudonym
    with registry.export(disclose=True) as rows:
        told = json.dumps(list(rows))
    assert NAME not in told
    assert ADDRESS not in told
    assert pseudonym in told
    assert '"before"' in told
    with registry.export() as rows:
        told = json.dumps(list(rows))
    assert '"before"' not in told
    assert pseudonym in told


def test_the_same_name_is_somebody_new(registry: Registry) -> None:
    """Who comes back under the old name is a new member, whom nothing ties to the old one."""
    fill(registry)
    old = registry.grant("s", NAME, KEY)
    pseudonym = registry.erase(NAME).pseudonym
    new = registry.grant("s", NAME, KEY)
    assert new.member_id != old.member_id
    assert new.payload != old.payload
    assert registry.members(NAME)[0].pseudonym != pseudonym


def test_erasing_twice(registry: Registry) -> None:
    """An erased member can be erased again by the pseudonym, as after an interruption, and is on record once."""
    fill(registry)
    first = registry.erase(NAME)
    assert registry.erase(first.pseudonym) == first
    assert registry.audit().heads[3].length == 1


def test_erasing_a_stranger(registry: Registry) -> None:
    """Nobody is erased by a name that nobody has."""
    fill(registry)
    with pytest.raises(RegistryError, match="no member"):
        registry.erase("nobody")
    assert [each.erased for each in registry.members()] == [None, None, None]


def test_erasing_while_somebody_reads(sqlite_place: Place) -> None:
    """If a reader keeps SQLite's log alive, it is said that the name is in it still; once more, and it is gone."""
    with sqlite_place.open(patience=0.2) as registry, sqlite_place.open() as other:
        fill(registry)
        trace = traces(registry)["sealed name"]
        with other.database.reading() as connection:
            connection.execute(text("SELECT count(*) FROM names")).scalar_one()
            with pytest.raises(RegistryError, match="erase once more"):
                registry.erase(NAME)
        pseudonym = next(each.pseudonym for each in registry.members() if each.erased)
        registry.erase(pseudonym)
        assert trace not in raw(sqlite_place)
