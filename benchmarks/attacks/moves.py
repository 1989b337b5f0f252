"""Moves: what one of ffmpeg's filters can do to a clip; any number of them go into one encode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.attacks.placement import Format, Matrix, Placement
from benchmarks.leaks import Encode

if TYPE_CHECKING:
    from pathlib import Path

SQUARE = "setsar=1"
"""Declares pixels square: ffmpeg's scale would keep the shape of a stretched picture by declaring them oblong."""


@dataclass(frozen=True)
class Plan:
    """What a move comes to on a clip of a known format.

    Parameters
    ----------
    filters : tuple of str
        Video filters of ffmpeg.
    placement : Placement
    """

    filters: tuple[str, ...]
    placement: Placement


class Move(ABC):
    """Something that ffmpeg's filters do to a clip."""

    @abstractmethod
    def plan(self, source: Format) -> Plan:
        """Say by which filters, and where the picture comes to lie."""


@dataclass(frozen=True)
class Filter(Move):
    """Filters that leave every pixel where and when it is.

    Parameters
    ----------
    text : str
        In ffmpeg's words.
    """

    text: str

    def plan(self, source: Format) -> Plan:
        """Say by which filters; the picture stays where it is."""
        return Plan((self.text,), Placement(source, np.eye(3)))


@dataclass(frozen=True)
class Moved:
    """One run of ffmpeg: moves, then an encoder.

    Parameters
    ----------
    suffix : str
        Suffix of the file it writes, which chooses the container.
    encoder : tuple of str
        Arguments that choose and set the encoder.
    moves : tuple of Move
        In order.
    """

    suffix: str
    encoder: tuple[str, ...]
    moves: tuple[Move, ...]

    def __call__(self, source: Path, target: Path) -> None:
        """Read `source`, write `target`."""
        filters: list[str] = []
        current = Format.of(source)
        for move in self.moves:
            plan = move.plan(current)
            filters += plan.filters
            current = plan.placement.format
        even = f"scale={current.width // 2 * 2}:{current.height // 2 * 2}"
        Encode(self.suffix, self.encoder, (*filters, even, SQUARE))(source, target)

    def placement(self, source: Format) -> Placement:
        """Say where the picture comes to lie."""
        matrix: Matrix | None = np.eye(3)
        for move in self.moves:
            placed = move.plan(source).placement
            matrix = None if matrix is None or placed.matrix is None else matrix @ placed.matrix
            source = placed.format
        return Placement(source.resized(source.width // 2 * 2, source.height // 2 * 2), matrix)
