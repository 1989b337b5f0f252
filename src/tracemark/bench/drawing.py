"""The measurement as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tracemark.video import check_drawing
from tracemark.video.atomic import written_whole

if TYPE_CHECKING:
    from tracemark.bench.measuring import Bench


def draw_bench(bench: Bench, target: Path) -> None:
    """Draw the times of a frame, on a scale of tenfolds.

    Parameters
    ----------
    bench : Bench
    target : Path
        A .png, .svg or .pdf file that does not exist yet.

    Raises
    ------
    MediaError
        If the file cannot be written.
    TracemarkError
        If matplotlib is not installed.
    """
    check_drawing(target)
    from matplotlib.figure import Figure  # noqa: PLC0415 - matplotlib is an extra, and slow to import

    names = ("copy", "mark", "prepare", "latency", "encode", "end_to_end")
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    for place, name in enumerate(names):
        taken = getattr(bench, name)
        axes.barh(place, taken.median, color="tab:orange" if name in {"mark", "prepare", "latency"} else "tab:gray")
        axes.plot([taken.median, taken.p99], [place, place], color="black", linewidth=1)
        axes.annotate(f" {taken.median:.3g}", (taken.p99, place), va="center", fontsize=9)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_xlabel("ms a frame, one core; bar: median, line: to p99")
    axes.set_title(f"{bench.clip}: {bench.width}x{bench.height} {bench.format}, {bench.viewers} viewers", fontsize=10)
    with written_whole(target) as temporary:
        figure.savefig(temporary, format=target.suffix[1:], dpi=120)
