"""A patrol over 500 files that is killed ten times, the same on a cluster, and what a clip costs at each effort.

Writes docs/patrol.md out of docs/patrol.json. Only loopback is used.

    python -m benchmarks.patrol /tmp/patrol
    python -m benchmarks.patrol --page
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.patrol_fingerprints import library_speed, shortlist
from benchmarks.patrol_page import render
from tests.patrol.field import Field, lay_out, video
from tests.patrol.running import PATIENCE, dask, finished, hits, outcomes, rows, run, start
from tests.scenes import KEY, bunny, film, mark
from tracemark.patrol import Hands, Limits, cluster, local
from tracemark.patrol.jobs import Look, Take, stamp_of
from tracemark.patrol.keeper import Keeper
from tracemark.payload import Payload

DOCS = Path(__file__).parents[1] / "docs"
VIEWERS, STRANGERS = 42, 134
"""Of the field: some 500 files."""

KILLS = 10
MIDWAY = 20
"""Contents after which a worker is killed; what is told until then has room in the pipe."""

SEED = 20261125
CLIPS = 40
"""Files of the comparison of hands."""

REPEATS = 2
JOBS = 200
"""Jobs that do nothing to speak of, for what sending one costs."""

_LARGE = Limits(memory=4 << 30, cpu=3600, wall=7200.0)


def main() -> None:
    """Measure what was asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="to make, for the files")
    parser.add_argument("--only", nargs="*", default=["field", "shared", "hands", "clips", "fingerprints"])
    parser.add_argument("--page", action="store_true", help="write the page again out of what was measured")
    wanted = parser.parse_args()
    kept = DOCS / "patrol.json"
    told: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    if not wanted.page:
        wanted.folder.mkdir(exist_ok=True)
        parts = {"field": _field, "shared": _shared, "hands": _hands, "clips": _clips, "fingerprints": _fingerprints}
        for name in wanted.only:
            told[name] = {"load": round(os.getloadavg()[0], 1), **parts[name](wanted.folder)}
        told["machine"] = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
        kept.write_text(json.dumps(told, indent=1) + "\n")
    (DOCS / "patrol.md").write_text(render(told))


def _field(folder: Path) -> dict[str, Any]:
    """Patrol the field, killed again and again at moments of chance."""
    field, state = lay_out(folder / "field", viewers=VIEWERS, strangers=STRANGERS), folder / "state.db"
    words = [field.folder, "--once", "--key", field.key, "--state", state, "--full", "none", "--memory", "512"]
    chance = random.Random(SEED)  # noqa: S311 - when to kill is no secret
    told, began, killed = [], time.monotonic(), 0
    for _ in range(KILLS):
        with start(*words) as patrol:
            _until_finished(state, finished(state) + chance.randrange(1, 30), patrol)
            patrol.send_signal(signal.SIGKILL)
            told += hits(patrol.communicate()[0])
            killed += patrol.returncode == -signal.SIGKILL
    told += run(*words)
    named = {os.path.relpath(hit["file"], field.folder): hit["member"] for hit in told}
    looks, cpu, memory = zip(*rows(state, "SELECT looks, cpu, memory FROM contents"), strict=True)
    return {
        **_right(field, named, outcomes(state, field.folder)),
        "killed": killed,
        "lines": len(told),
        "lines twice": len(told) - len(named),
        "contents": len(looks),
        "looked at twice": sum(each != 1 for each in looks),
        "wall": time.monotonic() - began,
        "cpu": sum(cpu),
        "longest": max(cpu),
        "largest": max(memory),
    }


def _shared(folder: Path) -> dict[str, Any]:
    """Patrol the field that is there once more, on a cluster of two workers, one of which is killed on the way."""
    field, alone, state = folder / "field", folder / "state.db", folder / "shared.db"
    words = [field, "--once", "--key", folder / "studio.key", "--full", "none", "--memory", "512"]
    place = folder / "workers"
    place.mkdir()
    with dask(place, 2) as (address, workers):
        began = time.monotonic()
        with start(*words, "--state", state, "--cluster", address) as patrol:
            _until_finished(state, MIDWAY, patrol)
            before = finished(state)
            workers[0].send_signal(signal.SIGKILL)
            found = hits(patrol.communicate()[0])
    expected, became = outcomes(alone, field), outcomes(state, field)
    return {
        "files": len(became),
        "done before": before,
        "hits": len(found),
        "other outcomes": sum(expected.get(name) != outcome for name, outcome in became.items()),
        "looked at twice": sum(looks != 1 for (looks,) in rows(state, "SELECT looks FROM contents")),
        "wall": time.monotonic() - began,
    }


