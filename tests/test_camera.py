"""A camera that moves is followed, without a key: pictures come back to where the first of them lay."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

from tests.scenes import PAYLOAD, RATE, WRONG_KEY, Timed, film, mark, recover
from tracemark.recovery.camera import MOVED, Border, Corners, Steadier, small
from tracemark.recovery.reel import Picture, Reel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.recovery import Decoding

    Bytes = NDArray[np.uint8]
    Matrix = NDArray[np.float64]

WIDTH, HEIGHT = 640, 360


def shaken(number: int) -> Matrix:
    """Move by a hand's tremor of a dozen pixels, and turn and zoom a little."""
    time = number / RATE
    turn = 0.006 * np.sin(4 * time)
    size = 0.93 + 0.01 * np.sin(2.5 * time)
    across, down = 20 + 9 * np.sin(5.1 * time), 14 + 7 * np.sin(3.3 * time + 1)
    return np.array([[size, -turn, across], [turn, size, down], [0.00003, 0, 1]])


def drawn(picture: Bytes, matrix: Matrix) -> Bytes:
    """Draw a picture through a map, on grey."""
    return np.asarray(cv2.warpPerspective(picture, matrix, (WIDTH, HEIGHT), borderValue=(90, 90, 90)), np.uint8)


def scene(seed: int) -> Bytes:
    """Return a seeded grey picture with corners to follow."""
    chance = np.random.default_rng(seed)
    coarse = chance.integers(0, 256, (HEIGHT // 12, WIDTH // 12), np.uint8)
    return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def still(luma: Bytes, number: int) -> Picture:
    """Make a picture of a reel, its chroma a copy of its luma at half size."""
    half = cv2.resize(luma, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    return Picture(luma, (np.asarray(half, np.uint8),), number / RATE, key_frame=False)


def filmed(number: int, seed: int = 1) -> Picture:
    """Film a scene that rests, relative to how the hand was held at first."""
    return still(drawn(scene(seed), shaken(number) @ np.linalg.inv(shaken(0))), number)


def gap(one: Bytes, other: Bytes) -> float:
    """Mean difference of two pictures away from their edges, in levels."""
    inside = (slice(40, -40), slice(40, -40))
    return float(np.abs(one[inside].astype(np.float32) - other[inside]).mean())


def by_corners(first: Picture) -> Steadier:
    """Begin to follow the corners of a picture."""
    return Steadier(first, Corners(small(first)))


def test_pictures_lie_still() -> None:
    """Every picture of a shaken scene at rest comes back to the first one, in luma and in chroma."""
    reel = Reel(1.0, [filmed(number) for number in range(40)], (WIDTH, HEIGHT))
    shown, first = list(reel.pictures), reel.pictures[0]
    steadier = by_corners(first)
    steadier.steady(reel)
    shaking = max(gap(each.luma, first.luma) for each in shown)
    assert all(gap(each.luma, first.luma) < 0.15 * shaking for each in reel.pictures)
    chosen = (first, reel.pictures[20], shown[20])
    inner = [np.asarray(cv2.resize(each.chroma[0], (WIDTH, HEIGHT)), np.uint8) for each in chosen]
    assert gap(inner[1], inner[0]) < 0.2 * gap(inner[2], inner[0])
    assert steadier.travelled > MOVED
    assert [each.time for each in reel.pictures] == [each.time for each in shown]


def test_follows_after_a_cut() -> None:
    """After a cut the camera is taken to rest for a moment, and the new scene is followed from there."""
    steadier = by_corners(filmed(0, seed=1))
    for number in range(1, 10):
        steadier.steadied(filmed(number, seed=1))
    after = [steadier.steadied(filmed(number, seed=2)) for number in range(10, 40)]
    first = after[0].luma
    assert all(gap(each.luma, first) < 0.2 * gap(scene(1), scene(2)) for each in after[1:])


def test_nothing_to_follow() -> None:
    """Pictures without corners stay where they are."""
    grey = still(np.full((HEIGHT, WIDTH), 90, np.uint8), 0)
    steadier = by_corners(grey)
    assert Border.of(small(grey)) is None
    assert np.array_equal(steadier.steadied(still(grey.luma, 1)).luma, grey.luma)
    assert steadier.travelled == 0


BEZEL = np.array([[60, 40], [580, 40], [580, 330], [60, 330]], np.float64)
"""Corners of a screen within its dark frame, in pixels of the picture, from its corner."""


def on_a_screen(shown: Bytes) -> Bytes:
    """Show a picture on a screen with a dark frame, in a room."""
    (left, top), (right, bottom) = BEZEL[0].astype(int), BEZEL[2].astype(int)
    room = np.full((HEIGHT, WIDTH, *shown.shape[2:]), 70, np.uint8)
    room[top - 14 : bottom + 14, left - 14 : right + 14] = 12
    room[top:bottom, left:right] = cv2.resize(shown, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    return room


def panned(number: int) -> Bytes:
    """Film a screen on which a scene runs past, by hand."""
    passing = np.roll(scene(3), 5 * number, axis=1)
    return drawn(on_a_screen(np.maximum(passing, 60)), shaken(number) @ np.linalg.inv(shaken(0)))


def test_a_screen_lies_still_whatever_runs_on_it() -> None:
    """By its frame a screen comes back to where it lay first; by their corners pictures would follow what it shows."""
    shown = [still(panned(number), number) for number in range(40)]
    border = Border.of(small(shown[0]))
    assert border is not None
    by_border, wrongly = Steadier(shown[0], border), by_corners(shown[0])
    points = np.array([[100, 540, 320, 1], [60, 60, 300, 1], [1, 1, 1, 1]])[:, :3]
    for number, picture in enumerate(shown[1:], 1):
        true = shaken(number) @ np.linalg.inv(shaken(0)) @ points
        led, misled = (each._followed(picture) @ points for each in (by_border, wrongly))
        assert np.abs(led[:2] / led[2] - true[:2] / true[2]).max() < 1.0
    assert np.abs(misled[:2] / misled[2] - true[:2] / true[2]).max() > 50
    assert by_border.travelled > MOVED


def test_corners_of_a_frame() -> None:
    """The corners of a frame are where its sides cross; where one is cut off, no frame is followed."""
    border = Border.of(on_a_screen(scene(4) // 2 + 100))
    assert border is not None
    # the slope is steepest between two pixels, of which either may be the frame's
    assert np.abs(border.corners + 0.5 - BEZEL).max() < 1.5
    assert Border.of(on_a_screen(scene(4) // 2 + 100)[:, 200:]) is None


def test_a_fade_to_black_is_waited_out() -> None:
    """Where no frame is to be seen, the hand is taken to rest; it is followed again from where it is seen next."""
    shown = [panned(number) for number in range(30)]
    border = Border.of(shown[0])
    assert border is not None
    motions = [border.follow(np.zeros_like(each) if 8 <= number < 12 else each) for number, each in enumerate(shown)]
    for number in (8, 9, 10, 11):
        assert np.array_equal(motions[number], motions[7])
    true = (shaken(29) @ np.linalg.inv(shaken(0)))[:2]
    assert np.abs(motions[29][:2] - true)[:, 2].max() < 1.5


@cache
def hand_held() -> list[Timed]:
    """Return a viewer's copy as a moving camera sees it."""
    marked = mark(film(4 * RATE, WIDTH, HEIGHT))
    arrays = (np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in marked)
    shown = (drawn(each, shaken(number)) for number, each in enumerate(arrays))
    return [Timed(each, number / RATE) for number, each in enumerate(shown)]  # type: ignore[arg-type]


def decoded(*keys: object) -> Decoding:
    """Decode what the moving camera saw."""
    return recover(hand_held(), *keys, effort="normal")  # type: ignore[arg-type]


def test_a_hand_held_camera_names_its_viewer() -> None:
    """A shaken leak is named, and its place is that of its first picture."""
    decoding = decoded()
    assert (decoding.verdict, decoding.payload) == ("found", PAYLOAD)
    told = np.array(decoding.geometry.matrix) @ [0.5, 0.5, 1]
    true = np.linalg.inv(shaken(0)) @ [WIDTH / 2, HEIGHT / 2, 1]
    assert np.abs(told[:2] / told[2] - true[:2] / true[2] / [WIDTH, HEIGHT]).max() < 0.015


def test_twin_wrong_key() -> None:
    """Another key finds nothing in it."""
    assert decoded(WRONG_KEY).verdict == "absent"


@cache
def screen_filmed() -> list[Timed]:
    """Return a viewer's copy of a scene that runs past quickly, filmed off a screen by hand."""
    ran = [np.roll(scene(5) // 2 + 70, 9 * number, axis=1) for number in range(3 * RATE)]
    frames = [av.VideoFrame.from_ndarray(each, "gray").reformat(format="yuv420p") for each in ran]
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = number, Fraction(1, RATE)
    screens = (on_a_screen(np.asarray(each.to_ndarray(format="bgr24"), np.uint8)) for each in mark(frames))
    shown = (drawn(each, shaken(number)) for number, each in enumerate(screens))
    return [Timed(each, number / RATE) for number, each in enumerate(shown)]  # type: ignore[arg-type]


def test_what_runs_on_a_filmed_screen_names_its_viewer() -> None:
    """A host that runs past is steadied by the screen's frame; the outline is the screen's. Its twin is absent."""
    decoding = recover(screen_filmed(), effort="normal")
    assert (decoding.verdict, decoding.payload) == ("found", PAYLOAD)
    true = shaken(0) @ np.column_stack([BEZEL, np.ones(4)]).T
    assert np.abs(np.array(decoding.geometry.outline) - (true[:2] / true[2]).T / [WIDTH, HEIGHT]).max() < 0.02
    assert recover(screen_filmed()[: 2 * RATE], WRONG_KEY, effort="normal").verdict == "absent"
