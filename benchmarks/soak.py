"""A long live stream: viewers come and go, the picture changes its size, time stamps jump. Writes docs/soak.md.

    python -m benchmarks.soak --seconds 600

One source is marked for a crowd, a frame from several threads and the next for all at once; each viewer holds on to
their latest frame as a sender does.
Every frame of every viewer is checked to be marked and to keep what it must keep. Now and then a viewer is recorded
for a few seconds: the recording must name that viewer, and its twin under a wrong key must be absent.
"""

from __future__ import annotations

import argparse
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from rich.console import Console
from rich.progress import Progress

from benchmarks.markdown import table
from benchmarks.runner import how_made
from benchmarks.workshop import RIGHT_KEY, WRONG_KEY
from tracemark.demo.clip import bundled_clip
from tracemark.embedder import Embedder, Fallback, Policy
from tracemark.frames import layout_of, planes
from tracemark.payload import Payload
from tracemark.recovery import Recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracemark.embedder import Viewer

SESSION = 88
TIME_BASE = Fraction(1, 90_000)
PICTURES = 24
"""Pictures of each shape; they are shown to and fro, so that there is no cut in a recording."""

CHECKED_ROWS = 16
"""Of so many rows one is looked at, whether it is marked."""

LEAST_CHANGED = 0.05
"""Share of luma samples that differ from the host in a marked frame; in the worst one seen it is about 0.2."""

LEAST_FRAMES = 10
"""Frames that a recording has at least, however few came in time."""

FLAT = 0.05
"""Share that memory may grow by."""


@dataclass(frozen=True)
class Plan:
    """What is to happen.

    Parameters
    ----------
    seconds : float
        Length of the stream.
    viewers : int
        Size of the crowd, which stays: for each that leaves another joins.
    shapes : tuple of tuple
        Width, height and pixel format that the source takes in turn.
    rate : int
        Frames a second.
    stay : float
        Mean seconds that a viewer stays.
    change, jump : float
        Mean seconds between changes of shape, and between jumps of the time stamps.
    record : float
        Seconds that a recording lasts.
    period : float
        Seconds over which the peak of memory is taken.
    threads : int
        Threads that mark.
    paced : bool
        Whether frames come in real time, those skipped that are late, or all of them as fast as may be.
    budget : float or None
        Milliseconds a frame that preparing may take; see `Policy`.
    """

    seconds: float = 600.0
    viewers: int = 50
    shapes: tuple[tuple[int, int, str], ...] = ((1280, 720, "yuv420p"), (640, 360, "nv12"), (854, 480, "yuv420p"))
    rate: int = 25
    stay: float = 20.0
    change: float = 12.0
    jump: float = 9.0
    record: float = 3.0
    period: float = 60.0
    threads: int = 2
    paced: bool = True
    budget: float | None = None


@dataclass
class Log:
    """What happened."""

    frames: int = 0
    copies: int = 0
    joined: int = 0
    changes: int = 0
    jumps: int = 0
    unmarked: int = 0
    spoiled: int = 0
    recorded: int = 0
    right: int = 0
    twins_absent: int = 0
    memory: list[float] = field(default_factory=list)
    seconds: float = 0.0
    skipped: int = 0
    counts: str = ""

    @property
    def growth(self) -> float:
        """Growth of the peak of memory, from the second period to the highest one after it; 0 if there are none."""
        settled = self.memory[1:]
        return max(settled) / settled[0] - 1 if len(settled) > 1 else 0.0


