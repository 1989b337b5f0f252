"""Codes read off leaks: right or not at all, whatever was done to the picture, and held against the invisible mark."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from tests.media import Clip, write
from tests.scenes import KEY, PAYLOAD, RATE, WRONG_KEY, film, x264
from tracemark.embedder import Embedder
from tracemark.overlay import Drifting, Hopping, SessionCode
from tracemark.overlay.crockford import written
from tracemark.overlay.lettering import code_line
from tracemark.overlay.session import code_of
from tracemark.payload import Payload
from tracemark.recovery.verdict import Decoding, Geometry, Member, VisibleCode
from tracemark.recovery.visible.agreement import disagreements
from tracemark.recovery.visible.album import MOST_PAGES, Album, Page
from tracemark.recovery.visible.guess import CONFIDENT, guess
from tracemark.recovery.visible.sighting import visible_codes
from tracemark.recovery.visible.strips import combed, find, read
from tracemark.telling.verdict import as_json, as_text
from tracemark.video import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracemark.keys import Key
    from tracemark.recovery import Effort

OTHER = Payload(session=88, member=4712)
CODE = written(code_of(PAYLOAD, KEY))


def coded(
    frames: Sequence[av.VideoFrame], code: SessionCode | None = None, payload: Payload = PAYLOAD, strength: float = 0.0
) -> list[av.VideoFrame]:
    """Draw a viewer's code over frames; without a mark unless told so."""
    viewer = Embedder(KEY, strength=strength).viewer(payload, [code or SessionCode()])
    made = []
    for frame in frames:
        copy = viewer.mark(frame)
        assert isinstance(copy, av.VideoFrame)
        made.append(copy)
    return made


def album(frames: Sequence[av.VideoFrame]) -> list[Page]:
    """Average frames to pages."""
    made = Album()
    for number, frame in enumerate(frames):
        made.add(frame, number / RATE)
    return made.pages()


def said(
    pages: Sequence[Page], *keys: Key, effort: Effort = "normal", geometry: Geometry | None = None
) -> list[tuple[str, Payload]]:
    """Return the codes that pages show, each of them read with confidence."""
    found = visible_codes(pages, [geometry] if geometry else [], keys or (KEY,), effort=effort)
    assert all(each.confidence >= CONFIDENT for each in found)
    return [(each.code, each.payload) for each in found]


@pytest.fixture(scope="module")
def scene() -> list[av.VideoFrame]:
    """Film a second and a half of 720 lines."""
    return film(36, 1280, 720)


@pytest.fixture(scope="module")
def shown(scene: list[av.VideoFrame]) -> list[av.VideoFrame]:
    """Draw the code on it."""
    return coded(scene)


@pytest.fixture(scope="module")
def leaked(shown: list[av.VideoFrame]) -> list[av.VideoFrame]:
    """Halve it, and encode it at CRF 28."""
    return x264([frame.reformat(width=640, height=360, interpolation="AREA") for frame in shown])


@pytest.mark.parametrize("effort", ["fast", "normal"])
def test_read_after_a_leak(leaked: list[av.VideoFrame], effort: Effort) -> None:
    """At half size and CRF 28 a code is read right, where the schedule puts it and elsewhere."""
    assert said(album(leaked), effort=effort) == [(CODE, PAYLOAD)]


def test_nothing_under_a_wrong_key(leaked: list[av.VideoFrame]) -> None:
    """The same leak under a wrong key shows no code; with both keys, the right one."""
    assert said(album(leaked), WRONG_KEY) == []
    assert said(album(leaked), WRONG_KEY, KEY) == [(CODE, PAYLOAD)]


def test_nothing_where_there_is_no_code(scene: list[av.VideoFrame]) -> None:
    """A scene without a code shows none, at any effort."""
    for effort in ("fast", "normal", "max"):
        assert said(album(scene[::4]), effort=effort) == []


