"""All that is alike from frame to frame while the shape of a stream stays: cells, working memory, pools."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tracemark.compiled import LINE
from tracemark.embedder import kernels
from tracemark.embedder.cells import WORD, Cells, Choice
from tracemark.embedder.chroma import Chroma
from tracemark.embedder.deltas import Deltas
from tracemark.embedder.pool import Pool, fresh
from tracemark.frames import in_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tracemark.frames import Plane
    from tracemark.geometry import Geometry
    from tracemark.signal.grid import Grid
    from tracemark.signal.patterns import Patterns

    Bytes = NDArray[np.uint8]
    Shape = tuple[int, int, int]

ALIGNMENT = LINE
"""Bytes that the rows of a plane are multiples of."""

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Place:
    """Where a plane lies in a piece of memory.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    offset : int
        Byte that it begins at.
    strides : tuple of int
        Bytes from one row to the next, and so on.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    strides: tuple[int, ...]

    def view(self, memory: Bytes) -> Plane:
        """Show it, in one step: a viewer's frame is made in little more time than such steps take."""
        return np.ndarray(self.shape, self.dtype, cast("memoryview", memory), self.offset, self.strides)


class Sheet:
    """Memory for planes that lie one after the other, each row with all its versions.

    Parameters
    ----------
    shapes : list of tuple of int
        Height, versions and bytes of a row, for every plane.

    Attributes
    ----------
    memory : ndarray of uint8
    planes : list of ndarray of uint8, shape (height, versions, bytes of a row)
    words : list of ndarray of uint64, shape (height, versions times words of a row)
        The same memory: of the first plane, and of all others as if they were one.
    """

    def __init__(self, shapes: list[Shape]) -> None:
        self.memory = fresh(sum(math.prod(shape) for shape in shapes))
        ends = list(itertools.accumulate(math.prod(shape) for shape in shapes))
        parts = np.split(self.memory, ends[:-1])
        self.planes = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        halves = zip((self.memory[: ends[0]], self.memory[ends[0] :]), shapes[:2], strict=False)
        self.words = [half.view(np.uint64).reshape(-1, many * row // WORD) for half, (_, many, row) in halves]


class Stage:
    """What an embedder keeps for one geometry.

    Parameters
    ----------
    geometry : Geometry
    patterns : Patterns
    strength : float
    views : list of ndarray
        The stored planes of a frame.
    chroma : Chroma

    Attributes
    ----------
    number : int
        Of its own, among all stages of the process.
    geometry : Geometry
    cells : list of Cells
        Of the first plane, and of all others as if they were one, if they carry the mark.
    deltas : Deltas
    shared : Pool
        Memory of prepared frames.
    copies : Pool
        Memory of viewers' frames.
    lumas : Pool, optional
        Memory of viewers' frames whose chroma is the prepared frame's.
    """

    def __init__(
        self, geometry: Geometry, patterns: Patterns, strength: float, views: list[Plane], chroma: Chroma
    ) -> None:
        self.number = next(_NUMBERS)
        self.geometry = geometry
        self._shapes = [view.shape for view in views]
        self._dtype = views[0].dtype
        self._widths = [int(np.prod(shape[1:])) * self._dtype.itemsize for shape in self._shapes]
        self._both = geometry.layout.kind == "packed" and chroma is Chroma.MARKED
        self._marked = len(views) if chroma is Chroma.MARKED else 1
        single = [
            (shape[0], 1, -(-width // ALIGNMENT) * ALIGNMENT)
            for shape, width in zip(self._shapes, self._widths, strict=True)
        ]
        versions = [(4 if self._both else 2) if index < self._marked else 1 for index in range(len(views))]
        several = [(height, many, row) for (height, _, row), many in zip(single, versions, strict=True)]
        self._row_sizes = [row for _, _, row in single]
        self._planes = [place for (place,) in self._places(single)]
        self._versions = list(self._places(several))
        self.cells = [self._cells(index) for index in range(min(2, self._marked))]
        self.deltas = Deltas(geometry, patterns, strength, self._shapes, chroma)
        # not by way of the stage: it would refer to itself, and its memory wait for the garbage collector
        self.shared = Pool(partial(Sheet, several))
        self.copies = Pool(partial(Sheet, single))
        self.lumas = Pool(partial(Sheet, single[:1])) if chroma is Chroma.SHARED and len(views) > 1 else None

    def _places(self, shapes: list[Shape]) -> Iterator[list[Place]]:
        """Say where the versions of every plane lie in memory of such shapes."""
        start = 0
        for shape, (height, many, row) in zip(self._shapes, shapes, strict=True):
            within = np.empty((1, *shape[1:]), self._dtype).strides[1:]
            strides = (many * row, *within)
            yield [Place(shape, self._dtype, start + version * row, strides) for version in range(many)]
            start += height * many * row

    def _cells(self, index: int) -> Cells:
        shape, pixel = self._shapes[index], self._widths[index] // self._shapes[index][1]
        luma, chroma = (self._numbers(grid, shape[:2]) for grid in (self.geometry.luma, self.geometry.chroma))
        maps = [luma, chroma] if self._both else [chroma if index else luma]
        alike = len(self._shapes) - 1 if index else 1
        return Cells.of([np.tile(numbers, (alike, 1)) for numbers in maps], pixel, self._row_sizes[index])

    def _numbers(self, grid: Grid, size: tuple[int, int]) -> NDArray[np.intp]:
        rows, columns = grid.cells
        return self.geometry.pixels(grid, np.arange(rows * columns).reshape(rows, columns), size)

    def versions(self, loan: Bytes) -> tuple[tuple[Plane, ...], ...]:
        """Show the versions of the planes in the memory of a prepared frame.

        Parameters
        ----------
        loan : ndarray of uint8
            From `shared`.

        Returns
        -------
        tuple of tuple of ndarray
            For every plane all its versions; one if it carries no mark.
        """
        return tuple(tuple(place.view(loan) for place in versions) for versions in self._versions)

    def planes(self, loan: Bytes) -> list[Plane]:
        """Show the planes in the memory of a viewer's frame.

        Parameters
        ----------
        loan : ndarray of uint8
            From `copies` or `lumas`.

        Returns
        -------
        list of ndarray
            One alone if there is no room for more.
        """
        return [place.view(loan) for place in self._planes if place.offset < len(loan)]

    def fill(self, views: list[Plane], sheet: Sheet) -> None:
        """Add what the deltas hold to a host: all versions, or those of one viewer alone.

        Parameters
        ----------
        views : list of ndarray
            The host's planes.
        sheet : Sheet
            From `shared` or from `copies`: where the results lie.
        """
        deltas, luma = self.deltas, self.deltas.luma
        rows = [in_rows(view) for view in views]
        if self._both:
            colour, made = deltas.chroma[0], sheet.planes[0]
            each = 1 if made.shape[1] == 1 else 2
            kernels.lay_both(
                rows[0],
                luma.wide[:each],
                luma.taps,
                luma.weights,
                colour.wide[:each],
                colour.taps,
                colour.weights,
                deltas.shifts[0],
                made,
            )
            return
        for host, field, shift, made in zip(rows, [luma, *deltas.chroma], deltas.shifts, sheet.planes, strict=False):
            changes, out = field.wide[: made.shape[1]], made.view(self._dtype)
            kernels.lay(host, changes, field.taps, field.weights, shift, deltas.top, out)
        for index in range(self._marked, len(views)):
            width = self._widths[index]
            sheet.planes[index][:, 0, :width] = rows[index].view(np.uint8)[:, :width]

    def choose(self, shared: Sheet, choices: list[Choice], copy: Sheet, *, away: bool) -> None:
        """Put a viewer's copy together.

        Parameters
        ----------
        shared : Sheet
            From `shared`, filled.
        choices : list of Choice
            For the first plane, and for all others as if they were one, if they carry the mark.
        copy : Sheet
            From `copies` or `lumas`: where the result lies.
        away : bool
            Write past the caches.
        """
        for index, (versions, made) in enumerate(zip(shared.words, copy.words, strict=False)):
            if index < len(choices):
                cells, choice = self.cells[index], choices[index]
                kernels.choose(versions, choice.blocks, cells.cut, choice.masks, cells.bands, away, made)
            else:
                np.copyto(made, versions)

    def choose_for_all(
        self, shared: Sheet, choices: Sequence[list[Choice]], copies: Sequence[Sheet], *, away: bool
    ) -> None:
        """Put the copies of several viewers together: what is shared is brought to the core once for all of them.

        Parameters
        ----------
        shared : Sheet
            From `shared`, filled.
        choices : sequence of list of Choice
            For each viewer, as for `choose`.
        copies : sequence of Sheet
            For each viewer, from `copies` or `lumas`: where the result lies.
        away : bool
            Write past the caches.
        """
        for index, (versions, cells) in enumerate(zip(shared.words, self.cells, strict=False)):
            chosen = [each[index] for each in choices]
            kernels.choose_for_all(
                versions,
                np.array([each.blocks.ctypes.data for each in chosen], np.uint64),
                chosen[0].blocks.shape[1],
                cells.cut,
                np.array([each.masks.ctypes.data for each in chosen], np.uint64),
                len(chosen[0].masks),
                cells.bands,
                away,
                np.array([each.words[index].ctypes.data for each in copies], np.uint64),
                copies[0].words[index].shape[1],
            )
        marked = len(self.cells)
        for copy in copies:
            for versions, made in zip(shared.words[marked:], copy.words[marked:], strict=False):
                np.copyto(made, versions)
