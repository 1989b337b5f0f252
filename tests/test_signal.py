"""Grid, cells and patterns: frozen where the wire format needs it, lawful everywhere."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.scenes import KEY, WRONG_KEY
from tracemark import coding
from tracemark.keys import Key
from tracemark.profile import PROFILE
from tracemark.signal import cells
from tracemark.signal.clock import clock_bits
from tracemark.signal.grid import Grid
from tracemark.signal.patterns import CREST, EDGE_TAPER, Patterns, pilot_sign

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELL = PROFILE.cell
SIDES = st.sampled_from([PROFILE.luma.long_side, PROFILE.chroma.long_side])
ASPECTS = st.floats(0.1, 10)
PIXELS = st.integers(16, 4096)

FROZEN_KEY = Key.from_bytes(bytes(range(32)))
"""The key of the committed vectors."""

CHIP_SIGNS = {
    "luma": "f261e4ad890502c1bed0e2c449ed7eebeb4b05c07e2f8c499d7bd0cddb2f4e41",
    "chroma": "63395d2c6192bfcbdeeafe7d2f5a9dcf2c73bf0fbd987a7ca405c33e89c1f85b",
}
"""SHA-256 of the signs of all coefficients inside the band, a byte of 0 or 1 each, slot by slot and row by row."""

BIT_MAPS = {
    "luma": "2ab3cdd7c4725333946976e910b37bcb14cb0840d19e70aa0123677542c40ec9",
    "chroma": "814d66b1140f67fe89539cade00dd5339eb4176d8d3db9daf2cbd6fc09cd7f8a",
}
"""SHA-256 of what every cell says, 16 bits little-endian, slot by slot and row by row."""


@pytest.fixture(scope="module")
def patterns() -> Patterns:
    """Patterns of the first test key."""
    return Patterns.of(KEY, PROFILE)


@pytest.fixture(scope="module")
def frozen() -> Patterns:
    """Patterns of the key of the committed vectors."""
    return Patterns.of(FROZEN_KEY, PROFILE)


def in_band(planes: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """Return the coefficients inside the band of a kind of plane."""
    plane = PROFILE.luma if kind == "luma" else PROFILE.chroma
    return cells.forward(planes, CELL)[..., cells.band_mask(CELL, plane.band)]


def digest(array: NDArray[np.uint8] | NDArray[np.uint16]) -> str:
    """Return the SHA-256 of an array in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


@pytest.mark.parametrize("kind", ["luma", "chroma"])
def test_chips_are_frozen(frozen: Patterns, kind: str) -> None:
    """The signs of a known key's chips, read back out of its patterns, never change."""
    planes = frozen.luma if kind == "luma" else frozen.chroma
    assert digest((in_band(planes, kind) > 0).astype(np.uint8)) == CHIP_SIGNS[kind]


@pytest.mark.parametrize("kind", ["luma", "chroma"])
def test_bit_maps_are_frozen(frozen: Patterns, kind: str) -> None:
    """Which cell of a known key says which code bit never changes."""
    bits = frozen.luma_bits if kind == "luma" else frozen.chroma_bits
    assert digest(bits.astype("<u2")) == BIT_MAPS[kind]


def test_pilot_is_frozen(frozen: Patterns) -> None:
    """The first carriers of a known key, and samples of its pilot, never change."""
    assert frozen.frequencies[:2] == pytest.approx(
        np.array([[-25.0530308771, 55.8962803252], [56.7945573039, 10.7275556311]]), abs=1e-9
    )
    assert frozen.phases[:2] == pytest.approx(np.array([3.2824027443, 1.7485197509]), abs=1e-9)
    assert frozen.pilot[[7, 8], 300] == pytest.approx(np.array([-0.49824, 0.83306]), abs=1e-4)


def test_clock_is_frozen() -> None:
    """The clock of a known key never changes, and its bits are fair."""
    bits = clock_bits(FROZEN_KEY, PROFILE)
    assert digest(bits) == "e949817822619e5d74b67a845c756ec1f3c8dca7f7d23b4daae37e664dbe5d0b"
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.005


def test_patterns_are_the_same_again(patterns: Patterns) -> None:
    """A key gives the same patterns every time, to the bit."""
    again = Patterns.of(KEY, PROFILE)
    for name in ("luma", "chroma", "luma_bits", "chroma_bits", "pilot"):
        assert np.array_equal(getattr(again, name), getattr(patterns, name)), name


def test_chips_survive_shaping(patterns: Patterns) -> None:
    """Crest limit and taper leave every chip's sign, and most of its size."""
    size = PROFILE.luma.long_side // CELL
    band = cells.band_mask(CELL, PROFILE.luma.band)
    chips = KEY.stream("luma chips", PROFILE.version, 3).signs((size * CELL) ** 2).reshape(size, size, CELL, CELL)
    wanted = chips[..., band].astype(np.float32)
    shaped = in_band(patterns.luma[3], "luma")
    assert np.array_equal(np.sign(shaped), wanted)
    assert np.corrcoef(shaped.ravel(), wanted.ravel())[0, 1] > 0.97