def test_text_of_other_kinds_is_no_code(scene: list[av.VideoFrame]) -> None:
    """A line of the same letters that is no code of ours is not taken for one."""
    picture = np.asarray(scene[0].to_ndarray(format="bgr24"), np.uint8)
    for row, seed in enumerate(range(8)):
        values = np.random.default_rng(seed).integers(0, 32, 16).tolist()
        line = np.rint(255 * code_line(values, 400, 45)).astype(np.uint8)
        picture[20 + 80 * row : 65 + 80 * row, 300:700] = line[..., None]
    frame = av.VideoFrame.from_ndarray(picture, "bgr24").reformat(format="yuv420p")
    assert said(album([frame])) == []


@pytest.mark.parametrize(
    ("code", "effort"),
    [
        (SessionCode(position=Hopping(0.5)), "fast"),
        (SessionCode("録画禁止 {time}", position="bottom right"), "fast"),
        (SessionCode(position=(0.3, 0.4)), "normal"),
        (SessionCode(position=Drifting(20.0)), "normal"),
        (SessionCode(position="top", size=0.6, opacity=0.7, margin=0.02), "normal"),
        (SessionCode(position="middle", size=0.7, tiles=(2, 2), opacity=0.6), "normal"),
    ],
    ids=["hopping", "with text", "free place", "drifting", "large", "tiles"],
)
def test_read_wherever_it_is(scene: list[av.VideoFrame], code: SessionCode, effort: Effort) -> None:
    """Hopping, drifting, at a free place, of another size, tiled or with a text: read right, after CRF 28."""
    assert said(album(x264(coded(scene[:26], code))), effort=effort) == [(CODE, PAYLOAD)]


def test_read_in_a_crop(shown: list[av.VideoFrame]) -> None:
    """A crop of 0.9, in a smaller size, is read without knowing its geometry."""
    middle = [np.array(frame.to_ndarray(format="bgr24")[36:684, 64:1216], np.uint8) for frame in shown]
    cropped = [av.VideoFrame.from_ndarray(each, "bgr24").reformat(800, 450, "yuv420p") for each in middle]
    assert said(album(x264(cropped))) == [(CODE, PAYLOAD)]


@pytest.mark.parametrize("turn", [7.0, 90.0])
def test_read_in_a_known_geometry(shown: list[av.VideoFrame], turn: float) -> None:
    """A turned picture, which is not searched for codes, is read where its geometry is known, and placed right."""
    size = 1400
    rotation = cv2.getRotationMatrix2D((640, 360), turn, 0.8) + np.array(
        [[0, 0, size / 2 - 640], [0, 0, size / 2 - 360]]
    )
    pictures = [
        cv2.warpAffine(frame.to_ndarray(format="bgr24"), rotation, (size, size), flags=cv2.INTER_AREA)
        for frame in shown[::3]
    ]
    frames = [
        av.VideoFrame.from_ndarray(np.asarray(each, np.uint8), "bgr24").reformat(format="yuv420p") for each in pictures
    ]
    to_leak = np.diag([1 / size, 1 / size, 1]) @ np.vstack([rotation, [0, 0, 1]]) @ np.diag([1280, 720, 1])
    corners = (to_leak @ np.array([[0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1]]))[:2].T
    geometry = Geometry(
        matrix=tuple(tuple(row) for row in np.linalg.inv(to_leak).tolist()),  # type: ignore[arg-type]
        outline=tuple((float(x), float(y)) for x, y in corners),
    )
    pages = album(frames)
    assert said(pages) == []
    (found,) = visible_codes(pages, [geometry], [KEY])
    assert found.code == CODE
    middle = np.linalg.inv(to_leak) @ np.array([*np.mean(found.outline, axis=0), 1])
    (straight,) = visible_codes(album(shown[:1]), [], [KEY])
    assert np.abs(middle[:2] / middle[2] - np.mean(straight.outline, axis=0)).max() < 0.01


