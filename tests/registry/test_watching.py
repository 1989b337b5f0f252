"""Who was watching at a moment, by UTC and by media time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.registry.conftest import KEY, Place
from tracemark.errors import RegistryError
from tracemark.registry import Access, Recorded, Registry, stretches
from tracemark.registry.watching import DAY_MS, TOLERANCE_MS

START = 1_790_000_000_000
MOMENTS = st.integers(0, 2**46) | st.integers(0, 200)


@settings(deadline=None)
@given(MOMENTS, MOMENTS, MOMENTS)
def test_a_moment_finds_what_holds_it(one: int, two: int, moment: int) -> None:
    """A moment visits an interval's fork, in the half that decides rightly, exactly if the interval holds it."""
    start, end = sorted((one, two))
    before, after = stretches.path(moment)
    number = stretches.fork(start, end)
    found = (number in before and end >= moment) + (number in after and start <= moment)
    assert found == (start <= moment <= end)


@settings(deadline=None)
@given(MOMENTS, MOMENTS)
def test_a_moment_finds_what_has_not_ended(start: int, moment: int) -> None:
    """An interval without an end is found by every moment from its start on, and by none before."""
    before, after = stretches.path(moment)
    number = stretches.fork(start, None)
    assert number not in before
    assert (number in after and start <= moment) == (start <= moment)


@dataclass(frozen=True)
class Event:
    """An access record without anything else."""

    event: str
    at_ms: int
    media_ms: int | None = None
    connection: str = ""
    id: int = 0


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], []),
        ([("join", 10), ("leave", 20)], [(10, 20, 5)]),
        ([("join", 10)], [(10, None, 5)]),
        ([("join", 10), ("join", 15), ("leave", 20)], [(10, 20, 5)]),
        ([("join", 10), ("leave", 20), ("leave", 30)], [(10, 30, 5)]),
        ([("join", 10), ("leave", 20), ("join", 30), ("leave", 40)], [(10, 20, 5), (30, 40, 25)]),
        ([("leave", 20)], [(20, 20, 15)]),
        ([("join", 10), ("seek", 20, 1000), ("leave", 30)], [(10, 20, 5), (20, 30, 1000)]),
        ([("seek", 20, 1000)], [(20, None, 1000)]),
        ([("join", 10, 700, "a"), ("join", 11, 800, "b"), ("leave", 20, None, "a")], [(10, 20, 700), (11, None, 800)]),
        ([("join", 2), ("leave", 4)], [(2, 4, -3)]),
    ],
)
def test_records_make_stretches(
    events: list[tuple[str, int]], expected: list[tuple[int, int | None, int | None]]
) -> None:
    """Joins, seeks and leaves of each connection make its stretches, with the media time that they began at."""
    made = stretches.put_together([Event(*event) for event in events], started=5)
    assert [(each.start, each.end, each.media_start) for each in made] == expected


def test_without_a_start_media_time_is_not_known() -> None:
    """A session whose start nobody has told has no media time; a seek tells it all the same."""
    made = stretches.put_together([Event("join", 10), Event("seek", 20, 1000)], started=None)
    assert [each.media_start for each in made] == [None, 1000]


def names(registry: Registry, *, at: int | None = None, media_time: float | None = None) -> list[str | None]:
    """Who was watching session s."""
    return [each.name for each in registry.who_watched("s", at=at, media_time=media_time)]


