"""Time `benchmarks/test_live.py` and `benchmarks/test_ways.py`, and write docs/benchmarks.md with its plot.

    python -m benchmarks.live_page

The clock is the process' own time, so that whatever else the machine has to do is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.markdown import table
from benchmarks.runner import how_made
from benchmarks.test_live import HELD
from benchmarks.timing import FULL_HD, HD, VIEWERS, group, pictures
from benchmarks.workshop import RIGHT_KEY
from tracemark.embedder import Embedder
from tracemark.errors import TracemarkError
from tracemark.payload import Payload

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUSE = Path(__file__).parents[1]
TIMED = "benchmarks/test_live.py", "benchmarks/test_ways.py"
FRAME_RATE = 30
TENFOLD = 10
ROOM = 256 * 1024
"""Bytes that a viewer may take beside their frame."""


@dataclass(frozen=True)
class Measured:
    """One thing that was timed.

    Parameters
    ----------
    group, name : str
    least, median, p99 : float
        Milliseconds.
    rounds : int
    """

    group: str
    name: str
    least: float
    median: float
    p99: float
    rounds: int

    @classmethod
    def of(cls, made: dict[str, Any]) -> Measured:
        """Read what pytest-benchmark wrote."""
        data = np.array(made["stats"]["data"]) * 1000 / made["extra_info"].get("frames", 1)
        least, median, p99 = float(data.min()), float(np.median(data)), float(np.percentile(data, 99))
        return cls(made["group"], made["name"], least, median, p99, len(data))


@dataclass(frozen=True)
class Bar:
    """One line of what must show."""

    what: str
    bar: str
    aim: str
    measured: str
    holds: bool


def timed() -> list[Measured]:
    """Run the benchmarks.

    Raises
    ------
    TracemarkError
        If one fails.
    """
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        kept = Path(folder, "run.json")
        command = [sys.executable, "-m", "pytest", "-q", "-n0", *TIMED, "--benchmark-enable"]
        command += ["--benchmark-only", "--benchmark-timer=time.process_time", "--benchmark-save-data"]
        command += ["--benchmark-min-rounds=20", f"--benchmark-json={kept}", "--benchmark-quiet"]
        one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
        path = os.pathsep.join([str(HOUSE / "src"), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(command, cwd=HOUSE, env=os.environ | one | {"PYTHONPATH": path}, check=False)
        if done.returncode:
            raise TracemarkError("a benchmark failed")
        made = json.loads(kept.read_text(encoding="utf-8"))
    return [Measured.of(each) for each in made["benchmarks"]]


def viewer_bytes() -> tuple[int, int]:
    """Measure what one more viewer of 1920x1080 takes, and the size of the planes that carry the mark."""
    embedder = Embedder(RIGHT_KEY)
    prepared = embedder.prepare(pictures(FULL_HD)[0])
    held = [embedder.viewer(Payload(88, 1)).mark(prepared)]
    tracemalloc.start()
    viewer = embedder.viewer(Payload(88, 2))
    held.append(viewer.mark(prepared))
    beside, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    loan, _ = prepared.stage.copies.lend()  # pooled memory is the system's own, and not traced
    return beside + loan.nbytes, FULL_HD[0] * FULL_HD[1] * 3 // 2


def bars(found: dict[tuple[str, str], Measured], memory: tuple[int, int]) -> list[Bar]:
    """Hold what was measured against what must show."""

    def of(what: str, size: tuple[int, int], name: str) -> Measured:
        return found[group(what, size), name]

    made = []
    for held, where in ((HELD, f"each into memory of its own ({HELD} in turn)"), (1, "over and over into the same")):
        mark, copy = (of(f"mark, {held} held,", FULL_HD, name) for name in ("tracemark mark", "copy of the planes"))
        ratio = mark.least / copy.least
        made.append(Bar(f"`mark` of one more viewer, {where}", "2.0 copies", "1.3", f"{ratio:.2f}", ratio <= 2))
    prepare = of("prepare", FULL_HD, "tracemark prepare")
    made.append(Bar("`prepare`", "5 ms", "2.5 ms", f"{prepare.least:.2f} ms", prepare.least <= 5))
    ways = {
        "frames let go": ("one by one, each frame let go before the next", "let go"),
        "frames held": ("one by one, each holding on to theirs", "held"),
        "at once": ("all at once (`mark_all`)", "held"),
    }
    for chroma, (name, (how, beside)) in product(("marked", "shared"), ways.items()):
        crowd = of(f"{VIEWERS} viewers", HD, f"tracemark, chroma {chroma}, {name}")
        share, copies = (
            each.median * FRAME_RATE / 1000
            for each in (crowd, of(f"{VIEWERS} viewers", HD, f"copies of the planes, {beside}"))
        )
        what = f"{VIEWERS} viewers, 720p, {FRAME_RATE} frames/s, marking only, chroma {chroma}, {how}"
        told = f"{share:.0%} (as many plain copies {copies:.0%})"
        made.append(Bar(what, "60% of a core", "", told, share <= 0.6))
    more = memory[0] - memory[1]
    made.append(
        Bar("memory per further viewer", "planes + 256 KiB", "", f"planes + {more / 1024:.0f} KiB", more <= ROOM)
    )
    latency = of("one viewer", HD, "tracemark prepare and mark")  # as in a server, where others may come
    made.append(Bar("latency added, p99, 1 viewer 720p", "5 ms", "", f"{latency.p99:.2f} ms", latency.p99 <= 5))
    own = of("one viewer", FULL_HD, "tracemark for one viewer")
    peer = found.get((group("one viewer", FULL_HD), "invisible-watermark dwtDct"))
    if peer:
        times = peer.least / own.least
        made.append(
            Bar(
                "against dwtDct of invisible-watermark, one viewer",
                "50 times faster",
                "",
                f"{times:.0f} times",
                times >= 50,
            )
        )
    part = own.least / of("one viewer", FULL_HD, "x264 ultrafast").least
    made.append(Bar("against x264 ultrafast, one viewer", "half of its time", "", f"{part:.2f} of it", part <= 0.5))
    return made


def draw(every: list[Measured], target: Path) -> None:
    """Draw the groups that compare something, each on its own scale: of tenfolds where it spans more than one."""
    names = [each.group for each in every]
    groups = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    heights = [sum(each.group == name for each in every) for name in groups]
    figure = Figure(figsize=(9, 0.42 * sum(heights) + 0.75 * len(groups)), layout="constrained")
    rows = figure.subplots(len(groups), 1, height_ratios=[height + 0.6 for height in heights])
    for axes, name in zip(np.atleast_1d(rows), groups, strict=True):
        members = sorted((each for each in every if each.group == name), key=lambda each: each.least)
        for place, each in enumerate(members):
            own = each.name.startswith("tracemark")
            axes.barh(place, each.least, color="tab:orange" if own else "tab:gray")
            axes.annotate(f" {each.least:.3g}", (each.least, place), va="center", fontsize=8)
        axes.set_yticks(range(len(members)), [each.name for each in members], fontsize=8)
        axes.set_title(f"{name}, ms", fontsize=9, loc="left")
        if members[-1].least > TENFOLD * members[0].least:
            axes.set_xscale("log")
        axes.margins(x=0.15)
        axes.invert_yaxis()
        axes.tick_params(axis="x", labelsize=7)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=110)


def page(every: list[Measured], lines: list[Bar], given: Sequence[str]) -> str:
    """Write the page."""
    made = how_made("benchmarks.live_page", given)
    held = [(line.what, line.bar, line.aim, line.measured if line.holds else f"**{line.measured}**") for line in lines]
    parts = [
        "# How fast it is",
        "",
        "One core, milliseconds of the process' own time, Big Buck Bunny brought to each size; peers on the same",
        f"frames in the same run. Written by `{made['command']}` ({made['libraries']}; {made['machine']}).",
        "",
        "## What must show",
        "",
        table(("at 1920x1080 yuv420p unless said otherwise", "bar", "aim", "measured"), held),
        "",
        "What misses its bar is bold; docs/decisions/0055, 0058 and 0059 say why. Ratios are of the least times: they",
        "say what the work takes; the medians below, what the machine made of it while it did other things, too.",
        "",
        "![Times of all groups](img/benchmarks.png)",
    ]
    for name in dict.fromkeys(each.group for each in every):
        members = sorted((each for each in every if each.group == name), key=lambda each: each.least)
        rows = [
            (each.name, f"{each.least:.3f}", f"{each.median:.3f}", f"{each.p99:.3f}", str(each.rounds))
            for each in members
        ]
        parts += ["", f"## {name}", "", table(("ms", "least", "median", "p99", "rounds"), rows)]
    return "\n".join([*parts, ""])


def main(given: Sequence[str] | None = None) -> None:
    """Measure, and write the page and its plot."""
    given = sys.argv[1:] if given is None else given
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live_page", description="How fast marking is.")
    parser.add_argument("--docs", type=Path, default=HOUSE / "docs", help="folder of the page")
    asked = parser.parse_args(given)
    every = timed()
    lines = bars({(each.group, each.name): each for each in every}, viewer_bytes())
    draw(every, asked.docs / "img" / "benchmarks.png")
    (asked.docs / "benchmarks.md").write_text(page(every, lines, given), encoding="utf-8")


if __name__ == "__main__":
    main()