def test_read_in_a_mirror(shown: list[av.VideoFrame]) -> None:
    """A mirrored picture of unknown geometry is read at the highest effort."""
    mirrored = [
        av.VideoFrame.from_ndarray(np.array(frame.to_ndarray(format="gray")[:, ::-1], np.uint8), "gray")
        for frame in shown[:4]
    ]
    assert said(album(mirrored)) == []
    assert said(album(mirrored), effort="max") == [(CODE, PAYLOAD)]


def test_two_copies_one_after_the_other(scene: list[av.VideoFrame]) -> None:
    """Two viewers' copies cut together show both codes, each in its own part."""
    pages = album([*coded(scene[:26]), *coded(scene[:26], payload=OTHER)])
    found = visible_codes(pages, [], [KEY])
    assert [each.payload for each in found] == [PAYLOAD, OTHER]
    assert found[0].start == 0
    assert found[1].end == pytest.approx(2.04, abs=0.1)
    assert abs(found[0].end - 1.0) < 0.2


def test_guessing_needs_letters() -> None:
    """Likelihoods that say nothing give no code; those of a code with two letters in doubt do, and never another."""
    assert guess(np.zeros((16, 32)), [KEY]) is None
    values = code_of(PAYLOAD, KEY)
    likelihood = np.zeros((16, 32))
    likelihood[np.arange(16), list(values)] = 12.0
    for place in (3, 11):
        likelihood[place, (values[place] + 1) % 32] = 13.0
    told = guess(likelihood, [WRONG_KEY, KEY])
    assert told is not None
    assert (told.values, told.payload, told.key) == (values, PAYLOAD, KEY)
    assert guess(likelihood, [WRONG_KEY]) is None


def test_chance_readings_name_nobody() -> None:
    """Likelihoods at random, more peaked than pictures without letters make them, name nobody in 300 tries."""
    chance = np.random.default_rng(5)
    for _ in range(300):
        assert guess(chance.normal(0, 1.5, (16, 32)), [KEY], tried=300) is None


def test_a_strip_is_found_to_a_pixel() -> None:
    """A line on noise is found where it is, and its boxes are as wide as they were drawn."""
    picture = np.random.default_rng(2).normal(90, 12, (300, 640)).astype(np.float32)
    line = code_line(code_of(PAYLOAD, KEY), 300, 34)
    picture[150:184, 200:500] += 120 * line
    levels = np.clip(picture, 0, 255).astype(np.uint8)
    best = find(combed(levels, (12.0, 15.0, 18.0)), 3)[0]
    strip = read(levels, best)
    assert strip is not None
    assert abs(strip.x - 200) < 2
    assert abs(strip.y - 150) < 2
    assert abs(strip.box - 15) < 0.3


def test_an_album_stays_small() -> None:
    """However long a leak, an album holds a few dozen pages, spread over all of it."""
    grey = np.zeros((90, 160), np.uint8)
    made = Album()
    for second in range(600):
        for part in range(3):
            made.add(grey, second + part / 3)
    pages = made.pages()
    assert len(pages) <= MOST_PAGES + 1
    assert pages[0].start == 0
    assert pages[-1].end > 560


def test_an_album_averages() -> None:
    """A page is the mean of its frames: what changes fades, what stays stays."""
    frames = [np.full((64, 64), level, np.uint8) for level in (80, 120)] * 5
    for frame in frames:
        frame[20:40, 20:40] = 200
    made = Album()
    for number, frame in enumerate(frames):
        made.add(frame, number / 10)
    (page,) = made.pages()
    assert page.grey[0, 0] == 100
    assert page.grey[30, 30] == 200


