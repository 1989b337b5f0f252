"""A registry beside a running stream: what it cannot be told now is told later, and nothing waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import pytest
from sqlalchemy.engine import make_url

from tests.registry.conftest import KEY, Place, administer
from tracemark import Embedder, Payload
from tracemark.errors import RegistryError
from tracemark.registry import Access, Registry
from tracemark.registry.live import Counts, LiveRegistry

START = 1_790_000_000_000
SOON = 10.0
"""Seconds after which a test gives up waiting."""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where the spool will be."""
    return tmp_path / "spool"


@pytest.fixture
def live(registry: Registry, spool: Path) -> Iterator[LiveRegistry]:
    """Make a live registry that is closed in the end."""
    made = LiveRegistry(registry, spool)
    yield made
    made.close()


class Stoppable:
    """Takes a registry's answers away, and gives them back."""

    def __init__(self, registry: Registry) -> None:
        self.works = threading.Event()
        for name in ("grant", "record", "admit"):
            setattr(registry, name, MethodType(self._broken(getattr(Registry, name)), registry))

    def _broken(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(registry: Registry, *given: Any, **named: Any) -> Any:
            if not self.works.is_set():
                raise RegistryError("the registry is down")
            return method(registry, *given, **named)

        return call


def until(live: LiveRegistry, reached: Callable[[Counts], bool]) -> Counts:
    """Wait until the counts are so."""
    end = time.monotonic() + SOON
    while not reached(live.counts):
        assert time.monotonic() < end, live.counts
        time.sleep(0.01)
    return live.counts


def join(number: int) -> Access:
    """Make a record."""
    return Access("s", f"m{number}", "join", START + number)


def test_grant_is_in_the_registry_when_it_returns(live: LiveRegistry, place: Place) -> None:
    """Another connection sees the grant at once, and the spool is not used."""
    payload = live.grant("s", "m", KEY)
    with place.open() as other:
        found = other.identify(payload)
    assert found is not None
    assert (found.session, found.member) == ("s", "m")
    assert (live.counts.granted, live.counts.spooled) == (1, 0)


def test_records_are_written_behind(live: LiveRegistry, registry: Registry) -> None:
    """Records arrive in the registry, in batches, without anybody waiting for them."""
    assert all(live.put(join(number)) for number in range(100))
    counts = until(live, lambda counts: counts.written == 100)
    assert (counts.waiting, counts.dropped, counts.failures) == (0, 0, 0)
    assert len(registry.who_watched("s", at=START + 1000)) == 100


def test_registry_that_is_down(registry: Registry, spool: Path) -> None:
    """A grant goes to the spool, sealed, and into the registry when that is back; payload and time stay the same."""
    down = Stoppable(registry)
    with LiveRegistry(registry, spool) as live:
        payload = live.grant("secret session", "secret member", KEY)
        assert live.grant("secret session", "secret member", KEY) == payload
        assert registry.identify(payload) is None
        assert spool.exists()
        assert b"secret" not in spool.read_bytes()
        assert spool.stat().st_mode & 0o777 == 0o600
        before = live.counts
        assert (before.granted, before.spooled) == (0, 1)
        assert "down" in before.last_failure
        down.works.set()
        until(live, lambda counts: counts.entered == 1)
        found = registry.identify(payload)
        assert found is not None
        assert (found.session, found.member) == ("secret session", "secret member")
        assert registry.audit().faults == ()
        assert live.grant("secret session", "secret member", KEY) == payload
    assert not spool.exists()


def test_registry_that_is_slow(registry: Registry, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new viewer waits for a slow registry no longer than was said; many of them do not queue up for it."""
    release = threading.Event()

    def wait(*_: object) -> None:
        release.wait(SOON)
        raise RegistryError("too late")

    monkeypatch.setattr(registry, "grant", wait)
    with LiveRegistry(registry, spool, patience=0.2) as live:
        began = time.perf_counter()
        live.grant("s", "m", KEY)
        assert 0.2 <= time.perf_counter() - began < 2
        for number in range(3):
            live.grant("s", f"m{number}", KEY)
        began = time.perf_counter()
        payloads = {live.grant("s", f"n{number}", KEY) for number in range(20)}
        assert time.perf_counter() - began < 2  # 20 times the patience would be 4
        assert len(payloads) == 20
        assert live.counts.spooled == 24
        until(live, lambda counts: counts.entered == 24)
        release.set()
    assert len(registry.candidates()) == 24


def test_crowd_at_once(live: LiveRegistry, registry: Registry) -> None:
    """A crowd that comes at once is served by a registry that is quick, and waits for its turn."""
    with ThreadPoolExecutor(16) as pool:
        payloads = set(pool.map(lambda number: live.grant("s", f"m{number}", KEY), range(16)))
    until(live, lambda counts: counts.entered == counts.spooled)
    assert len(payloads) == 16
    assert live.counts.granted + live.counts.spooled == 16
    given = registry.candidates("s")
    assert payloads <= {given.payload(index) for index in range(len(given))}


def test_putting_never_waits(registry: Registry, spool: Path) -> None:
    """With the registry down, records are taken until the queue is full; more are dropped at once, and counted."""
    down = Stoppable(registry)
    with LiveRegistry(registry, spool, waiting=50) as live:
        began = time.perf_counter()
        taken = sum(live.put(join(number)) for number in range(2000))
        assert time.perf_counter() - began < 1
        counts = live.counts
        assert 50 <= taken < 2000
        assert counts.dropped == 2000 - taken
        until(live, lambda counts: counts.failures >= 1)
        down.works.set()
        counts = until(live, lambda counts: counts.written == taken)
        assert counts.waiting == 0
    assert len(registry.who_watched("s", at=START + 5000)) == taken


def test_what_is_left_at_the_end_is_told_by_the_next_run(registry: Registry, spool: Path) -> None:
    """Grants and records that could not be told outlast the process, also if its last line was cut off."""
    down = Stoppable(registry)
    with LiveRegistry(registry, spool) as live:
        payload = live.grant("s", "m0", KEY)
        live.put(join(0))
        live.put(join(1))
    with spool.open("ab") as file:
        file.write(b"bm90IGEgd2hvbGU")
    down.works.set()
    with LiveRegistry(registry, spool) as live:
        counts = until(live, lambda counts: counts.entered == 1 and counts.written == 2)
    assert counts.failures == 0
    assert not spool.exists()
    assert registry.identify(payload) is not None
    assert [each.name for each in registry.who_watched("s", at=START + 5000)] == ["m0", "m1"]


def test_telling_twice_changes_nothing(registry: Registry, spool: Path) -> None:
    """A spool that was told, but not removed before a crash, is told again without harm."""
    down = Stoppable(registry)
    with LiveRegistry(registry, spool) as live:
        live.grant("s", "m0", KEY)
        live.put(join(0))
    kept = spool.read_bytes()
    down.works.set()
    for _ in range(2):
        spool.write_bytes(kept)
        with LiveRegistry(registry, spool) as live:
            until(live, lambda counts: counts.entered == 1 and counts.written == 1)
    assert len(registry.candidates()) == 1
    assert registry.audit().faults == ()


def test_spool_that_cannot_be_written(registry: Registry, tmp_path: Path) -> None:
    """If neither registry nor spool can be written there is no grant: no mark may be shown that names nobody."""
    Stoppable(registry)
    with LiveRegistry(registry, tmp_path / "none" / "spool") as live, pytest.raises(RegistryError, match="spool"):
        live.grant("s", "m", KEY)


def test_names_that_are_none(live: LiveRegistry, spool: Path) -> None:
    """A name that cannot be one is refused at once, and not put off."""
    with pytest.raises(RegistryError, match="empty"):
        live.grant("s", "", KEY)
    assert not spool.exists()


def test_video_goes_on_while_the_database_is_locked(sqlite_place: Place, spool: Path) -> None:
    """While somebody holds the database frames are marked, viewers let in and records taken; then it catches up."""
    frame = np.full((120, 160, 3), 128, np.uint8)
    embedder = Embedder(KEY)
    with sqlite_place.open() as holder, sqlite_place.open(patience=0.3) as registry:
        with LiveRegistry(registry, spool, patience=1.0) as live:
            early = live.attend(embedder, KEY, "s", "early").viewer
            until(live, lambda counts: counts.written == 1)
            with holder.database.writing():
                late = live.attend(embedder, KEY, "s", "late").viewer
                for number in range(5):
                    prepared = embedder.prepare(frame, number / 25)
                    assert np.any(early.mark(prepared) != late.mark(prepared))
                assert live.counts.spooled == 1
                assert live.counts.written == 1
            until(live, lambda counts: counts.entered == 1 and counts.written == 2)
        assert [each.name for each in registry.members()] == ["early", "late"]


def test_viewer_shows_the_granted_payload(live: LiveRegistry, registry: Registry) -> None:
    """The viewer's frames are those of the payload that the registry has for that name."""
    frame = np.random.default_rng(3).integers(0, 256, (120, 160, 3)).astype(np.uint8)
    embedder = Embedder(KEY)
    viewer = live.attend(embedder, KEY, "s", "m").viewer
    prepared = embedder.prepare(frame, 0)
    payload = registry.grant("s", "m", KEY).payload
    marked = np.asarray(viewer.mark(prepared))
    assert np.array_equal(marked, np.asarray(embedder.viewer(payload).mark(prepared)))
    stranger = Payload(payload.session, payload.member ^ 1)
    assert not np.array_equal(marked, np.asarray(embedder.viewer(stranger).mark(prepared)))


def test_stay_is_written_down(live: LiveRegistry, registry: Registry) -> None:
    """Joining, seeking and leaving are written by themselves, with where from; a stay that fails has ended too."""
    embedder = Embedder(KEY)
    registry.set_session("s", started=0)

    def fail() -> None:
        with live.attend(embedder, KEY, "s", "m", ip="192.0.2.1", port=4000, agent="a", node="edge-1") as stay:
            time.sleep(0.02)
            stay.seek(12.5)
            time.sleep(0.02)
            raise OSError

    with pytest.raises(OSError, match=r"^$"):
        fail()
    second = live.attend(embedder, KEY, "s", "m")
    until(live, lambda counts: counts.written == 4)
    (first,) = registry.who_watched("s", media_time=12.501)
    assert (first.name, first.ip, first.port, first.node) == ("m", "192.0.2.1", 4000, "edge-1")
    assert first.left is not None
    assert 20 <= first.left - first.joined < 10_000
    (now,) = registry.who_watched("s", at=first.left + 1_000_000)
    assert now.left is None
    second.leave()
    second.leave()
    until(live, lambda counts: counts.written == 5)
    assert registry.who_watched("s", at=first.left + 1_000_000) == []


def test_stay_from_nowhere(live: LiveRegistry, registry: Registry) -> None:
    """An address that is none is refused before anything is granted."""
    with pytest.raises(RegistryError, match="IP address"):
        live.attend(Embedder(KEY), KEY, "s", "m", ip="somewhere")
    assert len(registry.candidates()) == 0


def test_server_that_goes_and_comes_back(server_place: Place, spool: Path) -> None:
    """A real server that throws everybody out in mid-stream stops nothing; when it is back, it is told all."""
    name = make_url(server_place.url).database
    with server_place.open(patience=2) as registry, LiveRegistry(registry, spool, patience=0.5) as live:
        early = live.grant("s", "early", KEY)
        administer(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        administer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        late = live.grant("s", "late", KEY)
        assert live.put(join(1))
        with pytest.raises(RegistryError) as told:
            registry.members()
        assert "\n" not in str(told.value)
        assert live.counts.spooled == 1
        administer(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        until(live, lambda counts: counts.entered == 1 and counts.written == 1)
        who = [registry.identify(payload) for payload in (early, late)]
        assert [each.member for each in who if each] == ["early", "late"]
        assert registry.audit().faults == ()
