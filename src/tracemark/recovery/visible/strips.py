"""Lines of known letters in a picture: found by what all codes look like, then read box by box.

A strip is looked for with a comb, the mean of all codes: a mean letter in every symbol's box, hyphens in theirs. What
answers is compared with every letter, box by box, and the place and pitch at which all boxes together fit best is
taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark import cores
from tracemark.overlay.crockford import ALPHABET, HYPHEN
from tracemark.overlay.lettering import (
    BOXES,
    CAP_HEIGHT,
    EDGE,
    HYPHEN_PLACES,
    LINE_HEIGHT,
    LINE_WIDTH,
    SYMBOL_PLACES,
    boxes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Grey = NDArray[np.float32]

BOX = 12
"""Width of a box in which letters are compared, in pixels."""

ROWS = round((CAP_HEIGHT + 0.5) * BOX)
"""Height of what is compared: the letters and a quarter of a box above and below."""

SLACK = (4, 6)
"""How far from where it was found a strip is looked for, down and across, in pixels at width `BOX`."""

PITCHES = (0.964, 0.976, 0.988, 1.0, 1.012, 1.024, 1.036)
"""Widths of a box tried around the one it was found at."""

FINE_SLACK = (1, 1)
FINE_PITCHES = (0.994, 0.997, 1.0, 1.003, 1.006)
BETWEEN = (-0.33, 0.0, 0.33)
"""The same for a second look from where the first was best, between the pixels, too: letters that are a tenth of a box
off are taken for others."""

COMB_BOX = 6
"""Width of a box at which strips are looked for where they are larger; a picture is shrunk so far."""

CLEAR = 0.45
"""Mean correlation of the boxes with their best letters under which a strip says nothing."""

FAINTEST = 0.25
"""Standard deviation of a box, in levels, under which it is empty."""

_SYMBOLS, _HYPHENS = list(SYMBOL_PLACES), list(HYPHEN_PLACES)

PEAKS = 2
"""Places of a picture that are looked at for each width."""

DETAIL = 24
"""Independent pixels in a box: about a third of the pixels of letters as small as are read (8 by 9). What a letter's
likelihood rests on."""


@dataclass(frozen=True)
class Found:
    """Where a strip may be.

    Attributes
    ----------
    score : float
        Correlation with the comb.
    x, y : float
        Left top corner of the strip in the picture, in pixels.
    box : float
        Width of a box in pixels.
    """

    score: float
    x: float
    y: float
    box: float


@dataclass(frozen=True)
class Strip:
    """A strip that was read.

    Attributes
    ----------
    x, y, box : float
        As in `Found`, after it was fitted.
    fits : ndarray of float64, shape (SYMBOLS, 32)
        Correlation of every box with every letter.
    """

    x: float
    y: float
    box: float
    fits: NDArray[np.float64]

    @property
    def clear(self) -> float:
        """Mean correlation of the boxes with their best letters."""
        return float(self.fits.max(axis=1).mean())

    @property
    def likelihood(self) -> NDArray[np.float64]:
        """Logarithm of every letter's likelihood in every box, up to a constant a box.

        A box is a letter of unknown contrast on an unknown level in white noise of unknown strength; the likelihood at
        the best of all three is ``(1 - r ** 2) ** (-n / 2)`` for a correlation of r over n pixels.

        References
        ----------
        Scharf and Friedlander, 1994, "Matched subspace detectors", IEEE Transactions on Signal Processing 42(8),
        equation 4.15.
        """
        seen = np.clip(self.fits, 0, 0.995)
        made: NDArray[np.float64] = -DETAIL / 2 * np.log1p(-(seen**2))
        return made


@dataclass(frozen=True)
class Answer:
    """How well the comb fits everywhere in a picture, at one width of a box.

    Attributes
    ----------
    width : float
        Of a box in the picture, in pixels.
    shrink : float
        Size of what was looked at over the picture's.
    fit : ndarray of float32
        Correlation, for every left top corner of a strip in what was looked at.
    """

    width: float
    shrink: float
    fit: Grey


def combed(picture: NDArray[np.uint8], widths: Sequence[float]) -> list[Answer]:
    """Hold the comb against a picture, at some widths.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width)
    widths : sequence of float
        Widths of a box to try, in pixels.

    Returns
    -------
    list of Answer
        Of those widths at which a strip fits into the picture.
    """
    deepest = int(np.log2(max(1.0, *(width / COMB_BOX for width in widths))))
    halves = [picture]  # small copies are made of halved ones, which takes far less time
    for _ in range(deepest):
        half = max(halves[-1].shape[1] // 2, 1), max(halves[-1].shape[0] // 2, 1)
        halves.append(np.asarray(cv2.resize(halves[-1], half, interpolation=cv2.INTER_AREA), np.uint8))
    return [each for each in cores.in_order(lambda width: _answer(halves, width), widths) if each is not None]


def _answer(halves: Sequence[NDArray[np.uint8]], width: float) -> Answer | None:
    size = min(width, COMB_BOX)
    comb = _comb(size)
    shrink = size / width
    seen = halves[0]
    if shrink < 1:
        smaller = max(round(seen.shape[1] * shrink), 1), max(round(seen.shape[0] * shrink), 1)
        larger = halves[int(np.log2(1 / shrink))]
        seen = np.asarray(cv2.resize(larger, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    if seen.shape[0] < comb.shape[0] or seen.shape[1] < comb.shape[1]:
        return None
    fit = np.asarray(cv2.matchTemplate(seen.astype(np.float32), comb, cv2.TM_CCOEFF_NORMED), np.float32)
    return Answer(width, shrink, np.nan_to_num(fit, copy=False, posinf=0, neginf=0))


def find(
    answers: Sequence[Answer], count: int, spots: Sequence[tuple[float, float]] = (), reach: float = 0.0
) -> list[Found]:
    """Look for strips in a whole picture, or near given places.

    Parameters
    ----------
    answers : sequence of Answer
        Of the picture.
    count : int
        How many to return.
    spots : sequence of tuple of float
        Left top corners near which strips are looked for, in pixels of the picture; all of it if there are none.
    reach : float
        How near, in pixels.

    Returns
    -------
    list of Found
        Best first; those that overlap are told once.
    """
    found: list[Found] = []
    for answer in answers:
        fit, shrink = answer.fit.copy(), answer.shrink
        areas = [_area(spot, reach, shrink) for spot in spots] or [(slice(None), slice(None))] * PEAKS
        for rows, columns in areas:
            part = fit[rows, columns]
            if part.size:
                down, across = divmod(int(part.argmax()), part.shape[1])
                y, x = down + (rows.start or 0), across + (columns.start or 0)
                found.append(Found(float(fit[y, x]), x / shrink, y / shrink, answer.width))
                fit[max(y - 2 * COMB_BOX, 0) : y + 2 * COMB_BOX, max(x - 4 * COMB_BOX, 0) : x + 4 * COMB_BOX] = -1
    chosen: list[Found] = []
    for each in sorted(found, key=lambda each: -each.score):
        if not any(_overlap(each, other) for other in chosen):
            chosen.append(each)
        if len(chosen) == count:
            break
    return chosen


def _area(spot: tuple[float, float], reach: float, shrink: float) -> tuple[slice, slice]:
    columns, rows = (
        slice(max(round((place - reach) * shrink), 0), max(round((place + reach) * shrink) + 1, 0)) for place in spot
    )
    return rows, columns


def read(picture: NDArray[np.uint8], found: Found) -> Strip | None:
    """Compare every box of a strip with every letter, where all boxes together fit best.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width)
    found : Found

    Returns
    -------
    Strip or None
        None if it is nothing like letters.
    """
    if BOX / found.box < 0.8:  # a pixel of what is compared is the mean over what it covers
        grain = round(found.box / BOX)
        picture = np.asarray(cv2.blur(picture, (grain, grain)), np.uint8)
    strip = _compared(picture, found, SLACK, PITCHES)
    if strip.clear < CLEAR:
        return None
    pixel = strip.box / BOX
    near = [Found(0.0, strip.x + x * pixel, strip.y + y * pixel, strip.box) for x in BETWEEN for y in BETWEEN]
    finer = [_compared(picture, each, FINE_SLACK, FINE_PITCHES) for each in near]
    return max((strip, *finer), key=lambda each: each.clear)


def _compared(picture: NDArray[np.uint8], found: Found, slack: tuple[int, int], pitches: Sequence[float]) -> Strip:
    scale = BOX / found.box
    down, across = slack
    size = round(LINE_WIDTH * BOX) + 2 * across, ROWS + 2 * down
    above = (EDGE - 0.25) * BOX - down
    # pixels of the patch to pixels of the picture, both counted from their first one's middle
    to_picture = np.array(
        [
            [1 / scale, 0, found.x + (0.5 - across) / scale - 0.5],
            [0, 1 / scale, found.y + (above + 0.5) / scale - 0.5],
        ]
    )
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(picture, to_picture, size, flags=how, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    fits = _fits(patch)
    best, dashes = fits[..., :-1].max(axis=-1), fits[..., -1]
    middle = LINE_WIDTH / 2
    # the strip is stretched about its middle; columns are those of the boxes' left edges, for every pitch and shift
    edges = (middle + (EDGE + np.arange(BOXES) + 0.5 - middle) * np.array(pitches)[:, None] - 0.5) * BOX + across
    shifts = np.arange(-across, across + 1)
    tried = np.rint(edges[:, None] + shifts[:, None]).astype(np.intp).clip(0, best.shape[1] - 1)
    total = best[:, tried[..., _SYMBOLS]].sum(axis=-1) + dashes[:, tried[..., _HYPHENS]].sum(axis=-1)
    row, which, moved = (int(each) for each in np.unravel_index(int(total.argmax()), total.shape))
    columns, pitch = tried[which, moved], pitches[which]
    left = found.x + (middle * (1 - pitch) * BOX + float(shifts[moved])) / scale
    # the middle row of letters stays where it is when the box grows
    upper = found.y + (row - down) / scale + LINE_HEIGHT / 2 * found.box * (1 - pitch)
    return Strip(left, upper, found.box * pitch, fits[row, columns[_SYMBOLS], :-1].astype(np.float64))


def _fits(patch: Grey) -> Grey:
    """Correlate every box-sized window of a patch with every letter: shape (rows, columns, 33)."""
    windows = np.lib.stride_tricks.sliding_window_view(patch, (ROWS, BOX))
    rows, columns = windows.shape[:2]
    # letters have no mean, so a window's own does not count in the products
    products = windows.reshape(rows * columns, -1) @ _letters().T
    sums, squares = (
        cv2.boxFilter(each, cv2.CV_64F, (BOX, ROWS), anchor=(0, 0), normalize=False)[:rows, :columns]
        for each in (patch, patch * patch)
    )
    norms = np.sqrt(np.maximum(squares - sums * sums / (ROWS * BOX), FAINTEST**2 * ROWS * BOX))
    return np.asarray(products.reshape(rows, columns, -1) / norms[..., None], np.float32)


@lru_cache(maxsize=1)
def _letters() -> Grey:
    """Every letter and the hyphen as they are compared, of shape (33, ROWS * BOX), mean 0, norm 1."""
    made = []
    for symbol in ALPHABET + HYPHEN:
        small = _small(boxes()[symbol], BOX)
        above = (small.shape[0] - ROWS) // 2
        flat = small[above : above + ROWS].ravel()
        flat = flat - flat.mean()
        made.append(flat / np.linalg.norm(flat))
    return np.array(made, np.float32)


@lru_cache(maxsize=256)
def _comb(width: float) -> Grey:
    """Draw what all codes have in common, at a width of a box."""
    mean = np.mean([boxes()[symbol] for symbol in ALPHABET], axis=0)
    line = np.hstack([boxes()[HYPHEN] if box in HYPHEN_PLACES else mean for box in range(BOXES)])
    side = round(EDGE * mean.shape[1])
    padded = cv2.copyMakeBorder(line, 0, 0, side, side, cv2.BORDER_CONSTANT, value=0)
    size = round(LINE_WIDTH * width), round(LINE_HEIGHT * width)
    return np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA), np.float32)


def _small(box: Grey, width: int) -> Grey:
    size = width, round(LINE_HEIGHT * width)
    small = cv2.resize(box, size, interpolation=cv2.INTER_AREA)
    # a little softer than drawn: a leak has been through a codec and two changes of size
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 0.6), np.float32)


def _overlap(one: Found, other: Found) -> bool:
    across, down = LINE_WIDTH * min(one.box, other.box), LINE_HEIGHT * min(one.box, other.box)
    apart_x = abs(one.x + LINE_WIDTH * one.box / 2 - other.x - LINE_WIDTH * other.box / 2)
    apart_y = abs(one.y + LINE_HEIGHT * one.box / 2 - other.y - LINE_HEIGHT * other.box / 2)
    return apart_x < across / 4 and apart_y < down / 2 and 0.94 < one.box / other.box < 1.07