MEMBER = Member(
    payload=PAYLOAD,
    p_false=1e-30,
    p_mistaken=1e-20,
    score=17.0,
    key_id=KEY.id,
    start=0.0,
    end=20.0,
    media_time=None,
    geometry=Geometry(),
    speed=None,
)
STRETCHES = tuple((float(second), second + 0.96) for second in range(20))
SEEN = VisibleCode(
    CODE, PAYLOAD, KEY.id, 0.9999, 0.0, 19.96, ((0.1, 0.1), (0.3, 0.1), (0.3, 0.2), (0.1, 0.2)), STRETCHES
)
LEFT = Geometry(outline=((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
RIGHT = Geometry(outline=((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)))


def test_agreement() -> None:
    """A code over its own member's mark agrees; so does one that the mark's interval misses by less than a record."""
    assert disagreements([SEEN], [MEMBER]) == []
    assert disagreements([SEEN], [replace(MEMBER, end=14.0), replace(MEMBER, payload=OTHER, start=12.0)]) == []
    assert disagreements([SEEN], []) == []


def test_disagreement() -> None:
    """A code over another's mark disagrees, from when to when both were seen."""
    (odd,) = disagreements([SEEN], [replace(MEMBER, payload=OTHER, start=4.0, end=9.0)])
    assert (odd.visible.payload, [each.payload for each in odd.invisible]) == (PAYLOAD, [OTHER])
    assert 3 <= odd.start <= 4
    assert 9 <= odd.end <= 10


def test_a_foreign_key_disagrees() -> None:
    """The same numbers under another key are somebody else."""
    assert len(disagreements([SEEN], [replace(MEMBER, key_id=WRONG_KEY.id)])) == 1


def test_side_by_side() -> None:
    """Of two pictures side by side, a code is held against the one it lies in."""
    ours, theirs = replace(MEMBER, geometry=LEFT), replace(MEMBER, payload=OTHER, geometry=RIGHT)
    assert disagreements([SEEN], [ours, theirs]) == []


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Paste viewer A's code over viewer B's marked copy."""
    frames = coded(film(75, 960, 540), SessionCode(position="top left"), OTHER, strength=1.0)
    pasted = coded(frames, SessionCode(position="top left"), PAYLOAD)
    path = tmp_path_factory.mktemp("forged") / "forged.mp4"
    return write(path, Clip(width=960, height=540, times=range(75), options={"crf": "23", "threads": "1"}), pasted)


def test_a_pasted_code_is_reported(forged: Path) -> None:
    """A code of A over the copy of B is told as a disagreement that names both, in words and in JSON."""
    decoding = decode(forged, keys=[KEY])
    assert decoding.payload == OTHER
    assert decoding.visible_code is not None
    assert decoding.visible_code.payload == PAYLOAD
    (reason,) = decoding.reasons
    assert "session 88, member 4711" in reason
    assert "session 88, member 4712" in reason
    assert "spliced, forged or pasted" in reason
    told = json.loads(as_json(forged, "00", decoding))
    assert told["verdict"] == "found"
    assert told["visible_code"]["code"] == CODE
    (odd,) = told["disagreements"]
    assert (odd["visible"]["member"], [each["member"] for each in odd["invisible"]]) == (4711, [4712])
    assert odd["start"] == 0
    assert odd["end"] > 2
    assert "DISAGREES with the mark" in as_text(forged, decoding)


def test_a_code_alone_proves_nothing(tmp_path: Path) -> None:
    """A film that shows a code and has no mark is absent, and the reasons say that a code is no proof."""
    frames = coded(film(6, 960, 540))
    path = write(tmp_path / "pasted.mp4", Clip(width=960, height=540, times=range(6), options={"threads": "1"}), frames)
    decoding = decode(path, keys=[KEY], effort="fast")
    assert decoding.verdict == "absent"
    assert [each.payload for each in decoding.visible_codes] == [PAYLOAD]
    assert "no proof" in decoding.reasons[-1]


def test_an_honest_copy_agrees(tmp_path: Path) -> None:
    """A copy with its own code is found without a reason, and its code agrees with the mark."""
    frames = coded(film(50, 960, 540), strength=1.0)
    path = write(tmp_path / "own.mp4", Clip(width=960, height=540, times=range(50), options={"threads": "1"}), frames)
    decoding: Decoding = decode(path, keys=[KEY], effort="fast")
    assert decoding.payload == PAYLOAD
    assert decoding.disagreements == ()
    assert decoding.reasons == ()
    assert "agrees with the mark" in as_text(path, decoding)
