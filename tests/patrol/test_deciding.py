"""What is looked at how closely: decided here without a single picture, by children that say what they are told to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.test_verdict_text import FIRST, decoding
from tracemark.errors import PatrolError
from tracemark.patrol.fingerprints import Fingerprint
from tracemark.patrol.hands import Hands
from tracemark.patrol.jobs import Ended, Job, Look, Take
from tracemark.patrol.orders import Orders, next_look
from tracemark.patrol.patrol import TURNS, Patrol
from tracemark.patrol.records import Content
from tracemark.patrol.sources import Found
from tracemark.patrol.store import Store
from tracemark.patrol.verdicts import to_plain
from tracemark.payload import Payload

ORDERS = Orders(("k",), ("id",))


def scene(number: int) -> Fingerprint:
    """Return what a scene of its own looks like."""
    hashes = np.random.default_rng(number).integers(0, 2**64, (4, 8, 4), np.uint64)
    return Fingerprint(hashes, 4)


def turn(fingerprint: Fingerprint, number: int = 0) -> Fingerprint:
    """Return one turn of it, as a stranger's file is fingerprinted."""
    return Fingerprint(fingerprint.hashes[:, number : number + 1], fingerprint.seen)


@dataclass
class World:
    """Files, what they look like, and at which efforts whose mark is found in them."""

    shows: dict[str, Fingerprint] = field(default_factory=dict)
    marks: dict[str, tuple[str, int]] = field(default_factory=dict)
    bytes: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    looked: list[tuple[str, str | None]] = field(default_factory=list)
    """Every look, in order: file and effort."""

    def submit(self, job: Job) -> Future[Ended]:
        """Do a job at once."""
        done: Future[Ended] = Future()
        done.set_result(Ended(self._report(job), cpu=1.0))
        return done

    def _report(self, job: Job) -> dict[str, Any]:
        if isinstance(job, Take):
            sha256 = hashlib.sha256(self.bytes.get(job.path, job.path).encode()).hexdigest()
            return {"outcome": "taken", "size": 9, "sha256": sha256, "md5": sha256[:32], "stamp": "1"}
        assert isinstance(job, Look)
        self.looked.append((job.path, job.effort))
        if job.path in self.answers:
            return self.answers[job.path]
        looks = self.shows[job.path] if job.own else turn(self.shows[job.path])
        report: dict[str, Any] = {"still": False, "fingerprint": looks.to_text(), "outcome": "seen"}
        if job.effort is not None:
            effort, member = self.marks.get(job.path, ("never", 0))
            seen = job.effort == effort or (effort == "fast" and job.effort == "normal")
            named = replace(FIRST, payload=Payload(88, member))
            told = decoding(named) if seen else decoding()
            report |= {"outcome": told.verdict, "decoding": to_plain(told)}
        return report


@contextmanager
def patrolling(world: World, state: Path, orders: Orders = ORDERS, own: tuple[str, ...] = ()) -> Iterator[list[Any]]:
    """Patrol every file of a world that is not an own one; yields the hits."""
    told: list[Any] = []
    with Store(state, orders.asked) as store:
        patrol = Patrol(orders, store, Hands(world.submit, lambda: 1), lambda line: told.append(json.loads(line)))
        patrol.begin(Found(name, "1") for name in own)
        patrol.run(Found(name, "1") for name in world.shows if name not in own)
        yield told


def test_without_own_recordings_everything_is_looked_at_closely(tmp_path: Path) -> None:
    """What the fast look does not find gets the closer one, and what it does find does not."""
    world = World({"a": scene(1), "b": scene(2)}, {"a": ("normal", 5), "b": ("fast", 6)})
    with patrolling(world, tmp_path / "s") as told:
        assert {hit["file"]: hit["member"] for hit in told} == {"a": 5, "b": 6}
    assert {("a", "fast"), ("a", "normal"), ("b", "fast")} == set(world.looked)


def test_own_recordings_shortlist(tmp_path: Path) -> None:
    """With own recordings only what shows one, even mirrored, gets the closer look, the rest the fast one."""
    world = World({"own": scene(1), "leak": turn(scene(1), 3), "other": scene(2)}, {"leak": ("normal", 5)})
    with patrolling(world, tmp_path / "s", own=("own",)) as told:
        assert [(hit["file"], hit["member"], hit["shows"]) for hit in told] == [("leak", 5, "own")]
    assert world.looked[:1] == [("own", None)]
    assert {("leak", "fast"), ("leak", "normal"), ("other", "fast")} == set(world.looked[1:])


@pytest.mark.parametrize(
    ("verdict", "codes", "expected"), [("absent", [], None), ("inconclusive", [], "full"), ("absent", [{}], "full")]
)
def test_traces_of_a_mark_get_the_closer_look(verdict: str, codes: list[object], expected: str | None) -> None:
    """What shows no own recording is looked at closely all the same if there is a visible code or half a mark in it."""
    told = {**to_plain(decoding()), "verdict": verdict, "visible_codes": codes}
    known = {"still": False, "pdq": None, "fingerprint": None, "decoding": told, "shown": None, "alike": None}
    content = Content("ab", "cd", None, "", "fast", **known)  # type: ignore[arg-type]
    assert expected == next_look(ORDERS, content, knows_own=True, earlier=None)


