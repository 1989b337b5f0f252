"""All that is alike from frame to frame while the shape of a stream stays: cells, working memory, pools."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from av import VideoFrame

from tracemark.embedder import kernels
from tracemark.embedder.cells import WORD, Cells, Choice
from tracemark.embedder.chroma import Chroma
from tracemark.embedder.deltas import Deltas
from tracemark.embedder.pool import Pool, fresh
from tracemark.frames import in_rows, planes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tracemark.frames import Frame, Plane
    from tracemark.geometry import Geometry
    from tracemark.signal.grid import Grid
    from tracemark.signal.patterns import Patterns

    Bytes = NDArray[np.uint8]
    Shape = tuple[int, int, int]

ALIGNMENT = 32
"""Bytes that the rows of a plane are multiples of."""

_NUMBERS = itertools.count()


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
        self.planes = list(_planes(self.memory, shapes))
        first = self.planes[0].nbytes
        parts = zip((self.memory[:first], self.memory[first:]), shapes[:2], strict=False)
        self.words = [part.view(np.uint64).reshape(-1, many * row // WORD) for part, (_, many, row) in parts]


def _planes(memory: Bytes, shapes: list[Shape]) -> Iterator[Bytes]:
    start = 0
    for shape in shapes:
        stop = start + math.prod(shape)
        yield memory[start:stop].reshape(shape)
        start = stop


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
        self._single = single
        self._several = [(height, many, row) for (height, _, row), many in zip(single, versions, strict=True)]
        self.cells = [self._cells(index) for index in range(min(2, self._marked))]
        self.deltas = Deltas(geometry, patterns, strength, self._shapes, chroma)
        # not by way of the stage: it would refer to itself, and its memory wait for the garbage collector
        self.shared = Pool(partial(Sheet, self._several))
        self.copies = Pool(partial(Sheet, single))
        self.lumas = Pool(partial(Sheet, single[:1])) if chroma is Chroma.SHARED and len(views) > 1 else None

    def _cells(self, index: int) -> Cells:
        shape, pixel = self._shapes[index], self._widths[index] // self._shapes[index][1]
        luma, chroma = (self._numbers(grid, shape[:2]) for grid in (self.geometry.luma, self.geometry.chroma))
        maps = [luma, chroma] if self._both else [chroma if index else luma]
        alike = len(self._shapes) - 1 if index else 1
        return Cells.of([np.tile(numbers, (alike, 1)) for numbers in maps], pixel, self._single[index][2])

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
        return tuple(
            tuple(self._view(plane, index, version) for version in range(plane.shape[1]))
            for index, plane in enumerate(_planes(loan, self._several))
        )

    def planes(self, loan: Bytes) -> list[Plane]:
        """Show the planes in the memory of a viewer's frame.

        Parameters
        ----------
        loan : ndarray of uint8
            From `copies` or `lumas`.

        Returns
        -------
        list of ndarray
            One alone if that is what it is for.
        """
        shapes = self._single if self.lumas is None or len(loan) > math.prod(self._single[0]) else self._single[:1]
        return [self._view(plane, index, 0) for index, plane in enumerate(_planes(loan, shapes))]

    def _view(self, memory: Bytes, index: int, version: int) -> Plane:
        """Show a version of a plane, whose rows may be shorter than those in memory."""
        shape = self._shapes[index]
        plane: Plane = memory[:, version, : self._widths[index]].view(self._dtype)
        return plane.reshape(shape) if len(shape) > 2 else plane

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
            np.copyto(self._view(sheet.planes[index], index, 0), views[index])

    def choose(self, shared: Sheet, choices: list[Choice], copy: Sheet) -> None:
        """Put a viewer's copy together.

        Parameters
        ----------
        shared : Sheet
            From `shared`, filled.
        choices : list of Choice
            For the first plane, and for all others as if they were one, if they carry the mark.
        copy : Sheet
            From `copies` or `lumas`: where the result lies.
        """
        for index, (versions, made) in enumerate(zip(shared.words, copy.words, strict=False)):
            if index < len(choices):
                cells, choice = self.cells[index], choices[index]
                kernels.choose(versions, choice.blocks, cells.cut, choice.masks, cells.bands, made)
            else:
                np.copyto(made, versions)

    def like(self, frame: Frame, views: list[Plane]) -> Frame:
        """Make a viewer's frame of its planes.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
            The host frame.
        views : list of ndarray
            From `planes`.

        Returns
        -------
        av.VideoFrame or ndarray
            Of the host's kind, size and format, with its time stamp, time base and colour metadata.
        """
        if not isinstance(frame, VideoFrame):
            return np.ascontiguousarray(views[0])
        made = self._framed(frame, views)
        made.pts = frame.pts
        if frame.time_base is not None:
            made.time_base = frame.time_base
        made.color_range = frame.color_range
        made.colorspace = frame.colorspace
        made.color_primaries = frame.color_primaries
        made.color_trc = frame.color_trc
        return made

    def _framed(self, frame: VideoFrame, views: list[Plane]) -> VideoFrame:
        layout, name = self.geometry.layout, frame.format.name
        if layout.kind == "packed":
            return VideoFrame.from_numpy_buffer(views[0], name)
        if frame.width % layout.across == 0 and frame.height % layout.down == 0:
            return VideoFrame.from_dlpack(views, name)
        # PyAV takes foreign memory only where chroma samples cover the picture evenly
        made = VideoFrame(frame.width, frame.height, name)
        for target, view in zip(planes(made, layout), views, strict=True):
            np.copyto(target, view)
        return made
