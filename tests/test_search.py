"""Leaks in any geometry come back with the right payload and the right place; wrong keys come back with nothing."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.scenes import KEY, PAYLOAD, RATE, WRONG_KEY, Timed, film, mark, recover
from tracemark.payload import Payload
from tracemark.recovery import Recovery
from tracemark.recovery.outline import aspect_between_bars
from tracemark.recovery.verdict import Geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.recovery import Decoding

    Picture = NDArray[np.uint8]
    Matrix = NDArray[np.float64]

SECONDS = 3
WIDTH, HEIGHT = 640, 360
OTHER = Payload(session=88, member=4712)


@cache
def pictures(member: int = PAYLOAD.member) -> list[Picture]:
    """Return a viewer's copy as arrays."""
    marked = mark(film(SECONDS * RATE, WIDTH, HEIGHT), payload=Payload(session=88, member=member))
    return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in marked]


def warped(matrix: Matrix, size: tuple[int, int]) -> list[Picture]:
    """Draw all pictures through a homography from their pixels to the leak's, on grey."""
    grey = (90, 90, 90)
    flags = cv2.INTER_AREA
    return [
        np.asarray(cv2.warpPerspective(each, matrix, size, flags=flags, borderValue=grey), np.uint8)
        for each in pictures()
    ]


def decoded(shown: list[Picture], *keys: object, rate: float = RATE, **options: object) -> Decoding:
    """Decode pictures, searching for other geometries."""
    leak = [Timed(each, number / rate) for number, each in enumerate(shown)]  # type: ignore[arg-type]
    return recover(leak, *keys, effort="normal", **options)  # type: ignore[arg-type]


def turned(degrees: float, scale: float = 1.0) -> Matrix:
    """Turn about the middle."""
    return np.vstack([cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), degrees, scale), [0, 0, 1]])


