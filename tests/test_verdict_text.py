"""A verdict in words and in JSON: who, when, where in the stream, and how the picture lies."""

from __future__ import annotations

import json
from dataclasses import replace
from math import cos, radians, sin
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemark.payload import Payload
from tracemark.recovery.verdict import Decoding, Geometry, Member
from tracemark.remarks import quoted
from tracemark.telling.verdict import as_json, as_text
from tracemark.telling.words import clipped, clock_time, placing

SIZE = (1600, 900)
LEAK = Path("leaked.mp4")
MIDDLE = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])

FIRST = Member(
    payload=Payload(88, 4711),
    p_false=1e-30,
    p_mistaken=1e-20,
    score=17.0,
    key_id="0123456789abcdef",
    start=0.0,
    end=4.0,
    media_time=3723.45,
    geometry=Geometry(),
    speed=1.0,
)
SECOND = replace(FIRST, payload=Payload(88, 4712), p_false=1e-40, start=4.0, end=8.0, media_time=None, speed=1.25)


def decoding(*members: Member) -> Decoding:
    """Make what a decode says that found these members, or nobody."""
    named = min(members, key=lambda each: each.p_false) if members else None
    return Decoding(
        verdict="found" if named else "absent",
        payload=named.payload if named else None,
        p_false=named.p_false if named else 0.5,
        p_mistaken=named.p_mistaken if named else 1.0,
        method="payload",
        key_id=named.key_id if named else None,
        frames_used=200,
        seconds_used=8.0,
        geometry=named.geometry if named else Geometry(),
        why=() if named else (quoted("no mark of this key"),),
        score=named.score if named else 3.0,
        trials=10,
        members=members,
        media_time=named.media_time if named else None,
        size=SIZE,
    )


def lying(
    *, scale: float = 1.0, turn: float = 0.0, flipped: bool = False, host: tuple[float, float] = SIZE
) -> Geometry:
    """Geometry of a host in the middle of a leak of `SIZE`, mirrored, then turned clockwise, at a scale."""
    angle = radians(turn)
    linear = (
        scale * np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]]) @ np.diag([-1 if flipped else 1, 1])
    )
    to_pixels = np.eye(3)
    to_pixels[:2, :2] = linear @ np.diag(host)
    to_pixels[:2, 2] = np.array(SIZE) / 2 - linear @ (np.array(host) / 2)
    return seen(np.diag([1 / SIZE[0], 1 / SIZE[1], 1]) @ to_pixels, flipped=flipped)


def seen(to_leak: np.ndarray, *, flipped: bool = False) -> Geometry:
    """Geometry of a homography from host to leak."""
    corners = to_leak @ np.array([[0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1]])
    matrix = np.linalg.inv(to_leak)
    return Geometry(
        matrix=tuple(tuple(row) for row in (matrix / matrix[2, 2]).tolist()),  # type: ignore[arg-type]
        flipped=flipped,
        outline=tuple(zip(*(corners[:2] / corners[2]).tolist(), strict=True)),
    )


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        (Geometry(), "whole picture in place"),
        (lying(scale=1.01), "whole picture in place"),
        (lying(flipped=True), "whole picture, mirrored"),
        (lying(scale=0.6), "whole picture, at 60 % of the leak's width"),
        (
            lying(scale=0.6, turn=3, flipped=True),
            "whole picture, mirrored, turned 3 degrees clockwise, at 60 % of the leak's width",
        ),
        (lying(scale=0.5, turn=-1), "whole picture, turned 1 degree anticlockwise, at 50 % of the leak's width"),
        (lying(scale=0.5, turn=2.54), "whole picture, turned 2.5 degrees clockwise, at 50 % of the leak's width"),
        (lying(scale=0.5, turn=180), "whole picture, upside down, at 50 % of the leak's width"),
        (lying(turn=90, host=(900, 1600)), "whole picture, turned 90 degrees clockwise"),
        (lying(scale=2), "25 % of the picture, at 200 % of the leak's width"),
        (lying(host=(1600, 1200)), "75 % of the picture, moved or stretched"),
        (
            seen(MIDDLE @ np.array([[0.8, 0, 0], [0, 0.8, 0], [0, 0.4, 1]]) @ np.linalg.inv(MIDDLE)),
            "whole picture, seen at a slant, at 83 % of the leak's width",
        ),
    ],
)
def test_geometry_in_words(geometry: Geometry, words: str) -> None:
    """What was done to a picture is told as a person would."""
    assert placing(geometry, SIZE) == words


