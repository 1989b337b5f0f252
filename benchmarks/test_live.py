"""Marking a live stream, timed beside its peers on the same frames in the same run.

    python -m benchmarks.live_page

runs this with a clock of the process' own time and writes docs/benchmarks.md. Within the tests everything runs once,
untimed, so that it does not rot.
"""

from __future__ import annotations

import importlib.util
import sys
from fractions import Fraction
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

from benchmarks.workshop import RIGHT_KEY
from tracemark.demo.clip import bundled_clip
from tracemark.embedder import Chroma, Embedder, kernels
from tracemark.embedder.cells import Cells
from tracemark.embedder.fields import Field, shift_of
from tracemark.frames import in_rows, layout_of, planes
from tracemark.payload import Payload
from tracemark.signal.grid import Grid
from tracemark.signal.moments import moments
from tracemark.signal.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from numpy.typing import NDArray
    from pytest_benchmark.fixture import BenchmarkFixture

HD, FULL_HD = (1280, 720), (1920, 1080)
PICTURES = 8
HELD = 50
"""Frames that viewers or copies hold on to in turn: more memory than any cache has, as in a server."""

VIEWERS = 100
SLOW_ROUNDS = 3
SIZES = pytest.mark.parametrize("size", [FULL_HD, HD], ids=lambda size: "x".join(map(str, size)))

