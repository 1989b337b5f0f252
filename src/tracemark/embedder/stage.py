"""All that is alike from frame to frame while the shape of a stream stays: tilings, working memory, pools."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
from av import VideoFrame

from tracemark.embedder.deltas import Deltas
from tracemark.embedder.fields import Field, FloatField
from tracemark.embedder.pool import Pool, fresh
from tracemark.embedder.tiling import Tiling
from tracemark.frames import planes
from tracemark.signal.scratch import Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.frames import Frame, Plane
    from tracemark.geometry import Geometry
    from tracemark.signal.grid import Grid
    from tracemark.signal.patterns import Patterns

    Bytes = NDArray[np.uint8]
    Samples = NDArray[np.float32]

# ITU-R BT.601: what one level of Cb and of Cr adds to red, green and blue
BLUE_TO_RGB = (0.0, -0.344136, 1.772)
RED_TO_RGB = (1.402, -0.714136, 0.0)


SMALLEST_PIECE = 8
"""Bytes: from here on it is faster to gather the pieces of cut blocks than to copy through a mask of bytes."""

_NUMBERS = itertools.count()


class Sheet:
    """Memory for planes that lie one after the other, row by row.

    Parameters
    ----------
    tilings : list of Tiling
    shared : bool
        Whether a row holds all versions, or a viewer's alone.

    Attributes
    ----------
    memory : ndarray of uint8
    planes : list of ndarray, shape (height, bytes of a row)
    bands : list of ndarray, shape (rows of the band, blocks of a row)
        Every band of every plane, as blocks.
    """

    def __init__(self, tilings: list[Tiling], *, shared: bool) -> None:
        places = _places(tilings, shared=shared)
        self.memory = fresh(places[-1].stop)
        self.planes = [
            self.memory[place].reshape(tiling.size[0], -1) for tiling, place in zip(tilings, places, strict=True)
        ]
        self.bands = [
            plane.view(f"V{tiling.block}")[band]
            for tiling, plane in zip(tilings, self.planes, strict=True)
            for band in tiling.bands
        ]


def _places(tilings: list[Tiling], *, shared: bool) -> list[slice]:
    """Bytes of a sheet that each plane takes."""
    ends = np.cumsum([tiling.size[0] * (tiling.shared_row if shared else tiling.row) for tiling in tilings]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


class Stage:
    """What an embedder keeps for one geometry.

    Parameters
    ----------
    geometry : Geometry
    patterns : Patterns
    strength : float
    views : list of ndarray
        The stored planes of a frame.

    Attributes
    ----------
    number : int
        Of its own, among all stages of the process.
    geometry : Geometry
    tilings : list of Tiling
        One for each stored plane.
    deltas : Deltas
    shared, copies : Pool
        Memory of prepared frames, and of viewers' frames.
    """

    def __init__(self, geometry: Geometry, patterns: Patterns, strength: float, views: list[Plane]) -> None:
        self.number = next(_NUMBERS)
        self.geometry = geometry
        self._shapes = [view.shape for view in views]
        self._dtype = views[0].dtype
        self.tilings = [self._tiling(index) for index in range(len(views))]
        self.deltas = Deltas(geometry, patterns, strength, self._shapes)
        # not by way of the stage: it would refer to itself, and its memory wait for the garbage collector
        self.shared = Pool(partial(Sheet, self.tilings, shared=True))
        self.copies = Pool(partial(Sheet, self.tilings, shared=False))
        self._shared_places = _places(self.tilings, shared=True)
        self._places = _places(self.tilings, shared=False)
        self._scratch = Scratch()

    def _tiling(self, index: int) -> Tiling:
        shape = self._shapes[index]
        luma, chroma = (self._cells(grid, shape[:2]) for grid in (self.geometry.luma, self.geometry.chroma))
        maps = [luma, chroma] if self.geometry.layout.kind == "packed" else [chroma if index else luma]
        return Tiling.of(maps, self._dtype.itemsize * int(np.prod(shape[2:])))

    def _cells(self, grid: Grid, size: tuple[int, int]) -> NDArray[np.intp]:
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
            For every plane all its versions.
        """
        return tuple(
            tuple(self._view(loan[place], tiling, shape, version) for version in range(tiling.versions))
            for place, tiling, shape in zip(self._shared_places, self.tilings, self._shapes, strict=True)
        )

    def planes(self, loan: Bytes) -> list[Plane]:
        """Show the planes in the memory of a viewer's frame.

        Parameters
        ----------
        loan : ndarray of uint8
            From `copies`.

        Returns
        -------
        list of ndarray
        """
        return [
            self._view(loan[place], tiling, shape, 0)
            for place, tiling, shape in zip(self._places, self.tilings, self._shapes, strict=True)
        ]

    def _view(self, memory: Bytes, tiling: Tiling, shape: tuple[int, ...], version: int) -> Plane:
        """Show a version as a plane, whose rows may be shorter than those in memory."""
        rows = memory.reshape(shape[0], -1)
        start = version * tiling.row
        plane: Plane = rows[:, start : start + shape[1] * tiling.pixel].view(self._dtype)
        return plane.reshape(shape) if len(shape) > 2 else plane

    def fill(self, views: list[Plane], versions: tuple[tuple[Plane, ...], ...]) -> None:
        """Add what the deltas hold to a host.

        Parameters
        ----------
        views : list of ndarray
            The host's planes.
        versions : tuple of tuple of ndarray
            Where the results lie.
        """
        luma, chroma = self.deltas.luma, self.deltas.chroma
        if self.geometry.layout.kind == "packed":
            colour = self._colour()
            for version, out in enumerate(versions[0]):
                self._add_packed(views[0], luma[version % 2], colour, 1 if version >= 2 else -1, out)
            return
        for field, out in zip(luma, versions[0], strict=False):
            field.add(views[0], 1, out)
        for view, field, made in zip(views[1:], chroma, versions[1:], strict=True):
            field.add(view, -1, made[0])
            field.add(view, 1, made[1])

    def fill_for_one(self, views: list[Plane], out: list[Plane]) -> None:
        """Add what the deltas hold for one viewer to a host.

        Parameters
        ----------
        views : list of ndarray
            The host's planes.
        out : list of ndarray
            The viewer's.
        """
        luma, chroma = self.deltas.luma[0], self.deltas.chroma
        if self.geometry.layout.kind == "packed":
            self._add_packed(views[0], luma, self._colour(), 1, out[0])
            return
        for view, field, made in zip(views, (luma, *chroma), out, strict=True):
            field.add(view, 1, made)

    def cut(self, sheet: Sheet) -> None:
        """Make versions C and D of the blocks that boundaries run through, from what A and B have become.

        Parameters
        ----------
        sheet : Sheet
            From `shared`, filled.
        """
        for tiling, plane in zip(self.tilings, sheet.planes, strict=True):
            if not len(tiling.cut):
                continue
            mixed = plane[:, 2 * tiling.row :]
            if tiling.piece >= SMALLEST_PIECE:
                np.copyto(mixed, self._taken(plane, tiling.piece, tiling.mixed, "pieces"))
                continue
            a, b = (
                self._taken(plane, tiling.block, tiling.cut + index * tiling.blocks, f"cut from {version}")
                for index, version in enumerate("AB")
            )
            for base, over, target in zip((a, b), (b, a), np.split(mixed, 2, axis=1), strict=True):
                np.copyto(target, base)
                cv2.copyTo(over, tiling.odd_bytes, target)

    def _taken(self, plane: Bytes, size: int, numbers: NDArray[np.intp], name: str) -> Bytes:
        """Gather blocks of a size from the rows of a plane."""
        blocks = plane.view(f"V{size}")
        made = self._scratch.array(name, (len(blocks), len(numbers)), blocks.dtype)
        blocks.take(numbers, 1, made, "clip")
        taken: Bytes = made.view(np.uint8)
        return taken

    def _colour(self) -> Samples:
        """Say what the changes of Cb and Cr add to each colour of a packed plane."""
        blue, red = self.deltas.chroma
        assert isinstance(blue, FloatField)
        assert isinstance(red, FloatField)
        shape = self._shapes[0]
        colour = self._scratch.array("colour", shape)
        weights = list(zip(BLUE_TO_RGB, RED_TO_RGB, strict=True))
        for channel, (of_blue, of_red) in enumerate(weights if self.geometry.layout.order == "rgb" else weights[::-1]):
            one, other = (self._scratch.array(name, shape[:2]) for name in ("one colour", "other colour"))
            np.add(np.multiply(blue.levels, of_blue, out=one), np.multiply(red.levels, of_red, out=other), out=one)
            cv2.insertChannel(one, colour, channel)
        return colour

    def _add_packed(self, view: Plane, luma: Field, colour: Samples, sign: int, out: Plane) -> None:
        """Add a change of luma, and that of colours or its negative, to a packed plane."""
        assert isinstance(luma, FloatField)
        total = self._scratch.array("total", view.shape)
        cv2.merge([luma.levels] * 3, dst=total)
        (np.add if sign > 0 else np.subtract)(total, colour, out=total)
        cv2.add(view, total, dst=out, dtype=cv2.CV_8U)

    def like(self, frame: Frame, loan: Bytes) -> Frame:
        """Make a viewer's frame of the memory that its planes were written to.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
            The host frame.
        loan : ndarray of uint8
            From `copies`.

        Returns
        -------
        av.VideoFrame or ndarray
            Of the host's kind, size and format, with its time stamp, time base and colour metadata.
        """
        views = self.planes(loan)
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