def test_who_watched(registry: Registry) -> None:
    """Members are found at moments that they were there, by either clock, and at no others; and where from."""
    registry.set_session("s", started=START)
    registry.record(
        [
            Access("s", "a", "join", START + 1000, ip="2001:db8::1", port=40000, agent="Player 1.0", node="edge-1"),
            Access("s", "a", "leave", START + 60_000),
            Access("s", "b", "join", START + 30_000),
            Access("s", "b", "seek", START + 40_000, media=3_600_000),
            Access("other", "c", "join", START),
        ]
    )
    assert [names(registry, at=START + ms) for ms in (999, 1000, 30_000, 60_000, 60_001)] == [
        [],
        ["a"],
        ["a", "b"],
        ["a", "b"],
        ["b"],
    ]
    assert [names(registry, media_time=s) for s in (0.5, 35, 45, 3600, 9999)] == [[], ["a", "b"], ["a"], ["b"], ["b"]]
    who = registry.who_watched("s", at=START + 2000)[0]
    assert (who.ip, who.port, who.node, who.joined, who.left) == (
        "2001:db8::1",
        40000,
        "edge-1",
        START + 1000,
        START + 60_000,
    )
    assert len(who.agent) == 16
    assert who.agent != registry.who_watched("s", at=START + 70_000)[0].agent


def test_start_told_afterwards(registry: Registry) -> None:
    """A session's start may be told, or corrected, after the records: they are found by the new media time."""
    registry.record([Access("s", "a", "join", START + 1000), Access("s", "a", "leave", START + 9000)])
    assert names(registry, media_time=5.0) == []
    registry.set_session("s", started=START)
    assert names(registry, media_time=5.0) == ["a"]
    registry.set_session("s", started=START - 100_000)
    assert [names(registry, media_time=s) for s in (5.0, 105.0)] == [[], ["a"]]


def test_who_came_before_the_start(registry: Registry) -> None:
    """Who joined before the session began is found from its first moment on, and who left before it is not."""
    registry.set_session("s", started=START)
    registry.record(
        [
            Access("s", "early", "join", START - 60_000),
            Access("s", "early", "leave", START + 5000),
            Access("s", "gone", "join", START - 60_000),
            Access("s", "gone", "leave", START - 50_000),
        ]
    )
    assert [names(registry, media_time=s) for s in (0.0, 5.0, 5.1)] == [["early"], ["early"], []]


def test_duplicates_are_left_out(registry: Registry) -> None:
    """The same records again change nothing, in whatever order and company they come."""
    records = [Access("s", "a", "join", START), Access("s", "a", "leave", START + 5000)]
    assert registry.record([*records, records[0]]) == Recorded(2, 1, 1, 1)
    assert registry.record([records[1], Access("s", "b", "join", START), records[0]]) == Recorded(1, 2, 0, 1)
    assert names(registry, at=START + 1000) == ["a", "b"]
    with registry.database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM stretches")).scalar_one() == 2


def test_late_records_in_any_order(registry: Registry) -> None:
    """A leave that arrives before its join ends the stretch all the same."""
    registry.record([Access("s", "a", "leave", START + 5000)])
    registry.record([Access("s", "a", "join", START)])
    assert [names(registry, at=START + ms) for ms in (2000, 6000)] == [["a"], []]


