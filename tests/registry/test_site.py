"""The benchmark of a large site fills a registry as the registry itself would, and says what it measured."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from benchmarks import registry as site
from benchmarks.registry_page import render
from tests.registry.conftest import Place
from tracemark.registry import Registry, stretches, tables


@pytest.fixture
def filled(sqlite_place: Place, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Fill a small site."""
    for name, number in (("SESSIONS", 5), ("QUESTIONS", 2), ("REPEATS", 1)):
        monkeypatch.setattr(site, name, number)
    registry = sqlite_place.open()
    site.fill(registry, members=40, records=400)
    return registry


def test_site_is_as_if_it_had_lived(filled: Registry) -> None:
    """Chains are whole, and stretches put together anew are those that were written in bulk."""
    columns = [column for column in tables.stretches.columns if column.name != "id"]
    with filled as registry:
        assert registry.audit().faults == ()
        with registry.database.writing() as connection:
            before = {tuple(row) for row in connection.execute(select(*columns))}
            pairs = connection.execute(text("SELECT DISTINCT session_id, member_id FROM accesses")).all()
            stretches.renew(connection, [(session, member) for session, member in pairs])
            after = {tuple(row) for row in connection.execute(select(*columns))}
    assert len(before) == 200
    assert after == before


def test_page_shows_what_was_measured(filled: Registry) -> None:
    """Every question has its row, what took too long is in bold, and the indexes are named."""
    with filled as registry:
        found = site.measure(registry, members=40)
    assert found.rows["accesses"] == 400
    found.times["grant, new member"]["quickest"] = 5.01
    found.times["grant, known member"]["quickest"] = 4.99
    found.crash["killed"] = {"killed": 20, "acknowledged": 9000, "lost": 1, "faults": 0}
    page = render([found])
    assert "| grant, new member | 5 | **5.01** |" in page
    assert "| grant, known member | 5 | 4.99 |" in page
    assert "| 20 | **9,000** | **1** | **0** |" in page
    assert "ix_stretches_ends" in page
    assert all(f"| {what} |" in page for what in found.times)
