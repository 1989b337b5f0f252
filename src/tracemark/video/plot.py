"""Draw what a decode saw: the leak with the host's outline, the evidence over the picture and over time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.errors import MediaError, TracemarkError
from tracemark.frames import quarter_turns
from tracemark.video.atomic import written_whole
from tracemark.video.errors import unwritable
from tracemark.video.pixels import convert
from tracemark.video.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.typing import HashableList
    from numpy.typing import NDArray

    from tracemark.recovery import Decoding
    from tracemark.recovery.verdict import Member, Places, Trace

SUFFIXES = (".png", ".svg", ".pdf")
"""Kinds of drawing."""

COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2")
"""One a member, in turn: they stay apart for colour-blind readers, too (Okabe and Ito 2008)."""

PILOT_COLOUR = "#777777"

PICTURE_SIDE = 1280
"""Longest side of the picture in a drawing, in pixels."""

LATEST = 10.0
"""Seconds of a leak that are read at most to get at a frame to draw."""

BESIDE = 0.6
"""Widths and heights of the leak that are shown beside it at most, where the host goes on."""

MARGIN = 0.015
"""The same that is always shown, so that a line along the edge can be seen."""

LABEL = 0.08
"""Heights of the leak between two labels."""

WIDTH, PICTURES, TIMES = 12.0, 5.0, 3.0
"""Width of a drawing, height of its pictures, and of its evidence over time, in inches."""

DOTS = 110
"""Dots an inch."""


@dataclass(frozen=True)
class Labels:
    """Words in a drawing.

    Parameters
    ----------
    member : str
        With ``{session}`` and ``{member}``.
    pilot, seconds, deviations : str
        The pilot's name, and those of the axes of evidence over time.
    """

    member: str = "session {session}, member {member}"
    pilot: str = "pilot"
    seconds: str = "seconds of the leak"
    deviations: str = "deviations of chance"

    def of(self, member: Member) -> str:
        """Name a member."""
        return self.member.format(session=member.payload.session, member=member.payload.member)


ENGLISH = Labels()


def check_drawing(target: Path) -> None:
    """See that a drawing can be made before any work is done for it.

    Parameters
    ----------
    target : Path

    Raises
    ------
    MediaError
        If its suffix is none of `SUFFIXES`, it exists already, or its folder does not.
    TracemarkError
        If matplotlib is not installed.
    """
    if target.suffix.lower() not in SUFFIXES:
        raise MediaError(f"{target}: a drawing is a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file", "rename it")
    if os.path.lexists(target):
        raise MediaError(f"{target} exists already", "tracemark never overwrites: choose another name, or remove it")
    if not target.parent.is_dir():
        raise MediaError(f"the folder {target.parent} does not exist", "make it first, or check the name")
    if find_spec("matplotlib") is None:
        raise TracemarkError("drawings need matplotlib", "pip install 'tracemark[plot]', or leave --plot out")


def draw(leak: str | Path, decoding: Decoding, target: str | Path) -> None:
    """Draw a decode.

    What the decoding has no data for is left out.

    Parameters
    ----------
    leak : str or Path
        The file that was decoded, for a frame of it.
    decoding : Decoding
    target : str or Path
        File to write, of a suffix in `SUFFIXES`; must not exist.

    Raises
    ------
    MediaError
        If the leak cannot be read or the target not be written.
    TracemarkError
        If matplotlib is not installed.
    """
    leak, target = Path(leak), Path(target)
    check_drawing(target)
    # here, because it takes a second to load and is an optional dependency
    from matplotlib.figure import Figure  # noqa: PLC0415

    picture, shape = shot(leak, moment_of(decoding))
    chart = decoding.chart
    places = chart.places if chart else ()
    traces = [trace for trace in chart.traces if trace.times] if chart else []
    figure = Figure(figsize=(WIDTH, PICTURES + (TIMES if traces else 0)), dpi=DOTS, layout="constrained")
    rows: list[HashableList[str]] = [["leak", "places" if places else "leak"]]
    rows += [["times", "times"]] if traces else []
    axes = figure.subplot_mosaic(rows, height_ratios=[PICTURES, TIMES] if traces else [1])
    figure.suptitle(f"{leak.name}: {decoding.verdict}, p_false {decoding.p_false:.2g}".replace("$", r"\$"))
    draw_picture(axes["leak"], picture, shape, decoding)
    axes["leak"].set_title("where the mark lies" if decoding.members else "the leak")
    draw_outlines(axes["leak"], decoding)
    if places:
        draw_picture(axes["places"], picture, shape, decoding)
        axes["places"].set_title("evidence over the picture: the pilot's answer")
        for each in places:
            draw_places(axes["places"], each)
    if traces:
        axes["times"].set_title("evidence over time")
        draw_times(axes["times"], traces, decoding.members)
    with written_whole(target) as temporary:
        try:
            figure.savefig(temporary, format=target.suffix[1:].lower())
        except OSError as error:
            raise unwritable(target, error) from error


def moment_of(decoding: Decoding) -> float:
    """Tell the second of a leak whose frame is drawn.

    Parameters
    ----------
    decoding : Decoding

    Returns
    -------
    float
    """
    named = decoding.named
    return min((named.start + named.end) / 2, LATEST) if named else 0.0


def shot(leak: Path, moment: float) -> tuple[NDArray[np.uint8], float]:
    """Take a frame at or shortly after a moment, as it is displayed.

    Parameters
    ----------
    leak : Path
    moment : float
        In seconds.

    Returns
    -------
    picture : ndarray of uint8, shape (height, width, 3)
        RGB, at most `PICTURE_SIDE` long.
    ratio : float
        Displayed height over width.

    Raises
    ------
    MediaError
        If the leak cannot be read.
    """
    with Source(leak) as opened:
        first: float | None = None
        for frame in opened.frames():
            time = float(frame.time or 0)
            first = time if first is None else first
            shown = frame
            if time - first >= moment:
                break
        aspect = float(opened.pixel_aspect)
    pixels = np.rot90(convert(shown, "rgb24").to_ndarray(), quarter_turns(shown))
    height, width = shown.height / aspect, shown.width
    ratio = height / width if quarter_turns(shown) % 2 == 0 else width / height
    shrink = min(1.0, PICTURE_SIDE / max(pixels.shape))
    size = max(round(pixels.shape[1] * shrink), 1), max(round(pixels.shape[0] * shrink), 1)
    small = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), ratio


def draw_picture(axes: Axes, picture: NDArray[np.uint8], ratio: float, decoding: Decoding) -> None:
    """Show the leak from 0 to 1 both ways, with room for hosts that go on beside it.

    Parameters
    ----------
    axes : Axes
    picture, ratio
        See `shot`.
    decoding : Decoding
    """
    axes.imshow(picture, extent=(0, 1, 1, 0), aspect=ratio, interpolation="antialiased")
    corners = np.array([[0, 0], [1, 1], *(corner for each in decoding.members for corner in each.geometry.outline)])
    corners = np.clip(np.nan_to_num(corners, nan=0.5), -BESIDE, 1 + BESIDE)
    axes.set_xlim(corners[:, 0].min() - MARGIN, corners[:, 0].max() + MARGIN)
    axes.set_ylim(corners[:, 1].max() + MARGIN, corners[:, 1].min() - MARGIN)
    axes.set_facecolor("#dddddd")
    axes.set_xticks([])
    axes.set_yticks([])


def draw_outlines(axes: Axes, decoding: Decoding, labels: Labels = ENGLISH) -> None:
    """Draw the outline of everyone's picture over the leak, and whose it is.

    Parameters
    ----------
    axes : Axes
        See `draw_picture`.
    decoding : Decoding
    labels : Labels, optional
    """
    for number, member in enumerate(decoding.members):
        corners = np.array(member.geometry.outline)
        if not np.isfinite(corners).all():
            continue
        colour = COLOURS[number % len(COLOURS)]
        ring = np.concatenate([corners, corners[:1]])
        axes.plot(*ring.T, color="black", linewidth=4, alpha=0.5, clip_on=True)
        axes.plot(*ring.T, color=colour, linewidth=2, clip_on=True)
        axes.fill(*corners.T, color=colour, alpha=0.12)
        # several hosts of one outline keep their labels apart
        x, y = np.clip(corners, 0.05, 0.95).mean(axis=0)
        y += LABEL * (number - (len(decoding.members) - 1) / 2)
        box = {"facecolor": "black", "alpha": 0.6, "edgecolor": colour}
        axes.text(x, y, labels.of(member), color="white", ha="center", va="center", clip_on=True, bbox=box)


def draw_places(axes: Axes, places: Places) -> None:
    """Lay the pilot's answers over the leak, cell by cell.

    Parameters
    ----------
    axes : Axes
        See `draw_picture`.
    places : Places
    """
    rows, columns = places.gains.shape
    across, down = np.meshgrid(np.arange(columns + 1) / columns, np.arange(rows + 1) / rows)
    matrix = np.array(places.matrix)
    seen = np.tensordot(matrix, np.stack([across, down, np.ones_like(across)]), 1)
    depth = seen[2] * np.sign(matrix[2] @ [0.5, 0.5, 1])
    behind = depth < 1e-3  # beyond the horizon of a steep view
    seen = seen[:2] / np.where(behind, 1, seen[2])
    seen[:, behind] = 0
    gains = np.array(places.gains, np.float64)
    gains[behind[1:, 1:] | behind[:-1, 1:] | behind[1:, :-1] | behind[:-1, :-1]] = np.nan
    if not np.isfinite(gains).any():
        return
    most = float(np.nanpercentile(gains, 99))
    mesh = axes.pcolormesh(
        seen[0], seen[1], np.ma.masked_invalid(gains), vmin=0, vmax=max(most, 1e-9), cmap="inferno", alpha=0.6
    )
    mesh.set_rasterized(True)


def draw_times(axes: Axes, traces: Sequence[Trace], members: Sequence[Member], labels: Labels = ENGLISH) -> None:
    """Draw evidence over time.

    Parameters
    ----------
    axes : Axes
    traces : sequence of Trace
    members : sequence of Member
    labels : Labels, optional
    """
    for number, member in enumerate(members):
        axes.axvspan(member.start, member.end, color=COLOURS[number % len(COLOURS)], alpha=0.1)
    for trace in traces:
        colour, label = PILOT_COLOUR, labels.pilot
        if trace.member is not None:
            colour, label = COLOURS[trace.member % len(COLOURS)], labels.of(members[trace.member])
        axes.plot(trace.times, trace.scores, color=colour, label=label, marker=".", linewidth=1.5)
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_xlabel(labels.seconds)
    axes.set_ylabel(labels.deviations)
    axes.legend(loc="upper right")