def test_dry_run_writes_nothing(registry: Registry) -> None:
    """A dry run says what would be done, names included, and leaves nothing of it."""
    records = [Access("s", "a", "join", START), Access("s", "b", "join", START)]
    assert registry.record(records, dry_run=True) == Recorded(2, 0, 1, 2)
    assert registry.members() == []
    assert registry.record(records) == Recorded(2, 0, 1, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": "look"},
        {"at": -1},
        {"at": 2**60},
        {"media": -5},
        {"event": "seek"},
        {"ip": "example.net"},
        {"port": 65536},
        {"node": "a\nb"},
        {"member": ""},
    ],
)
def test_records_that_cannot_be(wrong: dict[str, object]) -> None:
    """An access record with anything out of range is refused as it is made."""
    with pytest.raises(RegistryError):
        Access(**({"session": "s", "member": "m", "event": "join", "at": START} | wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize("moment", [{}, {"at": 1, "media_time": 1.0}, {"at": -1}, {"media_time": -0.1}, {"at": 2**60}])
def test_moments_that_cannot_be(registry: Registry, moment: dict[str, int]) -> None:
    """No moment, two, or one out of range is refused."""
    registry.set_session("s")
    with pytest.raises(RegistryError):
        registry.who_watched("s", **moment)


@pytest.mark.parametrize(
    ("media_ms", "there"),
    [
        (60_000, True),
        (100_000 + TOLERANCE_MS, True),
        (100_001 + TOLERANCE_MS, False),
        (50_000 - TOLERANCE_MS, True),
        (49_999 - TOLERANCE_MS, False),
    ],
)
def test_contradiction(registry: Registry, media_ms: int, there: bool) -> None:  # noqa: FBT001 - the case's answer
    """A member who was not connected when a leak was shown is told as a contradiction, within what clocks allow."""
    registry.set_session("s", started=START)
    payload = registry.grant("s", "a", KEY).payload
    registry.record([Access("s", "a", "join", START + 50_000), Access("s", "a", "leave", START + 100_000)])
    found = registry.identify(payload, media_time=media_ms / 1000)
    assert found is not None
    assert (found.contradictions == ()) is there


def test_stretches_of_candidates(registry: Registry) -> None:
    """For each candidate, in their order, when they were watching; for a session without records, nothing at all."""
    for member in ("a", "b", "c"):
        registry.grant("s", member, KEY)
    every = registry.candidates("s")
    assert registry.connected("s", every) == []
    registry.set_session("s", started=START)
    registry.record(
        [
            Access("s", "c", "join", START + 50_000),
            Access("s", "c", "leave", START + 100_000),
            Access("s", "a", "join", START + 60_000),
        ]
    )
    wide = TOLERANCE_MS / 1000
    assert registry.connected("s", every) == [[(60 - wide, float("inf"))], [], [(50 - wide, 100 + wide)]]


def test_media_time_may_have_lost_days(registry: Registry) -> None:
    """The mark's clock starts again after a day: who watched on the third day was there."""
    registry.set_session("s", started=START)
    payload = registry.grant("s", "a", KEY).payload
    third = START + 2 * DAY_MS
    registry.record([Access("s", "a", "join", third + 1000), Access("s", "a", "leave", third + 100_000)])
    there, away = (registry.identify(payload, media_time=s) for s in (50.0, 5000.0))
    assert there is not None
    assert away is not None
    assert there.contradictions == ()
    assert len(away.contradictions) == 1


def test_no_records_are_no_contradiction(registry: Registry) -> None:
    """Where nothing at all was recorded, an absence says nothing; where others were recorded, it does."""
    registry.set_session("s", started=START)
    payload = registry.grant("s", "a", KEY).payload
    before = registry.identify(payload, media_time=50.0)
    registry.record([Access("s", "b", "join", START)])
    after = registry.identify(payload, media_time=50.0)
    assert before is not None
    assert after is not None
    assert (len(before.contradictions), len(after.contradictions)) == (0, 1)


def test_writers_at_once(place: Place) -> None:
    """Many who write records of the same members at once leave each stretch once, as if one had written them."""
    visits = [
        (
            Access("s", f"m{member}", "join", START + 10_000 * number),
            Access("s", f"m{member}", "leave", START + 10_000 * number + 50),
        )
        for member in range(3)
        for number in range(8)
    ]
    with place.open() as registry, ThreadPoolExecutor(4) as pool:
        list(pool.map(registry.record, visits))
        with registry.database.reading() as connection:
            rows = connection.execute(text("SELECT member_id, start_ms, end_ms - start_ms FROM stretches")).all()
    assert len(set(rows)) == len(rows) == 24
    assert {row[2] for row in rows} == {50}


def test_indexes_answer(sqlite_place: Place) -> None:
    """No question about a moment reads a whole table: both halves, on both axes, search an index that covers them."""
    with sqlite_place.open() as registry, registry.database.reading() as connection:
        for media in (False, True):
            query = stretches.holding(1, START, media=media).compile(connection, compile_kwargs={"literal_binds": True})
            plan = [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
            searches = [line for line in plan if "stretches" in line]
            assert len(searches) == 2
            assert all(line.startswith("SEARCH stretches USING COVERING INDEX") for line in searches)
