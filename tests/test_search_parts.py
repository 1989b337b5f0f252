"""Every stage of the search does what it says on patterns that are known."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from tests.scenes import KEY, WRONG_KEY
from tracemark.profile import PROFILE
from tracemark.recovery import clock
from tracemark.recovery.outline import aspect_of
from tracemark.recovery.reel import WORKING_SIDE, Reel
from tracemark.recovery.search import Placement, affine, bending, placing, settling, sliding
from tracemark.recovery.search.placement import Pilot
from tracemark.recovery.search.spectrum import spectrum, together
from tracemark.recovery.search.turning import Turning, locked
from tracemark.recovery.sight import Sight, settled
from tracemark.signal.clock import clock_bits
from tracemark.signal.patterns import pilot_carriers

FREQUENCIES, PHASES = pilot_carriers(KEY, PROFILE)
WIDTH, HEIGHT = 480, 300
TURNED = 400 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]) @ np.diag([1.05, -0.95])
MATRIX = np.array([[*TURNED[0], 250.0], [*TURNED[1], 130.0], [0, 0, 1]])
"""A turned, mirrored and stretched map from the canvas to an image."""


def pilot_image(matrix: np.ndarray, strength: float = 0.6, seed: int = 1) -> np.ndarray:
    """Draw the pilot through a map, in noise of one deviation."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    places = np.linalg.inv(matrix) @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    places = (places[:2] / places[2]).T
    waves = np.cos(2 * np.pi * places @ FREQUENCIES.T + PHASES).sum(axis=1) * np.sqrt(2 / len(PHASES))
    noise = np.random.default_rng(seed).normal(0, 1, x.size)
    return np.asarray((strength * waves + noise).reshape(HEIGHT, WIDTH), np.float32)


def test_linear_map_is_found() -> None:
    """The map that was planted is found up to a half turn; another key's carriers are found nowhere."""
    image = pilot_image(MATRIX).astype(np.complex64) * np.exp(0.7j)
    seen = spectrum(image.astype(np.complex64))
    found = affine.search(seen, FREQUENCIES, WIDTH, affine.Range(), 5)[0]
    climbed = affine.climb([seen], FREQUENCIES, found)
    wrong = affine.search(seen, pilot_carriers(WRONG_KEY, PROFILE)[0], WIDTH, affine.Range(), 1)[0]
    assert climbed.score >= found.score > 2 * wrong.score
    sign = np.sign(climbed.matrix[0, 0] * TURNED[0, 0])
    assert np.abs(sign * climbed.matrix - TURNED).max() < 0.015 * 400


def test_spectra_add_up() -> None:
    """Together several images show more of what they have in common than one does."""
    spectra = [spectrum(pilot_image(MATRIX, 0.12, seed).astype(np.complex64)) for seed in range(4)]
    alone, both = (affine.scores([each], FREQUENCIES, TURNED[None])[0] for each in (spectra[0], together(spectra)))
    assert both > 1.4 * alone
    assert together(spectra[:1]) is spectra[0]


@pytest.mark.parametrize("half_turn", [1, -1])
def test_place_is_found(half_turn: int) -> None:
    """Phases tell the translation and the half turn, whatever the phase of the turning itself."""
    image = (pilot_image(MATRIX) * np.exp(2.1j)).astype(np.complex64)
    found, *others = placing.places(image, FREQUENCIES, PHASES, half_turn * TURNED, 3)
    assert np.abs(found.matrix - MATRIX).max() < 2.0
    assert found.score > 1.2 * max(each.score for each in others)


CROP = np.array([[1.37 * 500, 0, 190.0], [0, 1.37 * 500, 160.0], [0, 0, 1]])
"""An upright map: the picture shows 1/1.37 of the host, not from its middle."""
SLID_PILOT = Pilot(KEY, FREQUENCIES, PHASES)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_pilot_slid_over_a_crop_is_found(sign: int) -> None:
    """Scale and place of a crop are found in noise that hides its linear map, whatever the sign of the slot."""
    image = sign * pilot_image(CROP, 0.018)
    found, *others = sliding.slides(image, SLID_PILOT, 4)
    assert np.abs(found.matrix - CROP).max() < 3.0
    assert found.score > max(each.score for each in others)
    linears = affine.search(spectrum(image.astype(np.complex64)), FREQUENCIES, WIDTH, affine.Range(), 24)
    assert all(np.abs(np.abs(each.matrix) - CROP[:2, :2]).max() > 10 for each in linears)