@given(
    st.lists(st.tuples(st.floats(), st.floats()), min_size=4, max_size=4),
    st.lists(st.floats(-9, 9), min_size=9, max_size=9),
    st.booleans(),
)
def test_any_geometry_has_words(outline: list[tuple[float, float]], matrix: list[float], flipped: bool) -> None:  # noqa: FBT001 - hypothesis calls it
    """However wild a geometry is, something is said of it."""
    rows = tuple(tuple(matrix[3 * number : 3 * number + 3]) for number in range(3))
    geometry = Geometry(rows, flipped, tuple(outline))  # type: ignore[arg-type]
    assert placing(geometry, None)


def test_clipped() -> None:
    """A polygon is cut to the unit square; nothing is left of one outside."""
    half = clipped([(-1, 0), (0.5, 0), (0.5, 1), (-1, 1)])
    assert {(0.0, 0.0), (0.5, 0), (0.5, 1), (0.0, 1.0)} == set(half)
    assert clipped([(2, 2), (3, 2), (3, 3), (2, 3)]) == []


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0:00:00.0"), (59.96, "0:01:00.0"), (3723.44, "1:02:03.4"), (86399.9, "23:59:59.9")],
)
def test_clock_time(seconds: float, written: str) -> None:
    """Seconds are written as hours, minutes, seconds and tenths, and rounding carries over."""
    assert clock_time(seconds) == written


def test_one_member_in_words() -> None:
    """A leak of one member is told in one block: who, when in the stream, how the picture lies."""
    assert as_text(LEAK, decoding(FIRST)).splitlines() == [
        "leaked.mp4: found",
        "  session   88",
        "  member    4711",
        "  p_false   1e-30  (chance that unmarked or foreign material scores as well)",
        "  mistaken  1e-20  (chance that the mark is another member's)",
        "  key       0123456789abcdef",
        "  time      1:02:03.4 from the start of the stream",
        "  picture   whole picture in place",
        "  read      200 frames, 8.0 s",
    ]


def test_several_members_in_words() -> None:
    """Each of several members has a block of their own, with the part of the leak they are in, in its order."""
    said = as_text(LEAK, decoding(FIRST, SECOND))
    assert said.startswith("leaked.mp4: found, 2 members\n")
    first, second, rest = said.split("\n\n")
    assert "  member    4711" in first
    assert "  seen      from 0:00:00.0 to 0:00:04.0 of the leak" in first
    assert "speed" not in first
    assert "  member    4712" in second
    assert "  seen      from 0:00:04.0 to 0:00:08.0 of the leak" in second
    assert "  speed     1.25 times the stream's" in second
    assert "time  " not in second
    assert rest == "  read      200 frames, 8.0 s"


def test_nobody_in_words() -> None:
    """Where nothing was found the reasons are told, and no geometry."""
    said = as_text(LEAK, decoding())
    assert said.splitlines()[0] == "leaked.mp4: absent"
    assert "  reason    no mark of this key" in said
    assert "picture" not in said
    assert "member" not in said


def test_members_in_json() -> None:
    """JSON names the surest member on top and lists all of them in the order of the leak."""
    told = json.loads(as_json(LEAK, "ab", decoding(FIRST, SECOND)))
    assert (told["session"], told["member"], told["media_time"], told["speed"]) == (88, 4712, None, 1.25)
    assert [each["member"] for each in told["members"]] == [4711, 4712]
    assert told["members"][0] == {
        "session": 88,
        "member": 4711,
        "p_false": 1e-30,
        "p_mistaken": 1e-20,
        "method": "payload",
        "label": None,
        "runner_up": None,
        "margin": None,
        "contradiction": None,
        "key_id": "0123456789abcdef",
        "start": 0.0,
        "end": 4.0,
        "media_time": 3723.45,
        "speed": 1.0,
        "geometry": {
            "matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
            "flipped": False,
            "outline": [[0, 0], [1, 0], [1, 1], [0, 1]],
        },
    }


def test_nobody_in_json() -> None:
    """Where nobody was found the new fields are there, too, and empty."""
    told = json.loads(as_json(LEAK, "ab", decoding()))
    assert (told["media_time"], told["speed"], told["members"]) == (None, None, [])