class Crowd:
    """The source, its embedder, and those who watch.

    Parameters
    ----------
    plan : Plan
    seed : int
        Of the chance that everything happens by.
    """

    def __init__(self, plan: Plan, seed: int) -> None:
        self.log = Log()
        self._plan = plan
        self._chance = np.random.default_rng(seed)
        self._embedder = Embedder(RIGHT_KEY, policy=Policy(plan.budget, slow=Fallback.LAST, failed=Fallback.LAST))
        self._pictures = [_pictures(*shape) for shape in plan.shapes]
        self._shape = 0
        self._start = 0
        self._number, self._passed = 0, 0.0
        self._members = 0
        self._viewers: dict[int, Viewer] = {}
        self._held: dict[int, av.VideoFrame] = {}
        self._recording: _Recording | None = None
        for _ in range(plan.viewers):
            self._join()

    def _join(self) -> None:
        self._members += 1
        self._viewers[self._members] = self._embedder.viewer(Payload(SESSION, self._members))
        self.log.joined += 1

    def _happens(self, mean_seconds: float) -> bool:
        return bool(self._chance.random() < 1 - np.exp(-self._passed / mean_seconds))

    def step(self, pool: ThreadPoolExecutor, number: int) -> None:
        """Show the frame of a number to everybody."""
        plan, log = self._plan, self.log
        self._passed, self._number = (number - self._number) / plan.rate, number
        if self._happens(plan.change):
            self._shape = (self._shape + 1) % len(plan.shapes)
            log.changes += 1
            self._recording = None
        if self._happens(plan.jump):
            self._start = int(self._chance.integers(0, 86_400 * 90_000))
            log.jumps += 1
            self._recording = None
        for member in [member for member in self._viewers if self._happens(plan.stay)]:
            if self._recording and self._recording.member == member:
                continue
            del self._viewers[member]
            self._held.pop(member, None)
            self._join()
        pictures = self._pictures[self._shape]
        picture = pictures[abs(number % (2 * PICTURES) - PICTURES + 1) % PICTURES]
        picture.pts, picture.time_base = self._start + number * (90_000 // plan.rate), TIME_BASE
        prepared = self._embedder.prepare(picture)
        members, viewers = list(self._viewers), list(self._viewers.values())
        if log.frames % 2:
            made = iter(self._embedder.mark_all(prepared, viewers))
        else:
            made = pool.map(lambda viewer: viewer.mark(prepared), viewers)
        for member, frame in zip(members, made, strict=True):
            assert isinstance(frame, av.VideoFrame)
            log.copies += 1
            log.unmarked += not _marked(frame, picture)
            log.spoiled += not _kept(frame, picture)
            self._held[member] = frame
        log.frames += 1
        self._record()

    def _record(self) -> None:
        if self._recording is None:
            self._recording = _Recording(int(self._chance.choice(list(self._viewers))))
        recording = self._recording
        recording.add(self._held[recording.member])
        if recording.seconds < self._plan.record or recording.frames < LEAST_FRAMES:
            return
        self._recording = None
        right, absent = recording.finish()
        self.log.recorded += 1
        self.log.right += right
        self.log.twins_absent += absent

    def note(self, peak: float) -> None:
        """Note the memory of a period, and what the embedder has counted."""
        self.log.memory.append(peak)
        self.log.counts = str(self._embedder.counts)


class _Recording:
    """What a viewer records of their screen, and what comes out of it."""

    def __init__(self, member: int) -> None:
        self.member = member
        self._right = Recovery((RIGHT_KEY,), effort="fast")
        self._twin = Recovery((WRONG_KEY,), effort="fast")
        self._start: Fraction | None = None
        self.seconds = 0.0
        self.frames = 0

    def add(self, frame: av.VideoFrame) -> None:
        assert frame.pts is not None
        time = frame.pts * TIME_BASE
        self._start = time if self._start is None else self._start
        self.seconds = float(time - self._start)
        self.frames += 1
        self._right.add(frame, self.seconds)
        self._twin.add(frame, self.seconds)

    def finish(self) -> tuple[bool, bool]:
        decoding, twin = self._right.finish(), self._twin.finish()
        return decoding.payload == Payload(SESSION, self.member), twin.verdict == "absent"


def _pictures(width: int, height: int, name: str) -> list[av.VideoFrame]:
    with av.open(str(bundled_clip())) as container:
        frames = zip(container.decode(video=0), range(PICTURES), strict=False)
        return [frame.reformat(width=width, height=height, format=name) for frame, _ in frames]


def _marked(frame: av.VideoFrame, host: av.VideoFrame) -> bool:
    one, other = (planes(each, layout_of(each))[0][::CHECKED_ROWS] for each in (frame, host))
    return bool(np.mean(one != other) >= LEAST_CHANGED)


def _kept(frame: av.VideoFrame, host: av.VideoFrame) -> bool:
    names = ("pts", "time_base", "width", "height", "color_range", "colorspace", "color_primaries", "color_trc")
    return frame.format.name == host.format.name and all(getattr(frame, n) == getattr(host, n) for n in names)


def resident() -> float:
    """Memory of this process that is in use, MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def run(plan: Plan, *, seed: int = 1, progress: Callable[[float], None] = lambda _: None) -> Log:
    """Let it all happen.

    Parameters
    ----------
    plan : Plan
    seed : int
    progress : callable
        Called with the seconds of the stream that have gone by.

    Returns
    -------
    Log
    """
    crowd = Crowd(plan, seed)
    begin = perf_counter()
    peak = 0.0
    number, periods = 0, 1
    with ThreadPoolExecutor(plan.threads) as pool:
        while number < plan.seconds * plan.rate:
            crowd.step(pool, number)
            peak = max(peak, resident())
            number += 1
            if plan.paced:
                behind = int((perf_counter() - begin) * plan.rate) - number
                crowd.log.skipped += max(0, behind)
                number += max(0, behind)
                sleep(max(0.0, begin + number / plan.rate - perf_counter()))
            if number >= periods * plan.period * plan.rate:
                crowd.note(peak)
                peak = 0.0
                periods += 1
            progress(number / plan.rate)
    crowd.log.seconds = perf_counter() - begin
    return crowd.log


def page(plan: Plan, log: Log, given: Sequence[str]) -> str:
    """Write the page."""
    made = how_made("benchmarks.soak", given)
    rows = [
        ("length", f"{log.seconds:.0f} s", ""),
        ("frames, and copies of them for viewers", f"{log.frames}, {log.copies}", ""),
        ("viewers at a time, and all that came", f"{plan.viewers}, {log.joined}", ""),
        ("changes of size or format", str(log.changes), ""),
        ("jumps of the time stamps", str(log.jumps), ""),
        ("frames unmarked", str(log.unmarked), "0"),
        ("frames with wrong time stamp, size, format or colour metadata", str(log.spoiled), "0"),
        ("recordings that named their viewer", f"{log.right} of {log.recorded}", "all"),
        ("their twins under a wrong key that were absent", f"{log.twins_absent} of {log.recorded}", "all"),
        ("growth of memory", f"{log.growth:.1%}", f"at most {FLAT:.0%}"),
    ]
    shapes = ", ".join(f"{width}x{height} {name}" for width, height, name in plan.shapes)
    memory = ", ".join(f"{peak:.0f}" for peak in log.memory)
    return "\n".join(
        [
            "# A soak",
            "",
            f"A source at {plan.rate} frames/s, in turn {shapes}, marked for {plan.viewers} viewers",
            f"by {plan.threads} threads, and every second frame for all at once. A viewer stays {plan.stay:g} s",
            f"on average; every {plan.change:g} s on average",
            f"the shape changes, every {plan.jump:g} s the time stamps jump to anywhere in a day.",
            f"Written by `{made['command']}` ({made['libraries']}; {made['machine']}).",
            "",
            table(("what", "measured", "must be"), rows),
            "",
            f"Peak of the process' memory, each {plan.period:g} s, MiB: {memory}.",
            "Growth is counted from the second one on.",
            f"The embedder's own counts: `{log.counts}`.",
            f"Frames skipped, because the machine had other things to do when they were due: {log.skipped}.",
            "",
        ]
    )


def main(given: Sequence[str] | None = None) -> None:
    """Run, and write the page."""
    given = sys.argv[1:] if given is None else given
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="A long live stream.")
    parser.add_argument("--seconds", type=float, default=Plan.seconds)
    parser.add_argument("--viewers", type=int, default=Plan.viewers)
    parser.add_argument("--period", type=float, default=Plan.period, help="seconds over which the peak is taken")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    asked = parser.parse_args(given)
    cv2.setNumThreads(1)
    plan = Plan(seconds=asked.seconds, viewers=asked.viewers, period=asked.period)
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("streaming", total=plan.seconds)
        log = run(plan, seed=asked.seed, progress=lambda done: progress.update(bar, completed=done))
    asked.docs.mkdir(parents=True, exist_ok=True)
    (asked.docs / "soak.md").write_text(page(plan, log, given), encoding="utf-8")


if __name__ == "__main__":
    main()