PEERS = {
    "invisible-watermark": "pip install --no-deps invisible-watermark PyWavelets (torch is not needed)",
    "blind-watermark": "pip install --no-deps blind-watermark PyWavelets (its OpenCV would replace ours)",
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """All is measured on one core."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


@cache
def pictures(size: tuple[int, int], name: str = "yuv420p") -> list[av.VideoFrame]:
    """Read frames of Big Buck Bunny, brought to a size and format."""
    width, height = size
    with av.open(str(bundled_clip())) as container:
        frames = zip(container.decode(video=0), range(PICTURES), strict=False)
        return [frame.reformat(width=width, height=height, format=name, interpolation="LANCZOS") for frame, _ in frames]


def group(what: str, size: tuple[int, int], name: str = "yuv420p") -> str:
    """Name a group of measurements."""
    return f"{what} {size[0]}x{size[1]} {name}"


def in_turn(work: Callable[[int], object]) -> Callable[[], None]:
    """Call with 0, 1, 2, ..."""
    numbers = iter(range(sys.maxsize))

    def step() -> None:
        work(next(numbers))

    return step


def of_planes(frame: av.VideoFrame) -> list[NDArray[Any]]:
    """Show the planes of a frame."""
    return list(planes(frame, layout_of(frame)))


# One more viewer


@SIZES
@pytest.mark.parametrize("held", [1, HELD])
def test_copy(benchmark: BenchmarkFixture, size: tuple[int, int], held: int) -> None:
    """A memory copy of the planes that carry the mark, to one place or to many in turn."""
    views = of_planes(pictures(size)[0])
    places = [[np.zeros_like(view) for view in views] for _ in range(held)]

    def copy(number: int) -> None:
        for target, view in zip(places[number % held], views, strict=True):
            np.copyto(target, view)

    benchmark.group = group(f"mark, {held} held,", size)
    benchmark.name = "copy of the planes"
    benchmark(in_turn(copy))


@SIZES
@pytest.mark.parametrize("held", [1, HELD])
def test_mark(benchmark: BenchmarkFixture, size: tuple[int, int], held: int) -> None:
    """Marking a prepared frame for one more viewer, who holds on to so many."""
    embedder = Embedder(RIGHT_KEY)
    viewer = embedder.viewer(Payload(88, 4711))
    prepared = embedder.prepare(pictures(size)[0])
    frames = [viewer.mark(prepared) for _ in range(held)]

    def mark(number: int) -> None:
        frames[number % held] = viewer.mark(prepared)

    benchmark.group = group(f"mark, {held} held,", size)
    benchmark.name = "tracemark mark"
    benchmark(in_turn(mark))


# Once a frame


@SIZES
def test_prepare(benchmark: BenchmarkFixture, size: tuple[int, int]) -> None:
    """Preparing a frame for all viewers."""
    embedder = Embedder(RIGHT_KEY)
    hosts = pictures(size)
    benchmark.group = group("prepare", size)
    benchmark.name = "tracemark prepare"
    benchmark(in_turn(lambda number: embedder.prepare(hosts[number % PICTURES])))


@pytest.mark.parametrize("held", [True, False], ids=["held", "let go"])
@pytest.mark.parametrize("chroma", [Chroma.MARKED, Chroma.SHARED], ids=lambda chroma: chroma.value)
def test_a_hundred_viewers(benchmark: BenchmarkFixture, held: bool, chroma: Chroma) -> None:  # noqa: FBT001
    """A frame for a hundred viewers, marking only; each holds on to the last one, or lets it go at once."""
    embedder = Embedder(RIGHT_KEY, chroma=chroma)
    crowd = [embedder.viewer(Payload(88, member)) for member in range(VIEWERS)]
    hosts = pictures(HD)
    kept: list[object] = [None] * VIEWERS

    def show(number: int) -> None:
        prepared = embedder.prepare(hosts[number % PICTURES])
        for index, viewer in enumerate(crowd):
            frame = viewer.mark(prepared)
            kept[index] = frame if held else None

    benchmark.group = group(f"{VIEWERS} viewers", HD)
    benchmark.name = f"tracemark, chroma {chroma.value}, frames {'held' if held else 'let go'}"
    benchmark(in_turn(show))


@pytest.mark.parametrize("held", [True, False], ids=["held", "let go"])
def test_a_hundred_copies(benchmark: BenchmarkFixture, held: bool) -> None:  # noqa: FBT001
    """A hundred copies of a frame's planes, to as many places or to one: what no way of marking can do without."""
    hosts = [of_planes(frame) for frame in pictures(HD)]
    places = [[np.zeros_like(view) for view in hosts[0]] for _ in range(VIEWERS if held else 1)]

    def show(number: int) -> None:
        for index in range(VIEWERS):
            for target, view in zip(places[index if held else 0], hosts[number % PICTURES], strict=True):
                np.copyto(target, view)

    benchmark.group = group(f"{VIEWERS} viewers", HD)
    benchmark.name = f"copies of the planes, {'held' if held else 'let go'}"
    benchmark(in_turn(show))


# One viewer, one frame, beside peers


@SIZES
@pytest.mark.parametrize("way", ["for one viewer", "prepare and mark"])
def test_one_viewer(benchmark: BenchmarkFixture, size: tuple[int, int], way: str) -> None:
    """The whole work of tracemark for one frame of one viewer: the latency that it adds."""
    embedder = Embedder(RIGHT_KEY)
    viewer = embedder.viewer(Payload(88, 4711))
    hosts = pictures(size)

    def mark(number: int) -> None:
        host = hosts[number % PICTURES]
        viewer.mark(host if way == "for one viewer" else embedder.prepare(host))

    benchmark.group = group("one viewer", size)
    benchmark.name = f"tracemark {way}"
    benchmark(in_turn(mark))


@pytest.mark.parametrize("preset", ["ultrafast", "veryfast"])
def test_x264(benchmark: BenchmarkFixture, preset: str) -> None:
    """Encoding the same frames with x264, on one thread and without delay."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    (encoder.width, encoder.height), encoder.pix_fmt = FULL_HD, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    encoder.options = {"preset": preset, "tune": "zerolatency", "threads": "1"}
    # frames of its own, whose time stamps may be changed
    hosts = [frame.reformat(format="yuv444p").reformat(format="yuv420p") for frame in pictures(FULL_HD)]

    def encode(number: int) -> None:
        for frame in hosts:  # some take longer than others; so one round is all of them, and its time divided
            frame.pts, frame.time_base = number, Fraction(1, 25)
            encoder.encode(frame)
            number += 1

    benchmark.group = group("one viewer", FULL_HD)
    benchmark.name = f"x264 {preset}"
    benchmark.extra_info["frames"] = PICTURES
    benchmark(in_turn(lambda number: encode(number * PICTURES)))


def test_overlay(benchmark: BenchmarkFixture) -> None:
    """A bare `cv2.addWeighted` of a picture over each plane."""
    views = of_planes(pictures(FULL_HD)[0])
    over = of_planes(pictures(FULL_HD)[1])
    out = [np.empty_like(view) for view in views]

    def blend() -> None:
        for view, other, target in zip(views, over, out, strict=True):
            cv2.addWeighted(view, 0.9, other, 0.1, 0, dst=target)

    benchmark.group = group("one viewer", FULL_HD)
    benchmark.name = "cv2.addWeighted overlay"
    benchmark(blend)


def bgr() -> NDArray[np.uint8]:
    """Return the first frame as the peers take it."""
    return np.ascontiguousarray(pictures(FULL_HD, "bgr24")[0].to_ndarray(), np.uint8)


def module(package: str, path: str) -> ModuleType:
    """Import one file of an installed package without the rest of it, which may need what is not installed."""
    try:
        found = [Path(str(each.locate())) for each in files(package) or [] if each.as_posix() == path]
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed: {PEERS[package]}")
    pytest.importorskip("pywt", reason="PyWavelets is not installed")
    spec = importlib.util.spec_from_file_location(f"peer_{found[0].stem}", found[0])
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_dwt_dct(benchmark: BenchmarkFixture) -> None:
    """The method dwtDct of invisible-watermark, with as many bits as tracemark's payload."""
    peer = module("invisible-watermark", "imwatermark/maxDct.py")
    bits = np.unpackbits(np.arange(8, dtype=np.uint8)).tolist()
    work = peer.EmbedMaxDct(bits, wmLen=len(bits))
    picture = bgr()
    benchmark.group = group("one viewer", FULL_HD)
    benchmark.name = "invisible-watermark dwtDct"
    benchmark.pedantic(lambda: work.encode(picture), rounds=SLOW_ROUNDS)  # type: ignore[no-untyped-call]


def test_blind_watermark(benchmark: BenchmarkFixture) -> None:
    """blind-watermark, with as many bits."""
    if importlib.util.find_spec("blind_watermark") is None:
        pytest.skip(f"blind-watermark is not installed: {PEERS['blind-watermark']}")
    blind_watermark = pytest.importorskip("blind_watermark")
    blind_watermark.bw_notes.close()
    picture = bgr().astype(np.float32)
    bits = np.unpackbits(np.arange(8, dtype=np.uint8)).astype(bool)

    def embed() -> None:
        work = blind_watermark.WaterMark(password_img=1, password_wm=1)
        work.read_img(img=picture)
        work.read_wm(bits, mode="bit")
        work.embed()

    benchmark.group = group("one viewer", FULL_HD)
    benchmark.name = "blind-watermark"
    benchmark.pedantic(embed, rounds=SLOW_ROUNDS)  # type: ignore[no-untyped-call]


# Ways that were weighed against each other


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
        kernels.choose(versions, choice.blocks, cells.cut, choice.masks, cells.bands, out)

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
