"""Passes over a whole picture that are compiled: each against what numpy or OpenCV makes in many."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest
from numba import types

from tests.scenes import KEY, film
from tracemark.compiled import compiled, result, rows
from tracemark.embedder import LARGEST_STRENGTH, Embedder, kernels
from tracemark.embedder.fields import Field, shift_of
from tracemark.frames import LAYOUTS, in_rows, planes
from tracemark.signal.grid import Grid
from tracemark.signal.moments import moments
from tracemark.signal.scratch import Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray


def picture(width: int, height: int) -> NDArray[np.uint8]:
    """Return the luma of a scene."""
    return np.asarray(cv2.resize(planes(film(1, 640, 360)[0], LAYOUTS["yuv420p"])[0], (width, height)), np.uint8)


def moments_of(plane: NDArray[np.uint8], grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and mean square of all canonical samples; rows in memory are longer than the picture."""
    width = plane.shape[1]
    padded = np.full((plane.shape[0], width + 7), 255, np.uint8)
    padded[:, :width] = plane
    first, second = moments(padded, width, grid, Scratch(), "luma", squares=True)
    assert np.array_equal(moments(padded, width, grid, Scratch(), "luma")[0], first)
    return first, second


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1280, 720), (960, 540)])
def test_moments_of_whole_samples_are_exact(width: int, height: int) -> None:
    """Where canonical samples are whole pixels, mean and mean square are those of the pixels under each."""
    plane = np.random.default_rng(7).integers(0, 256, (height, width), dtype=np.uint8)
    side = width // 320
    blocks = plane.reshape(180, side, 320, side).astype(np.float64)
    first, second = moments_of(plane, Grid.of(16 / 9, 320, 8))
    assert np.abs(first - blocks.mean(axis=(1, 3))).max() < 1e-3
    assert np.abs(second - (blocks**2).mean(axis=(1, 3))).max() < 0.05


@pytest.mark.parametrize(("width", "height"), [(1904, 1080), (1915, 1076), (854, 480), (700, 700), (3840, 1600)])
def test_moments_between_pixels_are_near(width: int, height: int) -> None:
    """Elsewhere pixels may be averaged in pairs, half a pixel beside a sample's edge: the means differ little."""
    plane = picture(width, height)
    grid = Grid.of(width / height, 320, 8)
    first, second = moments_of(plane, grid)
    expected = grid.canonical(plane)
    assert float(np.sqrt(np.mean((first - expected) ** 2))) < 0.3
    assert np.corrcoef(first.ravel(), expected.ravel())[0, 1] > 0.9999
    assert (second - first**2).min() > -0.05  # a mean square is never under the square of the mean


def test_moments_of_a_small_plane() -> None:
    """A plane smaller than the grid is interpolated."""
    plane = picture(176, 144)
    grid = Grid.of(176 / 144, 320, 8)
    first, second = moments_of(plane, grid)
    assert np.allclose(first, grid.canonical(plane), atol=1e-3)
    assert np.corrcoef(first.ravel() ** 2, second.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("size", [(640, 360), (1904, 1080), (66, 640), (97, 65)])
@pytest.mark.parametrize("largest", [0.0, 0.4, 9.0, 120.0])
def test_a_change_is_laid_as_opencv_would(size: tuple[int, int], largest: float) -> None:
    """What kernels add in 16 bits is what OpenCV's cubic interpolation adds in float32, but for near things."""
    width, height = size
    chance = np.random.default_rng(8)
    change = np.asarray(cv2.GaussianBlur(chance.normal(0, 1, (90, 160)), (0, 0), 0.7), np.float32)
    change *= largest / np.abs(change).max()
    plane = chance.integers(0, 256, (height, width), dtype=np.uint8)
    large = np.asarray(cv2.resize(change, size, interpolation=cv2.INTER_CUBIC), np.float64)
    made = np.zeros((height, 1, width), np.uint8)
    field, shift = Field(change.shape, plane.shape, 1), shift_of(largest)
    field.fill(0, shift, change)
    kernels.lay(plane, field.wide, field.taps, field.weights, shift, 255, made)
    expected = np.clip(np.floor(plane + large + 0.5), 0, 255)
    differs = np.abs(made[:, 0] - expected)
    assert differs.max() <= np.ceil(0.03 * largest)
    assert differs.mean() < 0.03 * max(1, largest / 9)


@pytest.mark.parametrize("strength", [1.0, LARGEST_STRENGTH])
def test_the_largest_changes_fit_into_16_bits(strength: float) -> None:
    """On the most textured of pictures, at any strength, no sum of 16 bits turns over: A and B lie about the host."""
    noise = np.random.default_rng(9).integers(0, 2, (360, 640), dtype=np.uint8) * 128 + 64
    frame = av.VideoFrame.from_ndarray(noise, "gray").reformat(format="yuv420p10le")
    prepared = Embedder(KEY, strength=strength).prepare(frame)
    before = planes(frame, LAYOUTS["yuv420p10le"])[0].astype(int)
    a, b = (version.astype(int) - before for version in prepared.versions[0])
    inside = (np.abs(a) < 250) & (np.abs(b) < 250)
    assert np.abs(a).max() > 10 * strength
    assert inside.mean() > 0.9
    # the pilot is the smaller part: A and B are opposite, which no sum that turned over would be
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] < -0.3


def test_without_a_folder_loops_are_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numba may keep nothing, a loop works; only the next process has to compile it again."""

    def nowhere(*_: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr("numba.core.dispatcher.Dispatcher.enable_caching", nowhere)

    @compiled(types.void(rows("uint8"), result("uint8")))
    def double(given: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        for y in range(len(given)):
            for x in range(given.shape[1]):
                out[y, x] = 2 * given[y, x]

    out = np.zeros((2, 3), np.uint8)
    double(np.arange(6, dtype=np.uint8).reshape(2, 3), out)
    assert out.tolist() == [[0, 2, 4], [6, 8, 10]]


def test_rows_are_shown_as_they_lie() -> None:
    """Rows in one piece are shown without a copy, whatever follows them; all else is copied."""
    whole = np.arange(60, dtype=np.uint8).reshape(5, 12)
    assert np.shares_memory(in_rows(whole[:, :7]), whole)
    assert in_rows(whole[:, :7]).shape == (5, 12)
    assert np.array_equal(in_rows(whole[:, :7])[:, :7], whole[:, :7])
    for view in (whole[:, ::2], whole[::-1], whole.T, whole[:, ::-1]):
        assert not np.shares_memory(in_rows(view), whole)
        assert np.array_equal(in_rows(view), view)
    packed = whole.reshape(5, 4, 3)[:, :3]
    assert np.shares_memory(in_rows(packed), whole)
    assert np.array_equal(in_rows(packed)[:, :9], packed.reshape(5, 9))


def test_no_decode_waits_for_compiled_loops() -> None:
    """What decodes does not load numba, which takes half a second."""
    check = "import sys, tracemark.cli.decode, tracemark.video.decoding; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
