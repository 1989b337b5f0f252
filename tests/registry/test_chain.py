"""Whatever is changed behind the registry's back is found, and it is said which row."""

from __future__ import annotations

import shutil

import pytest

from tests.registry.conftest import KEY, Place
from tracemark.errors import RegistryError
from tracemark.registry import Detection, Head, Registry

GRANTS = 6


@pytest.fixture
def written(place: Place) -> Place:
    """Make a registry with six grants, two detections, an outcome and an erasure."""
    with place.open() as registry:
        for number in range(GRANTS):
            registry.grant("s", f"m{number}", KEY)
        payload = registry.grant("s", "m0", KEY).payload
        registry.detected([Detection(payload, "ab" * 32, "payload", KEY.id, 1e-12, 3.25, ("late",), "tracemark 0")] * 2)
        registry.outcome(1, "confirmed")
        registry.erase("m5")
    return place


def faults(place: Place, *heads: Head) -> list[str]:
    """Say what the audit finds."""
    with place.open() as registry:
        return [str(fault) for fault in registry.audit(heads).faults]


def test_untouched(written: Place) -> None:
    """A registry that nobody has touched has no faults, and as many rows as were written."""
    with written.open() as registry:
        audit = registry.audit()
    assert audit.faults == ()
    assert [(head.chain, head.length) for head in audit.heads] == [
        ("grants", 6),
        ("detections", 2),
        ("outcomes", 1),
        ("erasures", 1),
    ]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("grants", "payload = payload + 1"),
        ("grants", "member_id = 1"),
        ("grants", "key_id = 'x'"),
        ("grants", "profile = 1"),
        ("grants", "granted_ms = granted_ms - 1"),
        ("grants", "link = previous"),
        ("grants", "previous = link"),
        ("detections", "p_false = 1e-11"),
        ("detections", "leak_sha256 = ''"),
        ("detections", "contradictions = ''"),
        ("detections", "grant_seq = NULL"),
    ],
)
def test_changed_row(written: Place, table: str, change: str) -> None:
    """A row of which anything was changed is named, and no other."""
    written.execute(f"UPDATE {table} SET {change} WHERE seq = 2")
    assert faults(written) == [f"{table}, row 2: was changed"]


def test_missing_row(written: Place) -> None:
    """A row that was taken out is missed."""
    written.execute("DELETE FROM grants WHERE seq = 3")
    assert faults(written) == ["grants, row 3: missing"]


def test_missing_rows(written: Place) -> None:
    """Rows that were taken out at the beginning are missed together."""
    written.execute("DELETE FROM grants WHERE seq <= 2")
    assert faults(written) == ["grants, rows 1 to 2: missing"]


def test_cut_off_end(written: Place) -> None:
    """Rows that were cut off the end are missed."""
    written.execute("DELETE FROM grants WHERE seq >= 5")
    assert faults(written) == ["grants, rows 5 to 6: missing from the end"]


def test_emptied(written: Place) -> None:
    """A chain without any row is missed."""
    written.execute("DELETE FROM outcomes")
    assert faults(written) == ["outcomes, row 1: missing from the end"]


def test_swapped_rows(written: Place) -> None:
    """Two rows that changed places are named, and where they belong."""
    for old, new in ((2, 99), (4, 2), (99, 4)):
        written.execute("UPDATE grants SET seq = :new WHERE seq = :old", old=old, new=new)
    assert faults(written) == ["grants, row 2: was moved: it is row 4", "grants, row 4: was moved: it is row 2"]


def test_closed_gap(written: Place) -> None:
    """A row taken out, and the others moved up so that no number is missing, is found."""
    written.execute("DELETE FROM grants WHERE seq = 4")
    for seq in (5, 6):
        written.execute("UPDATE grants SET seq = :new WHERE seq = :old", old=seq, new=seq - 1)
    assert faults(written) == [
        "grants, row 4: was moved: it is row 5",
        "grants, row 5: was moved: it is row 6",
        "grants, row 6: missing from the end",
    ]


def test_forged_row(written: Place) -> None:
    """A row that was put at the end by somebody without the key is named, twice over."""
    written.execute(
        "INSERT INTO grants SELECT 7, session_id, member_id, payload + 1, key_id, profile, granted_ms, link, previous "
        "FROM grants WHERE seq = 6"
    )
    assert faults(written) == ["grants, row 7: was changed", "grants, row 7: stands after the end of the chain"]


