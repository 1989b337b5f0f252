"""Ways that were weighed against each other: how a viewer's plane is chosen and written, changes added, samples summed.

Timed with `benchmarks/test_live.py`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

import tracemark.embedder.viewer
from benchmarks.timing import FULL_HD, HD, PICTURES, VIEWERS, group, in_turn, of_planes, pictures
from benchmarks.workshop import RIGHT_KEY
from tracemark.embedder import Embedder, kernels
from tracemark.embedder.cells import Cells
from tracemark.embedder.fields import Field, shift_of
from tracemark.frames import in_rows
from tracemark.payload import Payload
from tracemark.signal.grid import Grid
from tracemark.signal.moments import moments
from tracemark.signal.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from pytest_benchmark.fixture import BenchmarkFixture

CROWDS = 4, 20, VIEWERS


class Ways:
    """Luma planes A and B of 1920x1080, a viewer's cells, and the ways to put a plane together."""

    def __init__(self) -> None:
        width, height = FULL_HD
        chance = np.random.default_rng(1)
        self.a, self.b = chance.integers(0, 256, (2, height, width), dtype=np.uint8)
        rows, columns = np.arange(height) // 48, np.arange(width) // 48
        self.cells = chance.integers(0, 2, (rows.max() + 1, columns.max() + 1), dtype=np.uint8)
        self.mask = np.ascontiguousarray(self.cells[rows[:, None], columns])
        self.out = np.empty_like(self.a)
        self.bands = [slice(top, min(top + 48, height)) for top in range(0, height, 48)]
        self.difference = self.a ^ self.b
        numbers = np.arange(self.cells.size).reshape(self.cells.shape)[rows[:, None], columns]
        cells = Cells.of([numbers], 1, width)
        versions = np.stack([self.a, self.b], axis=1).reshape(height, -1).view(np.uint64)
        self.prepared = cells, cells.choose(self.cells.ravel()), versions, self.out.view(np.uint64)
        self.whole = self.mask * np.uint8(255)
        self.away = False

    def masked_copy(self) -> None:
        """Copy A, then B through a mask of bytes."""
        np.copyto(self.out, self.a)
        cv2.copyTo(self.b, self.mask, self.out)

    def masked_copy_in_bands(self) -> None:
        """Do it band by band, which stays in the core's own cache."""
        for band in self.bands:
            np.copyto(self.out[band], self.a[band])
            cv2.copyTo(self.b[band], self.mask[band], self.out[band])

    def exclusive_or(self) -> None:
        """Turn A into B by exclusive or where the mask says so."""
        np.bitwise_and(self.difference, self.whole, out=self.out)
        np.bitwise_xor(self.out, self.a, out=self.out)

    def runs(self) -> None:
        """Copy A, then every run of cells of B as a rectangle."""
        np.copyto(self.out, self.a)
        for band, cells in zip(self.bands, self.cells, strict=True):
            edges = np.flatnonzero(np.diff(cells, prepend=0, append=0)) * 48
            for left, right in edges.reshape(-1, 2):
                self.out[band, left:right] = self.b[band, left:right]

    def compiled(self) -> None:
        """Copy blocks of 16 bytes, each from one of the two, as the embedder does."""
        cells, choice, versions, out = self.prepared
        kernels.choose(versions, choice.blocks, cells.cut, choice.masks, cells.bands, self.away, out)

    def gather(self, size: int) -> Callable[[], None]:
        """Prepare `numpy.take` of blocks of so many bytes, none cut through, from versions side by side."""
        both = np.stack([self.a, self.b], axis=1).reshape(self.a.shape[0], -1).view(f"V{size}")
        count = self.a.shape[1] // size
        under = np.arange(count) * size // 48
        chosen = [cells[under].astype(np.intp) * count + np.arange(count) for cells in self.cells]
        out = self.out.view(f"V{size}")

        def work() -> None:
            for band, numbers in zip(self.bands, chosen, strict=True):
                both[band].take(numbers, 1, out[band], "clip")

        return work


@pytest.mark.parametrize("way", ["compiled", "masked copy", "masked copy in bands", "exclusive or", "runs"])
def test_other_ways_to_select(benchmark: BenchmarkFixture, way: str) -> None:
    """Ways to put a viewer's plane together, as a whole or in parts."""
    ways = Ways()
    benchmark.group = group("ways to select, luma of", FULL_HD)
    benchmark.name = way
    benchmark(getattr(ways, way.replace(" ", "_")))
    assert np.array_equal(np.where(ways.mask, ways.b, ways.a), ways.out)


