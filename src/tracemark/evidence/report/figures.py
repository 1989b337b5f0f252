"""The pictures of a report."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tracemark.evidence.report import difference
from tracemark.evidence.report.findings import Findings
from tracemark.evidence.report.fonts import FAMILY, font_files
from tracemark.evidence.report.words import Words, words
from tracemark.remarks import Language
from tracemark.video import plot

DOTS = 160
"""Dots an inch."""

WIDTH, TALLEST, TIMES = 6.5, 6.0, 2.0
"""Width of the pictures and most height, and height of the evidence over time, in inches."""

LEGEND = 0.3
"""Room over the evidence for the legend, as a share of what the evidence takes."""

TITLE = 0.24
"""Height of a panel's title, in inches."""

JPEG_QUALITY = 88


@dataclass(frozen=True)
class DrawnDifference:
    """The difference picture, or why there is none.

    Parameters
    ----------
    picture : bytes or None
        JPEG.
    time, match : float
        See `tracemark.evidence.report.difference.Difference`.
    gain : float
    """

    picture: bytes | None
    time: float
    match: float
    gain: float


@dataclass(frozen=True)
class Drawn:
    """All pictures of a report.

    Parameters
    ----------
    moment : float
        Second of the leak that is shown.
    outline : bytes
        JPEG.
    places : bytes or None
        JPEG; None where there is no evidence over the picture.
    times : bytes or None
        PNG.
    difference : DrawnDifference or None
        None where no original was given.
    """

    moment: float
    outline: bytes
    places: bytes | None
    times: bytes | None
    difference: DrawnDifference | None


def draw(findings: Findings, language: Language) -> Drawn:
    """Draw the pictures of a report.

    Parameters
    ----------
    findings : Findings
    language : {'en', 'ja'}

    Returns
    -------
    Drawn

    Raises
    ------
    MediaError
        If the leak or the original cannot be read.
    """
    for path in font_files().values():
        font_manager.fontManager.addfont(path)
    say, decoding = words(language), findings.decoding
    moment = plot.moment_of(decoding)
    picture, ratio = plot.shot(findings.leak, moment)
    chart = decoding.chart
    traces = [trace for trace in chart.traces if trace.times] if chart else []
    places = chart.places if chart else ()

    def leaked(figure: Figure) -> Axes:
        axes: Axes = figure.subplots()
        plot.draw_picture(axes, picture, ratio, decoding)
        axes.spines[:].set_visible(False)
        return axes

    def outline(figure: Figure) -> None:
        plot.draw_outlines(leaked(figure), decoding, say.labels)

    def over_picture(figure: Figure) -> None:
        axes = leaked(figure)
        for each in places:
            plot.draw_places(axes, each)

    def over_time(figure: Figure) -> None:
        axes = figure.subplots()
        plot.draw_times(axes, traces, decoding.members, say.labels)
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top + LEGEND * (top - bottom))
        axes.spines[["top", "right"]].set_visible(False)

    size = (WIDTH, min(WIDTH * ratio, TALLEST))
    compared = None
    if findings.host:
        apart = difference.compare(picture, findings.host, decoding, moment)
        shown = _jpeg(lambda figure: _panels(figure, apart, say), _panel_size(apart)) if apart.panels else None
        compared = DrawnDifference(shown, apart.time, apart.match, difference.GAIN)
    return Drawn(
        moment=moment,
        outline=_jpeg(outline, size),
        places=_jpeg(over_picture, size) if places else None,
        times=_drawn(over_time, (WIDTH, TIMES), "png") if traces else None,
        difference=compared,
    )


def _panel_size(apart: difference.Difference) -> tuple[float, float]:
    assert apart.panels
    height, width = apart.panels[0].shape[:2]
    return WIDTH, WIDTH / 3 * height / width + TITLE


def _panels(figure: Figure, apart: difference.Difference, say: Words) -> None:
    assert apart.panels
    titles = (
        say("pictures.original"),
        say("pictures.leaked"),
        say("pictures.amplified", gain=f"{difference.GAIN:g}"),
    )
    for axes, panel, title in zip(np.ravel(figure.subplots(1, 3)), apart.panels, titles, strict=True):
        axes.imshow(panel, interpolation="antialiased")
        axes.set_title(title)
        axes.set_axis_off()


def _jpeg(fill: Callable[[Figure], None], size: tuple[float, float]) -> bytes:
    return _drawn(fill, size, "jpg")


def _drawn(fill: Callable[[Figure], None], size: tuple[float, float], suffix: str) -> bytes:
    """Have a figure filled, and write it as PNG or JPEG."""
    with rc_context({"font.family": FAMILY, "font.size": 9, "axes.unicode_minus": False}):
        figure = Figure(figsize=size, dpi=DOTS, layout="constrained")
        figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)  # type: ignore[union-attr, call-arg]
        fill(figure)
        held = io.BytesIO()
        quality = {"pil_kwargs": {"quality": JPEG_QUALITY}} if suffix == "jpg" else {"metadata": {"Software": None}}
        figure.savefig(held, format=suffix, **quality)
    return held.getvalue()
