"""A leak's geometry, times and names in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, degrees, hypot, isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracemark.recovery import Geometry

    Point = tuple[float, float]

NEAR = 0.02
"""Share of a side by which a corner may be off before a picture counts as out of place, slanted or cut."""

LEAST_TURN = 0.5
"""Degrees that are worth a word."""

USUAL = (16, 9)
"""Shape of a leak where nobody said."""

WHOLE: tuple[Point, ...] = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def clock_time(seconds: float) -> str:
    """Write seconds as h:mm:ss.s.

    Parameters
    ----------
    seconds : float

    Returns
    -------
    str
    """
    tenths = round(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"


def printable(name: str) -> str:
    """Write a name that anybody may have chosen so that it can do nothing to a terminal.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        With escapes in place of control characters and whatever else does not print.
    """
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in name)


@dataclass(frozen=True)
class Phrases:
    """What is said of a picture's place, in one language.

    Parameters
    ----------
    untold, in_place, whole, part, mirrored, upside_down, turned_one, turned, clockwise, anticlockwise, slant, width, \
moved, join : str
        ``part`` and ``width`` with ``{share}`` in percent; ``turned`` and ``turned_one`` (by exactly one degree) with
        ``{amount}`` and ``{direction}``.
    """

    untold: str = "not to be told in words"
    in_place: str = "whole picture in place"
    whole: str = "whole picture"
    part: str = "{share:.0f} % of the picture"
    mirrored: str = "mirrored"
    upside_down: str = "upside down"
    turned_one: str = "turned {amount} degree {direction}"
    turned: str = "turned {amount} degrees {direction}"
    clockwise: str = "clockwise"
    anticlockwise: str = "anticlockwise"
    slant: str = "seen at a slant"
    width: str = "at {share:.0f} % of the leak's width"
    moved: str = "moved or stretched"
    join: str = ", "


ENGLISH = Phrases()


def placing(geometry: Geometry, size: tuple[int, int] | None, phrases: Phrases = ENGLISH) -> str:
    """Say how the host lies in a leak.

    Parameters
    ----------
    geometry : Geometry
    size : tuple of int or None
        Width and height of the leak, which angles depend on.
    phrases : Phrases, optional
        English by default.

    Returns
    -------
    str
        Such as "whole picture, mirrored, turned 3 degrees clockwise, at 60 % of the leak's width".
    """
    corners = geometry.outline
    if len(corners) != 4 or not all(isfinite(x) and isfinite(y) for x, y in corners):
        return phrases.untold
    if not geometry.flipped and _farthest(corners, WHOLE) <= NEAR:
        return phrases.in_place
    wide, tall = size or USUAL
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = ((x * wide, y * tall) for x, y in corners)
    across = (bx - ax + cx - dx) / 2, (by - ay + cy - dy) / 2
    down = (dx - ax + cx - bx) / 2, (dy - ay + cy - by) / 2
    seen = _share_in_sight(geometry)
    words = [phrases.whole if seen >= 1 - NEAR else phrases.part.format(share=100 * seen)]
    if geometry.flipped:
        words.append(phrases.mirrored)
    sign = -1 if geometry.flipped else 1
    angle = degrees(atan2(sign * across[1], sign * across[0]))
    if abs(angle) >= LEAST_TURN:
        words.append(_turned(angle, phrases))
    slant = hypot(ax - bx + cx - dx, ay - by + cy - dy) / 2
    if slant > NEAR * max(hypot(*across), hypot(*down)):
        words.append(phrases.slant)
    lying = down if 45 < abs(angle) < 135 else across
    share = hypot(*lying) / wide
    if abs(share - 1) > NEAR:
        words.append(phrases.width.format(share=100 * share))
    elif len(words) == 1:
        words.append(phrases.moved)
    return phrases.join.join(words)


def _turned(angle: float, phrases: Phrases) -> str:
    if abs(angle) > 180 - LEAST_TURN:
        return phrases.upside_down
    amount = f"{abs(angle):.0f}" if abs(angle) >= 9.95 or abs(angle) % 1 < 0.05 else f"{abs(angle):.1f}"
    turned = phrases.turned_one if float(amount) == 1 else phrases.turned
    direction = phrases.clockwise if angle > 0 else phrases.anticlockwise
    return turned.format(amount=amount.removesuffix(".0"), direction=direction)


def _farthest(some: Sequence[Point], others: Sequence[Point]) -> float:
    return max(max(abs(x - u), abs(y - v)) for (x, y), (u, v) in zip(some, others, strict=True))


def _share_in_sight(geometry: Geometry) -> float:
    """Share of the host's area that the leak shows."""
    inside = clipped(geometry.outline)
    on_host = []
    for x, y in inside:
        u, v, depth = (row[0] * x + row[1] * y + row[2] for row in geometry.matrix)
        if abs(depth) < 1e-9:
            return 0.0
        on_host.append((u / depth, v / depth))
    area = _area(on_host)
    return min(area, 1.0) if isfinite(area) else 0.0


def clipped(corners: Sequence[Point]) -> list[Point]:
    """Cut a polygon to the unit square (Sutherland and Hodgman 1974).

    Parameters
    ----------
    corners : sequence of tuple of float

    Returns
    -------
    list of tuple of float
        Empty if nothing of it lies inside.
    """
    kept = list(corners)
    for axis, edge, side in ((0, 0.0, 1), (0, 1.0, -1), (1, 0.0, 1), (1, 1.0, -1)):
        before, kept = kept, []
        for one, two in zip(before, before[1:] + before[:1], strict=True):
            first, second = (side * (point[axis] - edge) for point in (one, two))
            if first >= 0:
                kept.append(one)
            if (first >= 0) != (second >= 0):
                part = first / (first - second)
                kept.append((one[0] + part * (two[0] - one[0]), one[1] + part * (two[1] - one[1])))
    return kept


def _area(corners: Sequence[Point]) -> float:
    if not corners:
        return 0.0
    turned = zip(corners, [*corners[1:], corners[0]], strict=True)
    return abs(sum(x * v - u * y for (x, y), (u, v) in turned)) / 2