@pytest.mark.parametrize("size", [8, 16, 48])
def test_gather(benchmark: BenchmarkFixture, size: int) -> None:
    """Gathering blocks, of the sizes that cells of 48 pixels are whole in."""
    ways = Ways()
    benchmark.group = group("ways to select, luma of", FULL_HD)
    benchmark.name = f"gather blocks of {size} bytes"
    benchmark(ways.gather(size))
    assert np.array_equal(np.where(ways.mask, ways.b, ways.a), ways.out)


@pytest.mark.parametrize("viewers", CROWDS)
@pytest.mark.parametrize("read", [False, True], ids=["", "read at once"])
@pytest.mark.parametrize("past", [False, True], ids=["through", "past"])
def test_ways_to_write(
    benchmark: BenchmarkFixture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    viewers: int,
    read: bool,
    past: bool,
) -> None:
    """A frame for viewers who hold on to the last one: written through the caches or past them, and perhaps read."""
    monkeypatch.setattr(tracemark.embedder.viewer, "HELD_IN_CACHES", -1 if past else sys.maxsize)
    embedder = Embedder(RIGHT_KEY)
    crowd = [embedder.viewer(Payload(88, member)) for member in range(viewers)]
    prepared = [embedder.prepare(frame) for frame in pictures(HD)]
    sinks = [np.zeros_like(view) for view in of_planes(pictures(HD)[0])]
    kept: list[object] = [None] * viewers

    def show(number: int) -> None:
        for index, viewer in enumerate(crowd):
            kept[index] = frame = viewer.mark(prepared[number % PICTURES])
            if read:
                for sink, view in zip(sinks, of_planes(frame), strict=True):
                    np.copyto(sink, view)

    benchmark.group = group(f"ways to write, {viewers} viewers who hold on,", HD)
    benchmark.name = f"{'past' if past else 'through'} the caches{', read at once' if read else ''}"
    benchmark(in_turn(show))


def field() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return a luma plane, and a change on the canonical grid."""
    change = np.random.default_rng(2).normal(0, 0.7, (180, 320)).astype(np.float32)
    return of_planes(pictures(FULL_HD)[0])[0], change


def test_add_floats(benchmark: BenchmarkFixture) -> None:
    """Bring a change up in float32 and add it."""
    plane, change = field()
    large, out = np.empty(plane.shape, np.float32), np.empty_like(plane)

    def work() -> None:
        cv2.resize(change, FULL_HD, dst=large, interpolation=cv2.INTER_CUBIC)
        cv2.add(plane, large, dst=out, dtype=cv2.CV_8U)

    benchmark.group = group("ways to add a change, luma of", FULL_HD)
    benchmark.name = "in float32"
    benchmark(work)


def test_add_bytes(benchmark: BenchmarkFixture) -> None:
    """Bring a change up in fine steps of a byte and add it."""
    plane, change = field()
    small, large, out = np.empty(change.shape, np.uint8), np.empty_like(plane), np.empty_like(plane)

    def work() -> None:
        cv2.convertScaleAbs(change, dst=small, alpha=25, beta=128)
        cv2.resize(small, FULL_HD, dst=large, interpolation=cv2.INTER_CUBIC)
        cv2.addWeighted(plane, 1.0, large, 1 / 25, -128 / 25, dst=out)

    benchmark.group = group("ways to add a change, luma of", FULL_HD)
    benchmark.name = "in bytes"
    benchmark(work)


def test_add_compiled(benchmark: BenchmarkFixture) -> None:
    """Bring a change to the plane's width, and to its height where it is added, in 16 bits."""
    plane, change = field()
    out = np.empty((plane.shape[0], 1, plane.shape[1]), np.uint8)
    field_of_change, shift = Field(change.shape, plane.shape, 1), shift_of(float(np.abs(change).max()))

    def work() -> None:
        made = field_of_change
        made.fill(0, shift, change)
        kernels.lay(in_rows(plane), made.wide, made.taps, made.weights, shift, 255, out)

    benchmark.group = group("ways to add a change, luma of", FULL_HD)
    benchmark.name = "compiled"
    benchmark(work)


def test_moments_of_floats(benchmark: BenchmarkFixture) -> None:
    """Mean and mean square of canonical samples by way of a float32 plane."""
    plane, _ = field()
    grid = Grid.of(16 / 9, 320, 8)

    def work() -> None:
        grid.canonical(plane)
        grid.canonical(plane.astype(np.float32) ** 2)

    benchmark.group = group("ways to sum, luma of", FULL_HD)
    benchmark.name = "in float32"
    benchmark(work)


def test_moments_compiled(benchmark: BenchmarkFixture) -> None:
    """The same by sums of rows, straight from bytes."""
    plane, _ = field()
    grid, scratch = Grid.of(16 / 9, 320, 8), Scratch()
    benchmark.group = group("ways to sum, luma of", FULL_HD)
    benchmark.name = "compiled"
    benchmark(lambda: moments(in_rows(plane), FULL_HD[0], grid, scratch, "luma", squares=True))