def test_patterns_have_unit_rms(patterns: Patterns) -> None:
    """Every data pattern has an RMS of 1, every pilot of 1 within 2 %, and neither has a mean."""
    for planes, tolerance in ((patterns.luma, 1e-4), (patterns.chroma, 1e-4), (patterns.pilot, 0.02)):
        rms = np.sqrt(np.mean(planes.astype(np.float64) ** 2, axis=(-2, -1)))
        assert np.abs(rms - 1).max() < tolerance
        assert np.abs(planes.mean(axis=(-2, -1))).max() < 0.02


def test_patterns_are_bounded(patterns: Patterns) -> None:
    """No sample of a data pattern sticks out of the crest limit, the taper's makeup gain included."""
    assert np.abs(patterns.luma).max() < CREST / EDGE_TAPER
    assert np.abs(patterns.chroma).max() < CREST / EDGE_TAPER


def test_no_lattice_shows(patterns: Patterns) -> None:
    """No place within a cell is more than a quarter stronger than the rest; without the taper the edges would be."""
    size = PROFILE.luma.long_side // CELL
    samples = patterns.luma.reshape(-1, size, CELL, size, CELL)
    rms = np.sqrt((samples**2).mean(axis=(0, 1, 3)))
    assert rms.max() < 1.25
    assert rms[1:-1, [0, -1]].mean() / EDGE_TAPER > 1.25


def test_pilot_turns_its_sign() -> None:
    """Even slots show the pilot, odd ones its negative, before the stream's beginning too."""
    assert [pilot_sign(slot) for slot in (-3, -2, -1, 0, 1, 2, 31)] == [-1, 1, -1, 1, -1, 1, -1]


def test_carriers_keep_apart(patterns: Patterns) -> None:
    """Every carrier lies in the ring and keeps its distance from all others and their mirror images."""
    radius = np.hypot(*patterns.frequencies.T)
    assert PROFILE.ring[0] <= radius.min() <= radius.max() <= PROFILE.ring[1]
    for index, own in enumerate(patterns.frequencies):
        others = np.delete(patterns.frequencies, index, axis=0)
        both = np.concatenate([others, -others])
        assert np.hypot(*(both - own).T).min() >= PROFILE.spacing


def test_no_two_patterns_are_alike(patterns: Patterns) -> None:
    """Patterns of two slots, of Cb and Cr, and of two keys correlate no more than chance."""
    other = Patterns.of(WRONG_KEY, PROFILE)
    luma = np.concatenate([patterns.luma, other.luma]).reshape(2 * PROFILE.patterns, -1)
    chroma = np.concatenate([patterns.chroma, other.chroma]).reshape(4 * PROFILE.patterns, -1)
    for flat, kind in ((luma, "luma"), (chroma, "chroma")):
        alike = flat @ flat.T / flat.shape[1]
        chips = in_band(patterns.luma if kind == "luma" else patterns.chroma[:, 0], kind)[0].size
        assert np.abs(alike - np.eye(len(alike))).max() < 5.5 / np.sqrt(chips)


def test_no_two_keys_share_bit_maps(patterns: Patterns) -> None:
    """Two keys, and two slots of one key, agree about a cell's code bit no more often than chance."""
    other = Patterns.of(WRONG_KEY, PROFILE)
    assert (patterns.luma_bits == other.luma_bits).mean() < 0.01
    assert (patterns.luma_bits[1:] == patterns.luma_bits[:-1]).mean() < 0.01


def test_every_code_bit_has_its_cells(patterns: Patterns) -> None:
    """A sixteenth of the canvas' cells are the clock's, and all code bits have as many cells, but for one."""
    for maps in (patterns.luma_bits, patterns.chroma_bits):
        for bits in maps:
            counts = np.bincount(bits.ravel())
            assert len(counts) == coding.CODE_BITS + PROFILE.clock_groups
            assert counts[coding.CODE_BITS :].sum() == bits.size // 16
            counts = counts[: coding.CODE_BITS]
            assert counts.max() - counts.min() <= 1


@given(aspect=ASPECTS, side=SIDES)
def test_grid_is_centred(aspect: float, side: int) -> None:
    """A picture of any shape spans the canvas along its longer side and lies in its middle to the sample."""
    grid = Grid.of(aspect, side, CELL)
    assert max(grid.width, grid.height) == side
    assert (grid.width >= grid.height) == (aspect >= 1) or grid.width == grid.height
    assert (2 * grid.left + grid.width, 2 * grid.top + grid.height) == (side, side)
    assert abs(grid.width / aspect - grid.height) <= max(1, 1 / aspect) + 1e-9


