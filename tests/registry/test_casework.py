"""Cases: due times run from sending, overdue comes first, and no step is taken that does not follow."""

from __future__ import annotations

import pytest

from tracemark.errors import RegistryError
from tracemark.registry import Registry
from tracemark.registry.casework import HOUR_MS, LONGEST_NOTE, Casework
from tracemark.registry.names import now_ms


@pytest.fixture
def work(registry: Registry) -> Casework:
    """Open the cases of a fresh registry."""
    return Casework(registry)


def drafted(work: Casework, due_hours: int | None = 48, kind: str = "dmca") -> int:
    """Open a case."""
    return work.open(
        leak_sha256="ab" * 32, kind=kind, basis="copyright", draft_sha256="cd" * 32, due_hours=due_hours
    ).id


def test_life_of_a_case(work: Casework) -> None:
    """A case is drafted, sent, waited for until its due time, overdue after it, answered and closed."""
    number = drafted(work)
    case = work.case(number)
    assert (case.state(now_ms()), case.due) == ("drafted", None)
    case = work.step(number, "sent", note="by post")
    sent = case.steps[0].at
    assert case.due == sent + 48 * HOUR_MS
    assert case.state(sent + 48 * HOUR_MS) == "waiting"
    assert case.state(sent + 48 * HOUR_MS + 1) == "overdue"
    assert work.step(number, "answered", note="removed").state(sent + 99 * HOUR_MS) == "answered"
    case = work.step(number, "closed")
    assert case.state(now_ms()) == "closed"
    told = [(step.event, step.note) for step in case.steps]
    assert told == [("sent", "by post"), ("answered", "removed"), ("closed", "")]


def test_overdue_comes_first(work: Casework) -> None:
    """Cases are listed by how pressing they are: overdue longest first, then due next, unsent, answered, closed."""
    names = ("closed", "answered", "draft", "no due", "due in a week", "due in 2 days", "a day over", "a week over")
    numbers = {name: drafted(work, {"no due": None, "due in a week": 168}.get(name, 48)) for name in names}
    now = now_ms()
    for name in set(names) - {"draft"}:
        work.step(numbers[name], "sent")
    for name in ("answered", "closed"):
        work.step(numbers[name], "answered")
    work.step(numbers["closed"], "closed")
    found = [case.id for case in work.all(now)]
    order = ("a week over", "a day over", "due in 2 days", "due in a week", "no due", "draft", "answered", "closed")
    assert [numbers[name] for name in order[4:]] == found[4:]
    assert set(found[:3]) == {numbers[name] for name in order[:3]}
    assert found[3] == numbers["due in a week"]
    later = work.all(now + 49 * HOUR_MS)
    assert {case.state(now + 49 * HOUR_MS) for case in later[:3]} == {"overdue"}
    assert [case.due for case in later[:3]] == sorted(case.due or 0 for case in later[:3])


@pytest.mark.parametrize("events", [["answered"], ["sent", "sent"], ["closed", "sent"], ["closed", "closed"]])
def test_steps_that_do_not_follow(work: Casework, events: list[str]) -> None:
    """Nothing is answered before it is sent, sent twice, or done after it is closed; what was, stays."""
    number = drafted(work)
    *before, last = events
    for event in before:
        work.step(number, event)  # type: ignore[arg-type]
    with pytest.raises(RegistryError, match="cannot be"):
        work.step(number, last)  # type: ignore[arg-type]
    assert len(work.case(number).steps) == len(before)


def test_times_that_cannot_be(work: Casework) -> None:
    """A step lies neither in the future nor before the draft; notes have a limit; a missing case is named."""
    number = drafted(work)
    for at in (now_ms() + HOUR_MS, now_ms() - HOUR_MS):
        with pytest.raises(RegistryError, match="at that time"):
            work.step(number, "sent", at=at)
    with pytest.raises(RegistryError, match="characters"):
        work.step(number, "sent", note="x" * (LONGEST_NOTE + 1))
    with pytest.raises(RegistryError, match="no case 99"):
        work.step(99, "sent")
