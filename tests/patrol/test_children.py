"""Children and their limits: whatever a file makes of the process that looks at it, the patrol goes on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.patrol.field import Field, bomb
from tracemark.errors import PatrolError
from tracemark.patrol.jobs import Ended, Look, Take, stamp_of
from tracemark.patrol.keeper import Keeper, Keepers
from tracemark.patrol.limits import Limits
from tracemark.patrol.verdicts import from_plain, to_plain

MIB = 1 << 20
LIMITS = Limits(memory=512 * MIB, cpu=4, wall=60.0)

# Stands in for the work on a hostile file that has taken over its process.
_HOSTILE = """
import os, sys, time
from tracemark.patrol import nursery

def perform(job):
    exec(job.path)
    return {"outcome": "seen"}

nursery.perform = perform
nursery.serve()
"""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Keeper]:
    """Start a nursery."""
    keeper = Keeper()
    yield keeper
    keeper.close()


@pytest.fixture(scope="module")
def hostile() -> Iterator[Keeper]:
    """Start a nursery whose children do whatever their job's path says."""
    keeper = Keeper([sys.executable, "-c", _HOSTILE])
    yield keeper
    keeper.close()


@pytest.mark.parametrize(
    ("deed", "limits", "why"),
    [
        ("held = bytearray(1 << 30)", LIMITS, "it needs more memory than it may have"),
        ("held = [bytes(1 << 20) for _ in range(1 << 20)]", LIMITS, "it needs more memory than it may have"),
        ("while True: pass", replace(LIMITS, cpu=1), "it needs more processor time than it may have"),
        ("time.sleep(60)", replace(LIMITS, wall=0.5), "it was not done in time"),
        ("os.fork() or time.sleep(60)", replace(LIMITS, wall=0.5), "it was not done in time"),
        ("os.kill(os.getpid(), 11)", LIMITS, "it brought its process down (signal 11)"),
        ("os._exit(0)", LIMITS, "it brought its process down (0)"),
        ("raise KeyboardInterrupt", LIMITS, "it brought about an error: KeyboardInterrupt"),
        ("sys.exit(3)", LIMITS, "it brought about an error: SystemExit"),
        ("print('nonsense'); sys.stdout.flush()", LIMITS, ""),
        ("import pathlib; pathlib.Path('HARM').write_text('x')", LIMITS, "it brought about an error: OSError"),
        (
            "for number in range(3, 64):\n try: os.write(number, b'x' * (8 << 20))\n except OSError: 0",
            LIMITS,
            None,
        ),
    ],
)
def test_whatever_a_file_does_the_nursery_lives(
    hostile: Keeper, tmp_path: Path, deed: str, limits: Limits, why: str | None
) -> None:
    """Memory, time, signals, exits, writing and idle talk end one child, and say why, and the next one is well."""
    harm = tmp_path / "harm"
    ended = hostile.ask(Take(deed.replace("HARM", str(harm)), limits))
    assert ended is not None
    if why is not None:
        assert why == ended.why
    assert ended.memory < limits.memory + 200 * MIB
    assert ended.cpu <= limits.cpu + 1.5
    assert not harm.exists() or not harm.stat().st_size
    following = hostile.ask(Take("pass", LIMITS))
    assert following is not None
    assert following.report == {"outcome": "seen"}


def test_a_bomb_runs_into_the_memory_limit(nursery: Keeper, field: Field, tmp_path: Path) -> None:
    """A picture of a few kilobytes that unfolds to hundreds of megabytes is given up, not unfolded."""
    path = bomb(tmp_path / "bomb.png", 12_000)
    assert path.stat().st_size < MIB
    ended = _look(nursery, path, field.key, replace(LIMITS, memory=256 * MIB, pixels=1 << 30))
    assert ended.report is None or ended.report["outcome"] == "unreadable"
    assert ended.memory < 500 * MIB


def test_a_picture_that_states_too_many_pixels_is_refused(nursery: Keeper, field: Field, tmp_path: Path) -> None:
    """How large a picture would be is known before it is unfolded."""
    ended = _look(nursery, bomb(tmp_path / "bomb.png", 12_000), field.key, LIMITS)
    assert ended.report == {
        "outcome": "refused",
        "reason": "its picture has 12000x12000 pixels: more than 67108864",
    }


def test_reading_stops_in_time_for_a_verdict(field: Field) -> None:
    """A film that would take longer than it may is read as far as it goes, and the verdict says so."""
    hasty = "from tracemark.patrol import child, nursery; child.READING = 0.0; nursery.serve()"
    keeper = Keeper([sys.executable, "-c", hasty])
    try:
        ended = _look(keeper, field.folder / "stranger 1.mp4", field.key, LIMITS)
    finally:
        keeper.close()
    assert ended.report is not None
    assert ended.report["outcome"] == "absent"
    assert ended.report["reason"].startswith("only the first 0.0 s were read")


def test_a_file_that_changed_is_not_taken_for_what_it_was(nursery: Keeper, field: Field) -> None:
    """What is looked at must be what was hashed."""
    path = field.folder / "leak 1.mp4"
    ended = nursery.ask(Look(str(path), "1:2:3:4", (str(field.key),), "fast", 4, LIMITS))
    assert ended is not None
    assert ended.report == {"outcome": "changed"}


def test_a_nursery_that_does_not_start_is_an_error() -> None:
    """A patrol whose processes cannot start says so at once, and not that every file is broken."""
    with pytest.raises(PatrolError, match="does not start"):
        Keeper([sys.executable, "-c", "pass"])


def test_a_nursery_that_is_killed_is_replaced(field: Field) -> None:
    """A job whose nursery came down is done by the next one."""
    keepers = Keepers()
    try:
        job = Take(str(field.folder / "leak 1.mp4"), LIMITS)
        assert keepers.run(job).report is not None
        keepers._idle[0]._process.kill()
        again = keepers.run(job)
        assert again.report is not None
        assert again.report["outcome"] == "taken"
    finally:
        keepers.close()


def test_what_a_child_says_is_not_trusted(nursery: Keeper, field: Field) -> None:
    """A verdict survives the way as it was; one that is bent in any place is refused."""
    ended = _look(nursery, field.folder / "leak 1.mp4", field.key, LIMITS)
    assert ended.report is not None
    plain = ended.report["decoding"]
    assert plain == _lists(to_plain(from_plain(plain)))
    bent = [
        {**plain, "verdict": "guilty"},
        {**plain, "p_false": -1},
        {**plain, "p_false": float("nan")},
        {**plain, "payload": None},
        {**plain, "payload": {"session": -1, "member": 2}},
        {**plain, "members": []},
        {**plain, "members": [{**plain["members"][0], "key_id": 7}]},
        {**plain, "geometry": {**plain["geometry"], "matrix": [[1]]}},
        {**plain, "reasons": [object()]},
        {},
        None,
        "found",
    ]
    for nonsense in bent:
        with pytest.raises(PatrolError, match="nonsense"):
            from_plain(nonsense)


def _look(nursery: Keeper, path: Path, key: Path, limits: Limits) -> Ended:
    ended = nursery.ask(Look(str(path), stamp_of(path.stat()), (str(key),), "fast", 4, limits))
    assert ended is not None
    return ended


def _lists(value: object) -> object:
    """Write tuples as the lists that JSON makes of them."""
    if isinstance(value, dict):
        return {name: _lists(each) for name, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, list | tuple) else value