@given(aspect=ASPECTS, side=SIDES)
def test_grid_touches_whole_cells(aspect: float, side: int) -> None:
    """The touched cells cover the picture, lie on the canvas, and not one of them could be spared."""
    grid = Grid.of(aspect, side, CELL)
    rows, columns = grid.cells
    top, bottom, left, right = grid.border
    assert 0 <= min(grid.border) <= max(grid.border) < CELL
    assert (top + grid.height + bottom, left + grid.width + right) == (rows * CELL, columns * CELL)
    assert 0 <= grid.rows.start < grid.rows.stop <= side // CELL
    assert 0 <= grid.columns.start < grid.columns.stop <= side // CELL


@example(width=164, height=1280, side=320)
@given(width=PIXELS, height=PIXELS, side=SIDES)
def test_turned_picture_has_the_turned_grid(width: int, height: int, side: int) -> None:
    """A picture and the same picture on its side have the same grid, on its side, however the ratio is worked out."""
    upright = Grid.of(width / height, side, CELL)
    turned = Grid(upright.height, upright.width, upright.top, upright.left, CELL)
    if width != height:
        assert Grid.of(height / width, side, CELL) == turned
    assert Grid.of(1 / (height / width), side, CELL) == upright


@given(aspect=ASPECTS, side=SIDES)
def test_pad_and_crop(aspect: float, side: int) -> None:
    """`crop` undoes `pad`, and what is padded is as large as the canvas' window."""
    grid = Grid.of(aspect, side, CELL)
    picture = np.arange(grid.width * grid.height, dtype=np.float32).reshape(grid.height, grid.width)
    padded = grid.pad(picture)
    assert padded.shape == grid.window(np.zeros((side, side), np.float32)).shape
    assert np.array_equal(grid.crop(padded), picture)


@settings(max_examples=25, deadline=None)
@given(width=st.integers(16, 900), height=st.integers(16, 900), level=st.integers(0, 255))
def test_canonical_keeps_levels(width: int, height: int, level: int) -> None:
    """A uniform plane of any size stays uniform, at its level, on the grid."""
    grid = Grid.of(width / height, PROFILE.luma.long_side, CELL)
    canonical = grid.canonical(np.full((height, width), level, np.uint8))
    assert canonical.shape == (grid.height, grid.width)
    assert np.abs(canonical - level).max() < 1e-3


def test_canonical_is_the_mean_of_the_area() -> None:
    """Where the plane is larger, a canonical sample is the mean of the pixels that it covers."""
    plane = np.random.default_rng(1).integers(0, 256, (720, 1280), dtype=np.uint8)
    grid = Grid.of(16 / 9, PROFILE.luma.long_side, CELL)
    means = plane.reshape(180, 4, 320, 4).mean(axis=(1, 3))
    assert np.abs(grid.canonical(plane) - means).max() < 1e-3


@given(rows=st.integers(1, 6), columns=st.integers(1, 6), seed=st.integers(0, 99))
def test_cells_round_trip(rows: int, columns: int, seed: int) -> None:
    """`inverse` undoes `forward`, and the energy is the same on both sides (Parseval)."""
    plane = np.random.default_rng(seed).normal(0, 50, (2, rows * CELL, columns * CELL)).astype(np.float32)
    coefficients = cells.forward(plane, CELL)
    assert coefficients.shape == (2, rows, columns, CELL, CELL)
    assert np.abs(cells.inverse(coefficients, CELL) - plane).max() < 1e-3
    assert float((coefficients**2).sum()) == pytest.approx(float((plane**2).sum()), rel=1e-4)


def test_cells_are_opencvs_dct() -> None:
    """A cell's coefficients are those of OpenCV's DCT, vertical frequency first."""
    plane = np.random.default_rng(2).normal(0, 50, (3 * CELL, 2 * CELL)).astype(np.float32)
    expected = cv2.dct(np.ascontiguousarray(plane[CELL : 2 * CELL, :CELL]))
    assert np.abs(cells.forward(plane, CELL)[1, 0] - expected).max() < 1e-3


def test_per_cell_repeats() -> None:
    """One value a cell becomes CELL by CELL samples of it."""
    values = np.array([[1, 2], [3, 4]], np.float32)
    assert np.array_equal(cells.per_cell(values, 2), np.array([[1, 1, 2, 2]] * 2 + [[3, 3, 4, 4]] * 2, np.float32))


@pytest.mark.parametrize("kind", ["luma", "chroma"])
def test_band_leaves_out_what_codecs_drop_and_pictures_fill(kind: str) -> None:
    """The band holds neither the mean of a cell nor its finest frequencies."""
    plane = PROFILE.luma if kind == "luma" else PROFILE.chroma
    band = cells.band_mask(CELL, plane.band)
    assert not band[0, 0]
    assert not band[-1, -1]
    assert np.array_equal(band, band.T)
    assert band.sum() >= 8