CROP = np.array([[1, 0, -100], [0, 1, -30], [0, 0, 1.0]])
MIRROR = np.array([[-1, 0, WIDTH], [0, 1, 0], [0, 0, 1.0]])
SMALLER = np.array([[0.6, 0, 170], [0, 0.6, 90], [0, 0, 1.0]])
TILTED = np.asarray(
    cv2.getPerspectiveTransform(
        np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32),
        np.array([[25, 14], [622, 4], [610, 350], [10, 340]], np.float32),
    ),
    np.float64,
)
SQUEEZED = np.diag([0.75, 1, 1.0])
ATTACKS: dict[str, tuple[Matrix, tuple[int, int]]] = {
    "crop": (CROP, (420, 236)),  # of the host's shape: a piece of its middle cannot tell of another
    "turn": (turned(12), (WIDTH, HEIGHT)),
    "askew": (turned(0.8), (WIDTH, HEIGHT)),
    "mirror": (MIRROR, (WIDTH, HEIGHT)),
    "inside": (SMALLER, (WIDTH, HEIGHT)),
    "perspective": (TILTED, (WIDTH, HEIGHT)),
    "stretch": (SQUEEZED, (480, HEIGHT)),
    "flattened": (np.diag([1, 0.75, 1.0]), (WIDTH, 270)),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_geometry_is_found(name: str) -> None:
    """Every geometry names its viewer, and says where the host lies within a hundredth of its width."""
    matrix, size = ATTACKS[name]
    decoding = decoded(warped(matrix, size))
    assert (decoding.verdict, decoding.payload) == ("found", PAYLOAD)
    assert decoding.geometry.flipped == (np.linalg.det(matrix[:2, :2]) < 0)
    truth = np.diag([1 / WIDTH, 1 / HEIGHT, 1]) @ np.linalg.inv(matrix) @ np.diag([*size, 1])
    places = np.array([[x, y, 1] for x in (0.3, 0.5, 0.7) for y in (0.3, 0.5, 0.7)]).T
    told, true = (each @ places for each in (np.array(decoding.geometry.matrix), truth))
    gap = told[:2] / told[2] - true[:2] / true[2]
    assert np.abs(gap).max() < 0.015


def test_what_lies_in_place_is_said_to() -> None:
    """A leak that nothing was done to is the whole picture in place, at its own speed."""
    decoding = decoded(list(pictures()))
    assert (decoding.verdict, decoding.payload) == ("found", PAYLOAD)
    assert decoding.geometry == Geometry()
    assert [member.speed for member in decoding.members] == [1.0]


def test_what_lies_in_place_where_no_search_was_due() -> None:
    """A message that begins where no pictures were kept for a search is measured from those after it."""
    recovery = Recovery([KEY])
    recovery._due = 99
    for number, each in enumerate(pictures() + pictures()):
        recovery.add(each, number / RATE)
    decoding = recovery.finish()
    assert (decoding.verdict, decoding.payload) == ("found", PAYLOAD)
    assert decoding.geometry == Geometry()


def test_bars_are_not_the_picture() -> None:
    """A leak with black bars above and below, read as it stands, is told to lie between them."""
    bar = 60
    barred = [np.pad(each, ((bar, bar), (0, 0), (0, 0)), constant_values=16) for each in pictures()]
    decoding = decoded(barred)
    assert (decoding.verdict, decoding.payload) == ("found", PAYLOAD)
    top, bottom = bar / (HEIGHT + 2 * bar), 1 - bar / (HEIGHT + 2 * bar)
    rows = [y for _, y in decoding.geometry.outline]
    assert rows == pytest.approx([top, top, bottom, bottom], abs=0.006)


def test_a_hosts_own_bars_belong_to_it() -> None:
    """Bars that show nothing and yet answer like the rest are the host's; and so are those of unequal height."""
    picture = np.zeros((120, 160), np.uint8)
    picture[15:-15] = np.arange(160, dtype=np.uint8)
    answers = np.ones((30, 40))
    assert aspect_between_bars([picture], answers) is None
    answers[:4] = answers[-4:] = 0
    assert aspect_between_bars([picture], answers) == pytest.approx(160 / 90)
    assert aspect_between_bars([picture.T], answers.T) == pytest.approx(90 / 160)
    assert aspect_between_bars([picture[5:]], answers) is None
    assert aspect_between_bars([picture], None) is None
    picture[:50] = picture[-50:] = 0  # a dark picture goes on where its bars end
    assert aspect_between_bars([picture], answers) is None


@pytest.mark.parametrize("name", ["crop", "perspective"])
def test_twin_wrong_key(name: str) -> None:
    """The same leak under a wrong key names nobody, in whatever geometry it is looked at."""
    matrix, size = ATTACKS[name]
    decoding = decoded(warped(matrix, size), WRONG_KEY)
    assert (decoding.verdict, decoding.payload, decoding.members) == ("absent", None, ())
    assert decoding.p_false > 1e-3
    assert any("in any size" in reason for reason in decoding.reasons)


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_speed_is_found(speed: float) -> None:
    """A cropped leak that runs slower or faster names its viewer and tells its speed."""
    decoding = decoded(warped(*ATTACKS["crop"]), rate=RATE * speed)
    assert (decoding.verdict, decoding.payload) == ("found", PAYLOAD)
    assert decoding.speed == pytest.approx(speed, rel=0.06)


def test_two_viewers_one_after_the_other() -> None:
    """Both viewers of a splice are named, each with their own interval."""
    first, second = pictures(), pictures(OTHER.member)
    decoding = decoded([*first, *second])
    assert [member.payload for member in decoding.members] == [PAYLOAD, OTHER]
    one, two = decoding.members
    assert one.start == 0
    assert one.end == pytest.approx(SECONDS, abs=1.1)
    assert two.start == pytest.approx(SECONDS, abs=1.1)
    assert two.end == pytest.approx(2 * SECONDS, abs=0.2)


def test_two_viewers_side_by_side() -> None:
    """Both viewers of a collage are named, each with their own part of the picture."""
    both = [np.hstack([one, two]) for one, two in zip(pictures(), pictures(OTHER.member), strict=True)]
    decoding = decoded(both)
    assert {member.payload for member in decoding.members} == {PAYLOAD, OTHER}
    left, right = sorted(decoding.members, key=lambda member: member.geometry.outline[0])
    assert left.payload == PAYLOAD
    assert np.allclose(left.geometry.outline, [(0, 0), (0.5, 0), (0.5, 1), (0, 1)], atol=0.02)
    assert np.allclose(right.geometry.outline, [(0.5, 0), (1, 0), (1, 1), (0.5, 1)], atol=0.02)


def test_cropped_picture() -> None:
    """A single picture, cropped, names its viewer; under a wrong key it names nobody."""
    shot = [np.ascontiguousarray(pictures()[10][20:340, 30:600])]
    assert decoded(shot, still=True).payload == PAYLOAD
    assert decoded(shot, WRONG_KEY, still=True).payload is None
