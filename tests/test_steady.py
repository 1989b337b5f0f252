"""A camera that moves is followed, without a key: pictures come back to where the first of them lay."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tests.scenes import PAYLOAD, RATE, WRONG_KEY, Timed, film, mark, recover
from tracemark.recovery.reel import Picture, Reel
from tracemark.recovery.steady import MOVED, Steadier, steady

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


def test_pictures_lie_still() -> None:
    """Every picture of a shaken scene at rest comes back to the first one, in luma and in chroma."""
    reel = Reel(1.0, [filmed(number) for number in range(40)], (WIDTH, HEIGHT))
    shown, first = list(reel.pictures), reel.pictures[0]
    steadier = steady(reel)
    shaking = max(gap(each.luma, first.luma) for each in shown)
    assert all(gap(each.luma, first.luma) < 0.15 * shaking for each in reel.pictures)
    chosen = (first, reel.pictures[20], shown[20])
    inner = [np.asarray(cv2.resize(each.chroma[0], (WIDTH, HEIGHT)), np.uint8) for each in chosen]
    assert gap(inner[1], inner[0]) < 0.2 * gap(inner[2], inner[0])
    assert steadier.travelled > MOVED
    assert [each.time for each in reel.pictures] == [each.time for each in shown]


def test_follows_after_a_cut() -> None:
    """After a cut the camera is taken to rest for a moment, and the new scene is followed from there."""
    steadier = Steadier(filmed(0, seed=1))
    for number in range(1, 10):
        steadier.steadied(filmed(number, seed=1))
    after = [steadier.steadied(filmed(number, seed=2)) for number in range(10, 40)]
    first = after[0].luma
    assert all(gap(each.luma, first) < 0.2 * gap(scene(1), scene(2)) for each in after[1:])


def test_nothing_to_follow() -> None:
    """Pictures without corners stay where they are."""
    grey = still(np.full((HEIGHT, WIDTH), 90, np.uint8), 0)
    steadier = Steadier(grey)
    assert np.array_equal(steadier.steadied(still(grey.luma, 1)).luma, grey.luma)
    assert steadier.travelled == 0


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
