"""Marking a live stream, timed beside its peers on the same frames in the same run.

    python -m benchmarks.live_page

runs this with a clock of the process' own time and writes docs/benchmarks.md. Within the tests everything runs once,
untimed, so that it does not rot.
"""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from benchmarks.timing import FULL_HD, HD, PICTURES, VIEWERS, group, in_turn, of_planes, pictures
from benchmarks.workshop import RIGHT_KEY
from tracemark.embedder import Chroma, Embedder
from tracemark.payload import Payload

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray
    from pytest_benchmark.fixture import BenchmarkFixture

HELD = 50
"""Frames that viewers or copies hold on to in turn: more memory than any cache has, as in a server."""

SLOW_ROUNDS = 3
SIZES = pytest.mark.parametrize("size", [FULL_HD, HD], ids=lambda size: "x".join(map(str, size)))

PEERS = {
    "invisible-watermark": "pip install --no-deps invisible-watermark PyWavelets (torch is not needed)",
    "blind-watermark": "pip install --no-deps blind-watermark PyWavelets (its OpenCV would replace ours)",
}


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


@pytest.mark.parametrize("chroma", [Chroma.MARKED, Chroma.SHARED], ids=lambda chroma: chroma.value)
def test_a_hundred_viewers_at_once(benchmark: BenchmarkFixture, chroma: Chroma) -> None:
    """A frame for a hundred viewers, marking only, all of them at once."""
    embedder = Embedder(RIGHT_KEY, chroma=chroma)
    crowd = [embedder.viewer(Payload(88, member)) for member in range(VIEWERS)]
    hosts = pictures(HD)
    kept: list[object] = []

    def show(number: int) -> None:
        kept[:] = embedder.mark_all(embedder.prepare(hosts[number % PICTURES]), crowd)

    benchmark.group = group(f"{VIEWERS} viewers", HD)
    benchmark.name = f"tracemark, chroma {chroma.value}, at once"
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
