"""Which viewer got which payload."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from benchmarks.registry_crash import all_at_once, killed_in_the_middle
from tests.registry.conftest import KEY, Place
from tracemark import Key, Payload
from tracemark.errors import RegistryError
from tracemark.profile import PROFILE
from tracemark.registry import Access, Registry
from tracemark.registry.grants import as_stored, from_stored

OTHER_KEY = Key.from_bytes(bytes(32))
START = 1_790_000_000_000


@pytest.mark.parametrize(
    "name", ["88", "夜の部 🌙", "a'; DROP TABLE members; --", "x" * 1000, "line\nbreak\0", "\u202eright"]
)
def test_any_string_is_a_name(registry: Registry, name: str) -> None:
    """Any text serves as session and as member, and comes back as it was given."""
    payload = registry.grant(name, name, KEY).payload
    found = registry.identify(payload)
    assert found is not None
    assert (found.session, found.member) == (name, name)


@pytest.mark.parametrize("name", ["", "x" * 1001, "\udcff"])
def test_what_is_no_name(registry: Registry, name: str) -> None:
    """A name that is empty, endless or no text is refused, and leaves nothing behind."""
    with pytest.raises(RegistryError):
        registry.grant("session", name, KEY)
    assert registry.members() == []


def test_one_name_in_two_spellings(registry: Registry) -> None:
    """A name typed with combining accents is the name with composed ones."""
    composed, combining = "Zoé", unicodedata.normalize("NFD", "Zoé")
    assert composed != combining
    assert registry.grant("s", composed, KEY).payload == registry.grant("s", combining, KEY).payload


def test_who_comes_back_gets_the_same_payload(registry: Registry) -> None:
    """Session, member, key and profile decide the payload: another of any of them is another grant."""
    first = registry.grant("s", "m", KEY)
    assert registry.grant("s", "m", KEY) == first
    others = [
        registry.grant("t", "m", KEY),
        registry.grant("s", "n", KEY),
        registry.grant("s", "m", OTHER_KEY),
        registry.grant("s", "m", KEY, PROFILE.version + 1),
    ]
    assert len({first.payload, *(other.payload for other in others)}) == 5
    assert [other.number for other in others] == [2, 3, 4, 5]


def test_payloads_say_nothing(registry: Registry) -> None:
    """Payloads are 64 fair bits each: no bit of a few hundred is stuck, and none follows the order of grants."""
    payloads = [registry.grant("s", f"m{number}", KEY).payload for number in range(200)]
    assert len(set(payloads)) == 200
    bits = np.array([[(as_stored(each) >> bit) & 1 for bit in range(64)] for each in payloads])
    # 200 fair coins show fewer than 60 heads or tails less than once in 10^8 times.
    assert bits.sum(axis=0).min() >= 60
    assert bits.sum(axis=0).max() <= 140


def test_payload_is_stored_and_read_back() -> None:
    """Every payload fits a signed integer of 64 bits, and is the same when it is read."""
    for payload in (Payload(0, 0), Payload(2**32 - 1, 2**32 - 1), Payload(2**31, 1), Payload(2**31 - 1, 2**32 - 1)):
        assert -(2**63) <= as_stored(payload) < 2**63
        assert from_stored(as_stored(payload)) == payload


def test_nobody_has_an_unknown_payload(registry: Registry) -> None:
    """A payload that was never granted names nobody; its neighbour, which was, does."""
    given = registry.grant("s", "m", KEY).payload
    assert registry.identify(Payload(given.session, given.member ^ 1)) is None
    assert registry.identify(given) is not None


def test_mark_under_another_key_is_a_contradiction(registry: Registry) -> None:
    """A payload read with a key that it was not granted under is told as a contradiction, and with its own is not."""
    payload = registry.grant("s", "m", KEY).payload
    right, wrong = (registry.identify(payload, key_id=key.id) for key in (KEY, OTHER_KEY))
    assert right is not None
    assert wrong is not None
    assert right.contradictions == ()
    assert OTHER_KEY.id in wrong.contradictions[0]


def test_candidates_are_arrays_of_all_grants(registry: Registry) -> None:
    """All grants, a session's, and those of who was watching, as arrays whose rows agree with the look-up."""
    for session, member in (("s", "a"), ("s", "b"), ("t", "a"), ("t", "c")):
        registry.grant(session, member, KEY)
    registry.set_session("s", started=START)
    registry.record([Access("s", "b", "join", START + 5000), Access("s", "a", "join", START + 90_000)])
    every = registry.candidates()
    assert every.payloads.dtype == np.uint32
    assert every.payloads.shape == (4, 2)
    assert every.numbers.tolist() == [1, 2, 3, 4]
    who = [registry.identify(every.payload(index)) for index in range(len(every))]
    assert [(each.session, each.member) for each in who if each] == [("s", "a"), ("s", "b"), ("t", "a"), ("t", "c")]
    assert registry.candidates("t").numbers.tolist() == [3, 4]
    assert registry.candidates("s", at=START + 6000).numbers.tolist() == [2]
    assert registry.candidates("s", media_time=100.0).numbers.tolist() == [1, 2]
    assert len(registry.candidates("s", media_time=1.0)) == 0
    assert registry.candidates("t", at=START).payloads.shape == (0, 2)


def test_candidates_of_nothing(registry: Registry) -> None:
    """A session that is not known, and a moment without a session, are refused; an empty registry has none."""
    assert len(registry.candidates()) == 0
    with pytest.raises(RegistryError, match="no session"):
        registry.candidates("s")
    with pytest.raises(RegistryError, match="session too"):
        registry.candidates(at=START)


def test_threads_share_a_registry(place: Place) -> None:
    """Threads that grant to the same new members at once agree on every payload, and the chain has no fork."""
    with place.open() as registry, ThreadPoolExecutor(6) as pool:
        asked = [f"m{number % 10}" for number in range(60)]
        given = list(pool.map(lambda member: registry.grant("s", member, KEY), asked))
        by_member = {(name, grant.payload) for name, grant in zip(asked, given, strict=True)}
        assert len(by_member) == 10
        assert len(registry.candidates()) == 10
        assert registry.audit().faults == ()


def test_processes_grant_at_once(place: Place) -> None:
    """Eight processes granting at once, half of them to the same members, lose nothing and keep the chain whole."""
    survived = all_at_once(place.url, place.key, processes=8, grants=12)
    assert survived.acknowledged == 8 * 12
    assert (survived.lost, survived.faults) == (0, 0)
    with place.open() as registry:
        assert len(registry.candidates()) == 5 * 12


def test_killed_in_the_middle(place: Place) -> None:
    """No grant that was acknowledged is lost to a SIGKILL, and the chain is whole."""
    survived = killed_in_the_middle(place.url, place.key, times=2, grants=60)
    assert survived.killed == 2
    assert survived.acknowledged >= 12
    assert (survived.lost, survived.faults) == (0, 0)