def test_strangers_can_be_left_out(tmp_path: Path) -> None:
    """If told so, what shows no own recording is only fingerprinted."""
    world = World({"own": scene(1), "leak": scene(1), "other": scene(2)}, {"leak": ("fast", 5)})
    with patrolling(world, tmp_path / "s", replace(ORDERS, strangers=False), own=("own",)) as told:
        assert [hit["file"] for hit in told] == ["leak"]
    assert {("leak", None), ("leak", "fast"), ("other", None)} == set(world.looked[1:])


def test_two_members_copies_look_alike_and_are_both_named(tmp_path: Path) -> None:
    """A look-alike is never taken for a copy: what tells two members' files apart is not to be seen."""
    marks = {"a": ("normal", 5), "b": ("normal", 6)}
    with patrolling(World({"a": scene(1)}, marks), tmp_path / "s") as first:
        pass
    with patrolling(World({"b": scene(1)}, marks), tmp_path / "s") as second:
        told = first + second
        assert sorted(hit["member"] for hit in told) == [5, 6]
        assert {("a", None), ("b", told[0]["sha256"])} == {(hit["file"], hit["looks_like"]) for hit in told}


def test_what_looks_like_something_without_a_mark_gets_the_fast_look_only(tmp_path: Path) -> None:
    """A film that spreads again and again is looked at closely once; its look-alikes are not."""
    state = tmp_path / "s"
    with patrolling(World({"a": scene(1)}), state):
        pass
    again = World({"b": scene(1), "c": scene(3)})
    with patrolling(again, state):
        pass
    assert {("b", "fast"), ("c", "fast"), ("c", "normal")} == set(again.looked)


def test_the_same_bytes_are_looked_at_once(tmp_path: Path) -> None:
    """Copies share one look, and each is a hit of its own that names the first."""
    world = World(
        {"a": scene(1), "b": scene(1), "c": scene(1)}, dict.fromkeys("abc", ("fast", 5)), dict.fromkeys("abc", "x")
    )
    with patrolling(world, tmp_path / "s") as told:
        assert sorted(hit["file"] for hit in told) == ["a", "b", "c"]
        assert [None, told[0]["file"], told[0]["file"]] == [hit["duplicate_of"] for hit in told]
    assert len(world.looked) == 1


def test_a_new_own_recording_reopens_what_shows_it(tmp_path: Path) -> None:
    """What only got a fast look is looked at closely once a recording is known that it shows."""
    world = World({"first": scene(9), "leak": scene(1)}, {"leak": ("normal", 5)})
    with patrolling(world, tmp_path / "s", own=("first",)) as told:
        assert told == []
    world.looked.clear()
    world.shows["own"] = scene(1)
    with patrolling(world, tmp_path / "s", own=("first", "own")) as told:
        assert [(hit["file"], hit["member"]) for hit in told] == [("leak", 5)]
    assert world.looked == [("own", None), ("leak", "normal")]


def test_a_closer_look_that_fails_leaves_the_first_verdict(tmp_path: Path) -> None:
    """A limit met on the second look does not undo what the first one told."""
    world = World({"a": scene(1)})
    real = world.submit

    def submit(job: Job) -> Future[Ended]:
        if isinstance(job, Look) and job.effort == "normal":
            done: Future[Ended] = Future()
            done.set_result(Ended(None, "it was not done in time"))
            return done
        return real(job)

    with Store(tmp_path / "s", ORDERS.asked) as store:
        patrol = Patrol(ORDERS, store, Hands(submit, lambda: 1), pytest.fail)
        patrol.begin()
        patrol.run([Found("a", "1")])
        assert store.counts() == {"absent": 1}


def test_a_file_that_never_stands_still_is_given_up(tmp_path: Path) -> None:
    """A file that is another one at each look is tried a few times in a run."""
    world = World({"a": scene(1)}, answers={"a": {"outcome": "changed"}})
    with patrolling(world, tmp_path / "s"):
        pass
    assert len(world.looked) == TURNS


def test_a_hit_that_was_not_told_is_told_at_the_next_start(tmp_path: Path) -> None:
    """If the pipe breaks, the hit waits in the state; the next run begins with it, and looks at nothing again."""
    world = World({"a": scene(1)}, {"a": ("fast", 5)})

    def broken(_: str) -> None:
        raise BrokenPipeError

    with Store(tmp_path / "s", ORDERS.asked) as store:
        patrol = Patrol(ORDERS, store, Hands(world.submit, lambda: 1), broken)
        patrol.begin()
        with pytest.raises(BrokenPipeError):
            patrol.run([Found("a", "1")])
    with patrolling(world, tmp_path / "s") as told:
        assert [(hit["file"], hit["member"]) for hit in told] == [("a", 5)]
    assert len(world.looked) == 1


def test_one_patrol_at_a_time_has_a_state(tmp_path: Path) -> None:
    """A second patrol with the same state is refused while the first is at work."""
    with Store(tmp_path / "s", "x"), pytest.raises(PatrolError, match="another patrol"):
        Store(tmp_path / "s", "x")
    Store(tmp_path / "s", "x").close()


def test_other_files_are_no_state(tmp_path: Path) -> None:
    """A file that is something else is neither taken for a state nor written to."""
    (tmp_path / "s").write_text("a letter to a friend, long enough to be no empty database at all" * 20)
    with pytest.raises(PatrolError, match="is no state"):
        Store(tmp_path / "s", "x")
    assert (tmp_path / "s").read_text().startswith("a letter")
