"""The patrol over a whole field: everything marked is found, nobody else named, no limit passed, nothing done twice."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.patrol.field import Field
from tests.patrol.running import PATIENCE, finished, hits, outcomes, rows, run, start
from tests.registry.conftest import KEY as REGISTRY_KEY
from tests.scenes import WRONG_KEY
from tracemark.registry import Registry

KILLS = 10
MIB = 1 << 20


def test_finds_every_marked_file_and_names_nobody_else(field: Field, tmp_path: Path) -> None:
    """Those with a mark are hits, each under its own member, and no trap or stranger is one."""
    state = tmp_path / "state.db"
    found = run(field.folder, "--once", "--key", field.key, "--state", state, "--full", "none", "--memory", "512")
    named = {os.path.relpath(hit["file"], field.folder): hit["member"] for hit in found}
    assert field.marked == named
    became = outcomes(state, field.folder)
    assert dict.fromkeys(field.marked, "found") == {name: became[name] for name in field.marked}
    assert dict.fromkeys(field.clean, "absent") == {name: became[name] for name in field.clean}
    assert dict.fromkeys(field.refused, "refused") == {name: became[name] for name in field.refused}
    assert dict.fromkeys(field.unreadable, "unreadable") == {name: became[name] for name in field.unreadable}
    assert len(became) == len(field.marked) + len(field.clean) + len(field.refused) + len(field.unreadable)
    assert {1} == {looks for (looks,) in rows(state, "SELECT looks FROM contents")}
    assert max(memory for (memory,) in rows(state, "SELECT memory FROM contents")) < 700 * MIB


def test_copies_are_hits_that_say_so(field: Field, tmp_path: Path) -> None:
    """Every place with the same bytes is told, with the place that was told first; only one of them is looked at."""
    some = [field.folder / name for name in ("leak 1.mp4", "hard link.mp4", "deep/er/still/copy 0.mp4")]
    state = tmp_path / "state.db"
    found = run(*some, "--key", field.key, "--state", state)
    assert len(found) == 3
    assert [None, found[0]["file"], found[0]["file"]] == [hit["duplicate_of"] for hit in found]
    assert rows(state, "SELECT looks FROM contents") == [(1,)]


def test_a_wrong_key_finds_nobody(field: Field, tmp_path: Path) -> None:
    """Under another key the same leaks name nobody, and the command leaves with 1."""
    other = tmp_path / "other.key"
    WRONG_KEY.save(other)
    leaks = [field.folder / name for name in ("leak 1.mp4", "shot-2.png")]
    assert run(*leaks, "--key", other, "--state", tmp_path / "s", "--full", "none", expected=1) == []


def test_another_key_has_everything_looked_at_again(field: Field, tmp_path: Path) -> None:
    """A state that was made with another key does not hide what the new one finds."""
    other = tmp_path / "other.key"
    WRONG_KEY.save(other)
    leak, state = field.folder / "shot-2.png", tmp_path / "s"
    assert run(leak, "--key", other, "--state", state, "--full", "none", expected=1) == []
    (hit,) = run(leak, "--key", field.key, "--state", state, "--full", "none")
    assert hit["member"] == 2


def test_hits_tell_which_own_recording_they_show(field: Field, tmp_path: Path) -> None:
    """A leak of an own recording says so, one of another film does not; the recording is fingerprinted once."""
    own = field.folder / "the film itself.mp4"
    leaks = [field.folder / "leak 1.mp4", field.folder / "leak 2.mp4"]
    words = ["--own", own, "--key", field.key, "--state", tmp_path / "s", "--full", "none"]
    assert {1: None, 2: str(own)} == {hit["member"]: hit["shows"] for hit in run(*leaks, *words)}
    run(*leaks, *words, expected=1)
    assert rows(tmp_path / "s", "SELECT count(*) FROM own") == [(1,)]


def test_killed_ten_times_it_loses_nothing_and_does_nothing_twice(field: Field, tmp_path: Path) -> None:
    """Killed with SIGKILL again and again, it ends with every file looked at once and every hit entered once."""
    url, secret = f"sqlite:///{tmp_path}/registry.db", tmp_path / "registry.db.key"
    REGISTRY_KEY.save(secret)
    Registry.create(url, secret).close()
    state = tmp_path / "state.db"
    words = [field.folder, "--once", "--key", field.key, "--state", state, "--full", "none", "--workers", "1"]
    words += ["--registry", url, "--registry-key", secret]
    told, begun = [], set[int]()
    for _ in range(KILLS):
        with start(*words) as patrol:
            _until_more(state)
            begun |= _descendants(patrol.pid)
            patrol.send_signal(signal.SIGKILL)
            told += hits(patrol.communicate()[0])
            assert patrol.returncode == -signal.SIGKILL
    assert len(begun) >= KILLS
    _until(lambda: not any(Path(f"/proc/{process}").exists() for process in begun))
    told += run(*words)
    assert field.marked == {os.path.relpath(hit["file"], field.folder): hit["member"] for hit in told}
    # A line may come again if the kill falls between writing it and noting that; it has the same number then.
    assert len(field.marked) == len({hit["hit"] for hit in told})
    assert len(told) <= len(field.marked) + KILLS
    assert {1} == {looks for (looks,) in rows(state, "SELECT looks FROM contents")}
    assert rows(state, "SELECT id FROM hits WHERE told = 0") == []
    with Registry.open(url, secret) as registry, registry.export() as lines:
        entered = [line for line in lines if "leak_sha256" in line]
    assert len({hit["sha256"] for hit in told}) == len(entered)


def test_a_registry_that_is_gone_is_an_error(field: Field, tmp_path: Path) -> None:
    """Without the registry that it was told to use, nothing is begun, and the command leaves with 2."""
    missing = f"sqlite:///{tmp_path}/none.db"
    run(field.folder, "--once", "--key", field.key, "--state", tmp_path / "s", "--registry", missing, expected=2)


def test_a_folder_is_watched(field: Field, tmp_path: Path) -> None:
    """What is put into a watched folder later is found, and Ctrl-C ends the watch well."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with start(inbox, "--key", field.key, "--state", tmp_path / "s", "--workers", "1") as patrol:
        _until(lambda: _started(tmp_path / "s"))
        (inbox / "new.png").write_bytes((field.folder / "shot-3.png").read_bytes())
        assert patrol.stdout is not None
        (hit,) = hits(patrol.stdout.readline())
        patrol.send_signal(signal.SIGINT)
        patrol.communicate(timeout=PATIENCE)
        assert patrol.returncode == 0
    assert hit["member"] == 3


def _started(state: Path) -> bool:
    return state.exists() and bool(rows(state, "SELECT 1 FROM sqlite_master WHERE name = 'contents'"))


def _until(condition: Callable[[], bool]) -> None:
    """Wait, for as long as a loaded machine may take, until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _until_more(state: Path) -> None:
    """Wait until a patrol has finished a file more than it had."""
    before = finished(state)
    _until(lambda: finished(state) > before)


def _descendants(process: int) -> set[int]:
    """List the processes that a process has started, and those that they have."""
    found: set[int] = set()
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, file.read_text().split()):
                found |= {child} | _descendants(child)
    return found
