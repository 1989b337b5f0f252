"""The masks: what large and small, smooth and busy, grey and colourful pictures bear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tracemark.profile import PROFILE
from tracemark.signal import colour, mask
from tracemark.signal.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = (180, 320)


def masked(canonical: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the luma mask of a host that is no larger than its canonical samples."""
    return mask.luma_mask(canonical, mask.texture(canonical * canonical, canonical))


@pytest.mark.parametrize("level", [16, 60, 110, 180, 235])
def test_smooth_surface_gets_the_floor(level: int) -> None:
    """A uniform surface of any brightness gets the floor, times the brightness gain, and never over 0.6 levels."""
    low, high = mask.BRIGHTNESS_GAIN
    made = masked(np.full(SIZE, level, np.float32))
    assert np.ptp(made) == 0
    assert low * mask.LUMA_FLOOR - 1e-6 <= made[0, 0] <= high * mask.LUMA_FLOOR + 1e-6
    assert made[0, 0] <= 0.6


def test_mid_grey_gets_least() -> None:
    """The eye sees best in mid grey: black and white surfaces bear more."""
    dark, grey, bright = (masked(np.full(SIZE, level, np.float32)).mean() for level in (16, 110, 235))
    assert grey < dark
    assert grey < bright


def test_shading_is_no_texture() -> None:
    """A slope of one level a sample, as on a cheek or the sky, gets no more than a flat surface may."""
    slope = np.tile(np.linspace(20, 220, SIZE[1], dtype=np.float32), (SIZE[0], 1))
    assert masked(slope).max() <= mask.BRIGHTNESS_GAIN[1] * mask.LUMA_FLOOR + 1e-6


def test_edge_beside_flat_stays_low() -> None:
    """A hard edge between two flat surfaces masks nothing: both sides stay at the floor."""
    edge = np.full(SIZE, 80, np.float32)
    edge[:, 160:] = 160
    assert masked(edge).max() <= mask.BRIGHTNESS_GAIN[1] * mask.LUMA_FLOOR + 1e-6


def test_texture_gets_more_and_its_flat_neighbour_does_not() -> None:
    """Inside a texture the mark is stronger; on the flat surface beside it, a neighbourhood away, it is not."""
    both = np.full(SIZE, 110, np.float32)
    both[:, 290:] += np.random.default_rng(3).normal(0, 10, (SIZE[0], 30)).astype(np.float32)
    made = masked(both)
    assert made[:, 300:310].mean() > 1.5 * made[:, :100].mean()
    assert made[:, : 290 - mask.REACH].max() <= mask.BRIGHTNESS_GAIN[1] * mask.LUMA_FLOOR + 1e-6


@pytest.mark.parametrize("size", [(176, 144), (640, 360), (853, 480), (1280, 720), (720, 405), (3840, 2160)])
def test_limits_hold_over_the_whole_picture(size: tuple[int, int]) -> None:
    """However busy and colourful a picture is, both masks stay within its bounds; luma reaches its own."""
    chance = np.random.default_rng(4)
    busy = chance.uniform(0, 255, SIZE).astype(np.float32)
    textured = mask.texture(busy * busy, busy)
    blue, red = (chance.uniform(0, 255, SIZE).astype(np.float32) for _ in range(2))
    bounds = mask.Bounds.of(*size, SIZE[1])
    luma = mask.luma_mask(busy, textured, None, bounds)
    chroma = mask.chroma_mask(busy, textured, blue, red, None, bounds.chroma(luma))
    assert rms(luma) == pytest.approx(bounds.luma, rel=1e-3)
    assert rms(chroma) <= mask.CHROMA_LIMIT * 1.001
    assert mask.LUMA_IN_RGB * rms(luma) ** 2 + mask.CHROMA_IN_RGB * rms(chroma) ** 2 <= bounds.rgb * 1.002
    assert colour.mean_difference(busy, blue, red, chroma) <= mask.COLOUR_LIMIT * 1.001
    assert luma.dtype == chroma.dtype == np.float32


def rms(samples: NDArray[np.float32]) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(samples**2)))


def faint(seed: int = 6, deviation: float = 1.5) -> NDArray[np.float32]:
    """Return a host with a little grain, less than large pictures count as texture."""
    return np.random.default_rng(seed).normal(110, deviation, SIZE).astype(np.float32)


