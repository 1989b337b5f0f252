"""The shape of a host that is seen in a leak: how far from its middle the pilot still answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

ASPECTS = (16 / 9, 4 / 3, 1.0, 9 / 16, 3 / 4, 21 / 9, 3 / 2, 2 / 3)
"""Width over height of common pictures, the likeliest first."""

PREFERRED = 0.02
"""Share of the pilot's fit by which another shape must be better than one before it."""

CLOSE = 0.03
"""Share by which a leak that shows the whole host may differ from a common shape: its canvas grew as it was turned."""

EXACT = 0.005
"""Share of its size by which a leak's corners may be off a level rectangle and still be cut along the host's sides."""

TILTED = 0.15
"""Sine of the angle up to which a leak's sides lie along the host's."""

BAR = 0.04
"""Share of a leak's height from which rows that show nothing are bars."""

BAR_LEVELS = 8
"""Range of luma over which a bar may spread: what encoders leave in black."""

UNEVEN = 0.006
"""Share of a leak's height by which two bars may differ."""

SILENT = 0.3
"""Share of the pilot's mean answer that it stays under within bars; a host's own bars and dark parts are marked."""

SPILL = 2
"""Cells by which the pilot's answer reaches into bars: it is evened over neighbours."""

EDGE = 0.1
"""Long sides by which a leak may reach over the canvas and still be no more than the host, seen at an angle."""

CENTRED = 0.02
"""Long sides by which the middle of a leak may be off that of a host that fills it along one side."""


def aspect_of_whole(own: float) -> float:
    """Tell a host's width over height from a leak that shows all of it.

    Parameters
    ----------
    own : float
        Width over height of the leak, as it lies on the canvas.

    Returns
    -------
    float
        The common shape next to the leak's own, or that itself.
    """
    nearest = min(ASPECTS, key=lambda aspect: abs(np.log(aspect / own)))
    return nearest if abs(np.log(nearest / own)) < CLOSE else own


def aspect_between_bars(pictures: Sequence[NDArray[np.uint8]], answers: Doubles | None) -> float | None:
    """Tell the shape of a host that fills a leak along its longer side and has bars along both others.

    Parameters
    ----------
    pictures : sequence of ndarray of uint8, shape (height, width)
        Luma of the leak, at several times.
    answers : ndarray of float64, shape (rows, columns), or None
        The pilot's answer in every cell of the leak.

    Returns
    -------
    float or None
        Width over height; None where there are no bars, or where they are the host's own.
    """
    if answers is None or not len(pictures):
        return None
    height, width = pictures[0].shape
    if upright := width < height:
        pictures, answers = [picture.T for picture in pictures], answers.T
        height, width = width, height
    low = np.min([picture.min(axis=1) for picture in pictures], axis=0).astype(int)
    high = np.max([picture.max(axis=1) for picture in pictures], axis=0).astype(int)
    above, below = (_flat(low[::way], high[::way]) for way in (1, -1))
    if above + below >= height or min(above, below) < BAR * height or abs(above - below) > max(UNEVEN * height, 2):
        return None
    deep = max(int(min(above, below) / height * len(answers)) - SPILL, 1)
    if np.concatenate([answers[:deep], answers[-deep:]]).mean() > SILENT * answers.mean():
        return None
    shown = height - above - below
    return float(shown / width if upright else width / shown)


def _flat(low: NDArray[np.intp], high: NDArray[np.intp]) -> int:
    """Count the first rows that are of the very first one's level."""
    shows = (low < low[0] - BAR_LEVELS) | (high > low[0] + BAR_LEVELS)
    return int(np.argmax(shows)) if shows.any() else len(low)


def aspect_of(answers: Doubles | None, valid: NDArray[np.bool_], shown: Doubles) -> float:
    """Tell a host's width over height.

    Parameters
    ----------
    answers : ndarray of float64, shape (rows, columns), or None
        The pilot's answer in every cell of the canvas, in units of one that is undisturbed.
    valid : ndarray of bool, shape (rows, columns)
        Cells that the leak shows.
    shown : ndarray of float64, shape (4, 2)
        Corners of the leak on the canvas, in long sides from its middle.

    Returns
    -------
    float
        That of the leak itself where it may be just the host or an even crop of it, else the common shape that fits
        best.
    """
    # who crops a picture mostly keeps its shape, and who tilts it shows it whole; nothing in its middle tells
    own = _own_aspect(shown) if np.abs(shown).max() < 0.5 + EDGE else _aspect_within(shown)
    candidates = ([own] if own else []) + list(ASPECTS)
    if answers is None:
        return candidates[0]
    place = np.abs((np.arange(len(valid)) + 0.5) / len(valid) - 0.5)
    middle = np.median(answers[valid & (place[:, None] < 0.2) & (place[None] < 0.2)]) if valid.any() else 0.0
    best, reached = candidates[0], -np.inf
    for aspect in candidates:
        wide, tall = (0.5, 0.5 / aspect) if aspect >= 1 else (0.5 * aspect, 0.5)
        within = valid & (place[:, None] < tall) & (place[None] < wide)
        fit = float((answers[within] - middle / 2).sum() / max(middle * valid.sum(), 1e-9))
        if fit > reached + PREFERRED:
            best, reached = aspect, fit
    return best


def _aspect_within(shown: Doubles) -> float | None:
    """Shape of a host that fills a leak along its shorter side, if the leak reaches over the canvas along the other."""
    if _own_aspect(shown) is None or np.abs(shown.mean(axis=0)).max() > CENTRED:
        return None
    wide, tall = np.ptp(shown, axis=0).tolist()
    if min(wide, tall) > 1 - CLOSE:  # the host's long side fills the leak, whose bars lie along it
        return None
    return aspect_of_whole(wide if tall > wide else 1 / tall)


def _own_aspect(shown: Doubles) -> float | None:
    """Shape of the leak as it lies on the canvas, if its sides lie along the host's."""
    across = (shown[1] - shown[0] + shown[2] - shown[3]) / 2
    down = (shown[3] - shown[0] + shown[2] - shown[1]) / 2
    if abs(across[0]) < abs(across[1]):  # a quarter turn
        across, down = down, across
    wide, tall = (max(float(np.hypot(*side)), 1e-9) for side in (across, down))
    if abs(across[1]) > TILTED * wide or abs(down[0]) > TILTED * tall:
        return None
    corners = np.abs(shown - shown.mean(axis=0))
    level = np.abs(corners - [wide / 2, tall / 2]).max() < EXACT * max(wide, tall)
    return wide / tall if level else aspect_of_whole(wide / tall)