def test_copied_row(written: Place) -> None:
    """A true row that was put in a second time is found out."""
    written.execute("DELETE FROM grants WHERE seq = 5")
    written.execute(
        "INSERT INTO grants SELECT 5, session_id, member_id, payload + 1, key_id, profile, granted_ms, "
        "previous, link FROM grants WHERE seq = 2"
    )
    assert faults(written) == ["grants, row 5: was changed"]


@pytest.mark.parametrize("change", ["length = 5", "link = seal", "seal = link"])
def test_changed_head(written: Place, change: str) -> None:
    """A head that was changed is found, and nothing is added that would hide it."""
    written.execute(f"UPDATE heads SET {change} WHERE chain = 'grants'")
    assert faults(written) == ["grants, row 6: the head of the chain was changed"]
    with written.open() as registry, pytest.raises(RegistryError, match="verify"):
        registry.grant("s", "somebody new", KEY)
    assert faults(written) == ["grants, row 6: the head of the chain was changed"]


def test_cut_off_end_with_an_older_link_in_the_head(written: Place) -> None:
    """Whoever cuts off the end cannot make the head fit without the key."""
    written.execute(
        "UPDATE heads SET length = 5, link = (SELECT previous FROM grants WHERE seq = 6) WHERE chain = 'grants'"
    )
    written.execute("DELETE FROM grants WHERE seq = 6")
    assert faults(written) == ["grants, row 5: the head of the chain was changed"]


def test_older_database_put_back(sqlite_place: Place) -> None:
    """An older database is whole in itself; a head that was written down shows that it is old."""
    assert sqlite_place.file is not None
    with sqlite_place.open() as registry:
        registry.grant("s", "a", KEY)
    older = sqlite_place.file.with_name("older.db")
    shutil.copy(sqlite_place.file, older)
    with sqlite_place.open() as registry:
        registry.grant("s", "b", KEY)
        head = Head.parse(str(registry.audit().heads[0]))
    assert faults(sqlite_place, head) == []
    shutil.copy(older, sqlite_place.file)
    assert faults(sqlite_place) == []
    assert faults(sqlite_place, head) == ["grants, row 2: missing: they were there when this head was written down"]
    with sqlite_place.open() as registry:
        registry.grant("s", "c", KEY)
    assert faults(sqlite_place, head) == ["grants, row 2: is not the row whose link was written down elsewhere"]


@pytest.mark.parametrize("text", ["", "grants:1", "grants:x:" + "0" * 64, "grants:1:zz", "nothing:1:" + "0" * 64])
def test_no_head(registry: Registry, text: str) -> None:
    """What is no head, or of no chain, is refused."""
    with pytest.raises(RegistryError):
        registry.audit([Head.parse(text)])


def test_names_that_changed_places(written: Place) -> None:
    """Two members whose sealed names were exchanged are both named: nobody is framed by it."""
    for old, new in ((1, 99), (2, 1), (99, 2)):
        written.execute("UPDATE names SET owner_id = :new WHERE owner_id = :old AND kind = 'member'", old=old, new=new)
    told = "the name was changed, or is another's"
    assert faults(written) == [f"members, row 1: {told}", f"members, row 2: {told}"]


def test_look_up_that_leads_to_another(written: Place) -> None:
    """A member who can no longer be found by name is named."""
    written.execute("UPDATE names SET lookup = :bytes WHERE owner_id = 1 AND kind = 'member'", bytes=b"x" * 16)
    assert faults(written) == ["members, row 1: cannot be found by name: what finds it was changed"]


def test_name_without_erasure(written: Place) -> None:
    """A name that was deleted, though no erasure is on record, is missed; the member who was erased is not."""
    written.execute("DELETE FROM names WHERE owner_id = 2 AND kind = 'member'")
    assert faults(written) == ["members, row 2: the name is gone, and no erasure is on record"]


def test_erasure_taken_back(written: Place) -> None:
    """An erasure whose entry is gone leaves a member without a name and a chain without an end."""
    written.execute("DELETE FROM erasures")
    assert faults(written) == [
        "erasures, row 1: missing from the end",
        "members, row 6: the name is gone, and no erasure is on record",
    ]