def test_small_pictures_bear_more_where_they_are_textured() -> None:
    """From 1200 pixels up grain counts for nothing; the smaller a picture is below, the more it bears there."""
    host = faint()
    textured = mask.texture(host * host, host)
    assert mask.SPARE_THRESHOLD < np.median(textured) < mask.TEXTURE_THRESHOLD
    sides = (320, 640, 854, 1200, 1920)
    made = [mask.luma_mask(host, textured, None, mask.Bounds.of(side, side // 2, SIZE[1])) for side in sides]
    levels = [float(each.mean()) for each in made]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > levels[1] > levels[2] > levels[3] == levels[4]


def test_small_pictures_bear_no_more_where_they_are_smooth() -> None:
    """The floor is the same in pictures of every size."""
    flat = np.full(SIZE, 110, np.float32)
    small = mask.luma_mask(flat, mask.texture(flat * flat, flat), None, mask.Bounds.of(320, 180, SIZE[1]))
    assert np.array_equal(small, masked(flat))


def test_spare_takes_nothing_from_what_large_pictures_bear() -> None:
    """What small pictures bear more is added to the mask of large ones, never at the cost of a smooth place."""
    host = faint()
    host[:, 160:] += np.random.default_rng(7).normal(0, 6, (SIZE[0], 160)).astype(np.float32)
    textured = mask.texture(host * host, host)
    small = mask.luma_mask(host, textured, None, mask.Bounds.of(640, 360, SIZE[1]))
    assert (small >= masked(host) - 1e-6).all()
    assert rms(small) == pytest.approx(mask.LUMA_LIMIT, rel=1e-3)


def test_chroma_yields_to_luma() -> None:
    """What luma takes of the error over red, green and blue is not there for chroma."""
    bounds = mask.Bounds()
    little, much = (np.full(SIZE, level, np.float32) for level in (0.5, 1.2))
    assert bounds.chroma(little) == mask.CHROMA_LIMIT
    assert 0 < bounds.chroma(much) < mask.CHROMA_LIMIT
    assert bounds.chroma(much * 2) == 0


def test_odd_sizes_bear_less_colour() -> None:
    """Pictures of odd width or height leave room for what converters add to them."""
    luma = np.full(SIZE, mask.LUMA_LIMIT, np.float32)
    even, wide, high = (mask.Bounds.of(*size, SIZE[1]).chroma(luma) for size in ((720, 404), (721, 404), (720, 405)))
    assert wide == high < even


@pytest.mark.parametrize(
    ("levels", "least", "most"),
    [((110, 128, 128), 1.5, 2.2), ((110, 90, 160), 0.7, 1.3), ((180, 128, 128), 1.5, 2.2), ((40, 128, 128), 1.5, 2.6)],
    ids=["grey", "orange", "bright grey", "dark grey"],
)
def test_mean_difference_is_what_a_mark_makes(levels: tuple[int, int, int], least: float, most: float) -> None:
    """The estimate by the table is what CIEDE2000 gives for a normal mark on one colour."""
    luma, blue, red = (np.full((90, 160), level, np.float32) for level in levels)
    chance = np.random.default_rng(8)
    changes = chance.normal(0, 0.6, (2, 90, 160)).astype(np.float32)
    host, marked = (
        colour.lab(in_rgb(luma, *planes)) for planes in ((blue, red), (blue + changes[0], red + changes[1]))
    )
    seen = float(colour.ciede2000(host, marked).mean()) / 0.6
    assert least <= seen <= most
    assert colour.mean_difference(luma, blue, red, np.ones_like(luma)) == pytest.approx(seen, rel=0.1)


def in_rgb(luma: NDArray[np.float32], blue: NDArray[np.float32], red: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert from narrow-range levels by the matrix of ITU-R BT.601, worked out from its luma weights."""
    y, b, r = (luma - 16) / 219, (blue - 128) / 224 * 1.772, (red - 128) / 224 * 1.402
    green = -(0.114 * b + 0.299 * r) / 0.587
    return np.clip(np.stack([y + r, y + green, y + b], axis=-1), 0, 1).astype(np.float32)


def test_every_level_is_in_the_table() -> None:
    """The lowest level and the highest one, of 10 bits too, are its ends."""
    table = colour.visibility()
    for level, end in ((0.0, 0), (255.75, -1)):
        plane = np.full((4, 4), level, np.float32)
        found = colour.mean_difference(plane, plane, plane, np.ones_like(plane))
        assert found == pytest.approx(float(table[end, end, end]))


def test_chroma_mask_follows_colour_and_light() -> None:
    """Grey gets the chroma floor, black less, strong colour more."""
    flat = np.zeros((90, 160), np.float32)
    neutral = np.full_like(flat, 128)
    grey = mask.chroma_mask(flat + 110, flat, neutral, neutral)
    dark = mask.chroma_mask(flat + 16, flat, neutral, neutral)
    red = mask.chroma_mask(flat + 110, flat, neutral - 10, neutral + 15)
    assert grey == pytest.approx(mask.CHROMA_FLOOR)
    assert dark.max() < grey.min() < red.min()


@pytest.mark.parametrize("colour_of_it", [(90, 200), (200, 60), (110, 150)], ids=["red", "blue", "skin"])
def test_smooth_surfaces_of_any_colour_bear_little(colour_of_it: tuple[int, int]) -> None:
    """However strong its colour, a smooth surface gets no more than .6 levels of chroma; a textured one may."""
    flat = np.zeros((90, 160), np.float32)
    blue, red = (np.full_like(flat, level) for level in colour_of_it)
    smooth = mask.chroma_mask(flat + 110, flat, blue, red)
    textured = mask.chroma_mask(flat + 110, flat + 4, blue, red)
    assert smooth.max() <= mask.CHROMA_SMOOTH
    assert textured.min() > mask.CHROMA_SMOOTH


def test_onto_keeps_places() -> None:
    """Samples brought from the luma grid onto the chroma grid are means of two by two."""
    fine = np.random.default_rng(5).uniform(0, 255, SIZE).astype(np.float32)
    coarse = mask.onto(Grid.of(16 / 9, PROFILE.chroma.long_side, PROFILE.cell), fine)
    assert np.abs(coarse - fine.reshape(90, 2, 160, 2).mean(axis=(1, 3))).max() < 1e-3