def _right(field: Field, named: dict[str, int], became: dict[str, str]) -> dict[str, int]:
    kinds = {"clean": "absent", "refused": "refused", "unreadable": "unreadable"}
    right = {kind: sum(became.get(name) == word for name in getattr(field, kind)) for kind, word in kinds.items()}
    return {
        "files": len(became),
        "marked": len(field.marked),
        "found": sum(named.get(name) == member for name, member in field.marked.items()),
        "wrongly named": sum(field.marked.get(name) != member for name, member in named.items()),
        **right,
        **{f"{kind} there": len(getattr(field, kind)) for kind in kinds},
    }


def _hands(folder: Path) -> dict[str, Any]:
    """Time the same files with one and two processes, of this machine and of a cluster."""
    clips, key = folder / "clips", folder / "studio.key"
    clips.mkdir()
    if not key.exists():
        KEY.save(key)
    for number in range(CLIPS):
        video(clips / f"{number}.mp4", film(50, 480, 272, seed=1000 + number))
    words = [clips, "--once", "--key", key, "--full", "none"]
    walls: dict[str, list[float]] = {}
    with ExitStack() as stack:
        addresses = {count: stack.enter_context(_cluster(folder / f"cluster {count}", count)) for count in (1, 2)}
        ways = {f"{count} local": ["--workers", str(count)] for count in (1, 2)}
        ways |= {f"{count} cluster": ["--cluster", address] for count, address in addresses.items()}
        for repeat in range(REPEATS):
            for name, way in ways.items():
                began = time.monotonic()
                run(*words, *way, "--state", folder / f"{name} {repeat}.db", expected=1)
                walls.setdefault(name, []).append(time.monotonic() - began)
        with local(1) as here, cluster(addresses[1]) as there:
            sent = {"local": _per_job(here, key), "cluster": _per_job(there, key)}
    busy = sum(cpu for (cpu,) in rows(folder / "1 local 0.db", "SELECT cpu FROM contents"))
    return {"files": CLIPS, "cpu": busy, "walls": {name: min(each) for name, each in walls.items()}, "job": sent}


def _per_job(hands: Hands, file: Path) -> float:
    """Seconds that a job takes in which next to nothing is done."""
    job = Take(str(file), Limits())
    hands.submit(job).result()
    began = time.monotonic()
    for future in [hands.submit(job) for _ in range(JOBS)]:
        future.result()
    return (time.monotonic() - began) / JOBS


def _clips(folder: Path) -> dict[str, Any]:
    """Seconds of processor time of a look at a real clip, at each effort."""
    key = folder / "studio.key"
    if not key.exists():
        KEY.save(key)
    frames = bunny(132)
    marked = mark(frames, KEY, Payload(88, 4711))
    files = {
        "no mark": video(folder / "no mark.mp4", frames, crf=26),
        "marked": video(folder / "marked.mp4", marked, crf=26),
    }
    keeper, looks = Keeper(), []
    try:
        for name, file in files.items():
            for effort in (None, "fast", "normal", "max"):
                job = Look(str(file), stamp_of(file.stat()), (str(key),), effort, 32, _LARGE)
                ended = [keeper.ask(job) for _ in range(3 if effort in (None, "fast") else 1)]
                best = min((each for each in ended if each is not None), key=lambda each: each.cpu)
                outcome = best.report["outcome"] if best.report else best.why
                looks.append(
                    {"clip": name, "effort": effort, "cpu": best.cpu, "memory": best.memory, "outcome": outcome}
                )
    finally:
        keeper.close()
    size = f"{frames[0].width}x{frames[0].height}"
    return {"clip": f"Big Buck Bunny, {size}, {len(frames) / 25:.1f} s, H.264", "looks": looks}


def _fingerprints(_: Path) -> dict[str, Any]:
    return {**shortlist(), "library": library_speed()}


@contextmanager
def _cluster(folder: Path, count: int) -> Iterator[str]:
    """Start a cluster, and wait until it is complete."""
    folder.mkdir()
    with dask(folder, count) as (address, _):
        with cluster(address) as hands:
            while hands.count() < count:
                time.sleep(1)
        yield address


def _until_finished(state: Path, count: int, patrol: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while finished(state) < count and patrol.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


if __name__ == "__main__":
    main()
