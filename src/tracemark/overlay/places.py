"""Where an overlay is, and when: corners, free places, and keyed schedules of hopping and drifting.

A place is a pair of numbers, 0 to 1, of the room that the overlay has within its margins: (0, 0) is at the left top,
(1, 1) at the right bottom.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import cos, floor, isfinite, tau
from typing import TYPE_CHECKING

from tracemark.errors import OverlayError

if TYPE_CHECKING:
    from tracemark.keys import Key

Place = tuple[float, float]

NAMED: dict[str, Place] = {
    "top left": (0.0, 0.0),
    "top": (0.5, 0.0),
    "top right": (1.0, 0.0),
    "left": (0.0, 0.5),
    "middle": (0.5, 0.5),
    "right": (1.0, 0.5),
    "bottom left": (0.0, 1.0),
    "bottom": (0.5, 1.0),
    "bottom right": (1.0, 1.0),
}
"""Places that have a name."""

AROUND = tuple(place for name, place in NAMED.items() if name != "middle")
"""The eight places round the middle, where faces are."""

SHORTEST = 0.2
"""Shortest interval between two hops and shortest period of a drift, in seconds."""

GOLDEN = (1 + 5**0.5) / 2
"""Ratio of the two periods of a drift: the path hardly ever repeats."""


@dataclass(frozen=True)
class Hopping:
    """Stay at a place for a while, then hop to another, in an order that the key chooses.

    All places are visited before any returns, and no hop stays where it was. Everybody's overlay is at the same place
    at the same time.

    Parameters
    ----------
    interval : float
        Seconds at a place.
    places : tuple of tuple of float
        At least two.

    Raises
    ------
    OverlayError
        If the interval is too short, or a place is none.
    """

    interval: float = 10.0
    places: tuple[Place, ...] = AROUND

    def __post_init__(self) -> None:
        """Refuse what cannot be scheduled."""
        _check_period(self.interval, "hop interval")
        if len(self.places) < 2:
            raise OverlayError("hopping needs at least two places")
        object.__setattr__(self, "places", tuple(place_of(each) for each in self.places))

    def at(self, time: Fraction | float, key: Key) -> Place:
        """Tell the place at a presentation time in seconds."""
        step = int(Fraction(time) // Fraction(self.interval))
        turn, number = divmod(step, len(self.places))
        return self.places[_order(key, turn, len(self.places))[number]]


@dataclass(frozen=True)
class Drifting:
    """Wander slowly over the whole room, on a path that the key chooses.

    Parameters
    ----------
    period : float
        Seconds from one side of the picture to the other and back.

    Raises
    ------
    OverlayError
        If the period is too short.
    """

    period: float = 120.0

    def __post_init__(self) -> None:
        """Refuse what cannot be scheduled."""
        _check_period(self.period, "drift period")

    @property
    def places(self) -> tuple[Place, ...]:
        """No place is more likely than others."""
        return ()

    def at(self, time: Fraction | float, key: Key) -> Place:
        """Tell the place at a presentation time in seconds."""
        across, down = _phases(key)
        turns = float(time) / self.period
        return (1 + cos(tau * (turns + across))) / 2, (1 + cos(tau * (turns / GOLDEN + down))) / 2


@dataclass(frozen=True)
class Still:
    """Stay at one place."""

    place: Place

    @property
    def places(self) -> tuple[Place, ...]:
        """The one place."""
        return (self.place,)

    def at(self, time: Fraction | float, key: Key) -> Place:  # noqa: ARG002 - as the others
        """Tell the place."""
        return self.place


Schedule = Hopping | Drifting | Still
Position = str | Place | Hopping | Drifting
"""How a caller says where an overlay is: a name in `NAMED`, a free place, or a schedule."""


def schedule_of(position: Position) -> Schedule:
    """Understand a position.

    Parameters
    ----------
    position : str, tuple of float, Hopping or Drifting

    Returns
    -------
    Schedule

    Raises
    ------
    OverlayError
        If it is no position.
    """
    return position if isinstance(position, Hopping | Drifting) else Still(place_of(position))


def place_of(position: str | Place) -> Place:
    """Understand one place.

    Raises
    ------
    OverlayError
        If it is none.
    """
    if isinstance(position, str):
        if position not in NAMED:
            raise OverlayError(f"there is no position {position!r}", f"use one of {', '.join(NAMED)}")
        return NAMED[position]
    try:
        across, down = (float(each) for each in position)
    except (TypeError, ValueError):
        raise OverlayError(f"{position!r} is no position", "give a name, or two numbers from 0 to 1") from None
    if not (0 <= across <= 1 and 0 <= down <= 1):
        raise OverlayError(f"the position ({across:g}, {down:g}) is outside the picture", "use numbers from 0 to 1")
    return across, down


def corner(place: Place, size: tuple[int, int], room: tuple[int, int], margin: float) -> tuple[int, int]:
    """Tell where the left top corner of an overlay comes to lie.

    Parameters
    ----------
    place : tuple of float
    size : tuple of int
        Width and height of the overlay.
    room : tuple of int
        Width and height of the picture.
    margin : float
        Share of the picture's width, and of its height, that is left free at each side; less where there is not so
        much room.

    Returns
    -------
    tuple of int
        x and y, within the picture if the overlay is not larger than it.
    """
    found = []
    for share, length, whole in zip(place, size, room, strict=True):
        free = whole - length
        edge = min(margin * whole, free / 2)
        found.append(floor(edge + share * (free - 2 * edge) + 0.5))
    return found[0], found[1]


def _check_period(seconds: float, name: str) -> None:
    if not (isfinite(seconds) and seconds >= SHORTEST):
        raise OverlayError(f"a {name} of {seconds:g} s is too short", f"use {SHORTEST:g} s or more")


@lru_cache(maxsize=256)
def _order(key: Key, turn: int, count: int) -> tuple[int, ...]:
    """Order of the places in a turn, which does not begin where the one before ended."""
    if count == 2:
        turn = 0  # two places can only alternate
    order = _drawn(key, turn, count)
    if turn > 0 and order[0] == _drawn(key, turn - 1, count)[-1]:
        order[0], order[1] = order[1], order[0]
    return tuple(order)


def _drawn(key: Key, turn: int, count: int) -> list[int]:
    return [int(number) for number in key.stream("overlay hops", turn, count).permutation(count)]


@lru_cache(maxsize=64)
def _phases(key: Key) -> tuple[float, float]:
    across, down = key.stream("overlay drift").uniform(2)
    return float(across), float(down)