def test_a_pilot_slid_over_nothing() -> None:
    """Noise, another key's pilot and black pictures give what chance gives."""
    other = Pilot(WRONG_KEY, *pilot_carriers(WRONG_KEY, PROFILE))
    for image, pilot in (
        (pilot_image(CROP, 0.0), SLID_PILOT),
        (pilot_image(CROP, 0.3), other),
        (np.zeros((HEIGHT, WIDTH), np.float32), SLID_PILOT),
    ):
        assert all(each.score < 5.6 for each in sliding.slides(image, pilot, 4))


def test_perspective_is_found() -> None:
    """A map that is only nearly right becomes the homography that was planted."""
    bent = MATRIX.copy()
    bent[2, :2] = [0.04, -0.03]
    refined, gain = bending.refine(pilot_image(bent), FREQUENCIES, PHASES, MATRIX)
    corners = np.array([[x, y, 1] for x in (-0.3, 0.3) for y in (-0.2, 0.2)]).T
    told, true, before = (each @ corners for each in (refined, bent, MATRIX))
    off = np.abs(told[:2] / told[2] - true[:2] / true[2]).max()
    assert gain > 1.05
    assert off < 1.5 < np.abs(before[:2] / before[2] - true[:2] / true[2]).max()


def test_locked_in() -> None:
    """What turns with the pilot stays; what rests or turns at another pace goes."""
    times = (np.arange(60) + 0.5) * PROFILE.slot_seconds / 6
    waves = {
        "pilot": np.where(times // PROFILE.slot_seconds % 2 == 0, 1.0, -1.0),
        "resting": np.ones(60),
        "thrice as fast": np.cos(2 * np.pi * times * 1.5 / PROFILE.slot_seconds),
    }
    strength = {}
    for name, wave in waves.items():
        images = wave[:, None, None] * np.ones((1, 4, 5))
        (image,) = locked(Turning(images.astype(np.float32), times, 1.0), PROFILE, 1e9, 1.0)
        strength[name] = float(np.abs(image).mean()) / 60
    assert strength["pilot"] > 0.6
    assert max(strength["resting"], strength["thrice as fast"]) < 0.05


def test_clock_needs_the_right_key() -> None:
    """A few slots of the clock's votes tell their cycle among all of a day; under another key they tell none."""
    first = 4711 * PROFILE.patterns
    bits = clock_bits(KEY, PROFILE)
    votes = {slot: bits[(first + slot) % len(bits)] * 2.0 - 1 for slot in (3, 4, 5, 9)}
    assert clock.first_slot(votes, KEY, PROFILE) == first
    assert clock.first_slot(votes, WRONG_KEY, PROFILE) is None
    assert clock.first_slot({}, KEY, PROFILE) is None


@pytest.mark.parametrize("aspect", [16 / 9, 4 / 3, 1.0, 9 / 16])
def test_shape_of_the_host(aspect: float) -> None:
    """The host's shape is told by where its pilot answers, if the leak shows more than the host."""
    place = np.abs((np.arange(40) + 0.5) / 40 - 0.5)
    wide, tall = (0.5, 0.5 / aspect) if aspect >= 1 else (0.5 * aspect, 0.5)
    answers = ((place[:, None] < tall) & (place[None] < wide)).astype(np.float64)
    shown = np.array([[-1, -0.8], [1, -0.8], [1, 0.8], [-1, 0.8]])
    assert aspect_of(answers, np.ones((40, 40), bool), shown) == pytest.approx(aspect)


@pytest.mark.parametrize(
    ("wide", "tall", "aspect", "beside"),
    [(0.57, 1.3, 9 / 16, 1.0), (0.62, 1.3, 0.62, 1.0), (1.8, 0.562, 16 / 9, 16 / 9), (1.8, 0.4, 2.5, 16 / 9)],
)
def test_host_between_bars(wide: float, tall: float, aspect: float, beside: float) -> None:
    """A host that fills a leak along one side has its length there; one beside the middle may have any common shape."""
    shown = np.array([[-wide, -tall], [wide, -tall], [wide, tall], [-wide, tall]]) / 2
    place = np.abs((np.arange(40) + 0.5) / 40 - 0.5)
    valid = (place[:, None] < tall / 2) & (place[None] < wide / 2)
    answers = valid.astype(np.float64)
    assert aspect_of(answers, valid, shown) == pytest.approx(aspect)
    assert aspect_of(answers, valid, shown + 0.1) == beside


def test_a_stretched_leak_read_as_it_stands() -> None:
    """A leak that was read as it stands and lies stretched shows a host of the shape that it has unstretched."""
    size = (960, 405)
    stretched = Placement(KEY, 8.0, np.array([[960.0, 0, 480], [0, 720, 202.5], [0, 0, 1]]), 1.0, None)
    lies = settled(stretched, size, 8.0)  # as of bars, which a dark picture may seem to have
    assert np.allclose(lies.outline, [(0, 0), (1, 0), (1, 1), (0, 1)], atol=0.001)


@pytest.mark.parametrize(("speed", "noise"), [(1.0, 0.1), (1.0, 2.0), (0.9, 0.3), (1.1, 0.3), (1.25, 0.3)])
def test_speed_of_what_was_read_as_it_stands(speed: float, noise: float) -> None:
    """Another speed than 1 is told where the pilot leaves no doubt, and never from noise."""
    times = (np.arange(36) + 0.5) * PROFILE.slot_seconds / 6
    waves = settling._waves(times, PROFILE)
    pilot = np.where(times * speed // PROFILE.slot_seconds % 2 == 0, 1.0, -1.0)
    for seed in range(20):
        answers = pilot + np.random.default_rng(seed).normal(0, noise, len(times))
        assert settling._speed(answers, waves) == pytest.approx(speed, abs=0.03 if speed != 1 else 1e-9)


def lying(x: float, aspect: float | None = None) -> Placement:
    """Place a host upright in the middle of a leak's height, so many pixels from its left."""
    return Placement(KEY, 5.0, np.array([[830.0, 0, x], [0, 830, 415], [0, 0, 1]]), 1.0, None, aspect)


def test_a_sight_covers_its_own_host_and_not_the_one_beside() -> None:
    """Two upright hosts side by side do not cover each other, two pictures of one do; wide ones there would overlap."""
    size = (960, 830)
    upright = Sight(lying(720, 0.58), size, PROFILE)
    assert not upright.covers(lying(240), None)
    assert upright.covers(lying(700), None)
    assert upright.covers(lying(720), None)
    assert Sight(lying(720, 16 / 9), size, PROFILE).covers(lying(240), None)


def test_reel_keeps_what_is_needed() -> None:
    """Large pictures are shrunk, close ones left out but for key frames, turned ones set upright."""
    reel = Reel()
    for number in range(4):
        frame = av.VideoFrame(1920, 1080, "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, 60)
        reel.add(frame, number / 60)
    assert len(reel.pictures) == 2
    assert reel.size == (WORKING_SIDE, 540)
    assert reel.pictures[0].luma.shape == (540, WORKING_SIDE)
    assert [plane.shape for plane in reel.pictures[0].chroma] == [(270, 480)] * 2
    small = reel.smaller(400)
    small.add(frame, 1.0)
    assert small.size == (400, 225)
    assert [each.luma.shape for each in small.pictures] == [(225, 400)] * 3
    assert all(each.chroma == () for each in small.pictures)
    later = Reel().smaller(400)
    later.add(frame, 1.0)
    assert later.size == (400, 225)
    grey = Reel(pixel_aspect=2.0)
    grey.add(np.full((100, 90), 7, np.uint8), 0.0)
    assert grey.size == (180, 100)
    assert grey.pictures[0].chroma == ()
    assert (grey.pictures[0].luma == 7).all()
