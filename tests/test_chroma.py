"""Chroma that carries no mark: shared among viewers or copied for each, and what luma alone still tells."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from tests.scenes import KEY, PAYLOAD, WRONG_KEY, film, host, recover, timed
from tracemark.embedder import Chroma, Embedder
from tracemark.frames import LAYOUTS, layout_of, planes
from tracemark.overlay import Logo, SessionCode
from tracemark.payload import Payload

if TYPE_CHECKING:
    from pathlib import Path

    from tracemark.frames import Frame, Plane

OTHER = Payload(88, 4712)
APART = ["yuv420p", "nv12", "yuv444p", "yuv420p10le"]
UNMARKED = [Chroma.SHARED, Chroma.COPIED]


def views(frame: Frame) -> list[Plane]:
    """Show the samples of a frame."""
    return planes(frame, layout_of(frame))


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("chroma", UNMARKED)
@pytest.mark.parametrize("alone", [False, True], ids=["prepared", "bare"])
def test_luma_carries_its_mark_and_chroma_none(name: str, chroma: Chroma, alone: bool) -> None:  # noqa: FBT001
    """Luma is marked as ever, and chroma is the host's; where both lie in one plane, grey is added to every pixel."""
    frame = host(name=name)
    embedder, usual = Embedder(KEY, chroma=chroma), Embedder(KEY)
    shown, before = (
        views(each.viewer(PAYLOAD).mark(frame if alone else each.prepare(frame))) for each in (embedder, usual)
    )
    given = views(frame)
    if LAYOUTS[name].kind == "packed":
        change = shown[0].astype(int) - given[0]
        inside = (given[0] > 10) & (given[0] < 245)
        assert 0.3 < np.sqrt(np.mean(change**2)) < 1.5
        assert (np.ptp(change, axis=2)[inside.all(axis=2)] == 0).all()
        return
    assert np.array_equal(shown[0], before[0])
    assert not np.array_equal(shown[0], given[0])
    for own, untouched in zip(shown[1:], given[1:], strict=True):
        assert np.array_equal(own, untouched)


@pytest.mark.parametrize("name", APART)
def test_viewers_hold_the_same_chroma(name: str) -> None:
    """Shared, all viewers' frames hold one chroma, which is not the host's memory; each has a luma of its own."""
    frame = host(name=name)
    embedder = Embedder(KEY, chroma=Chroma.SHARED)
    prepared = embedder.prepare(frame)
    one, other = (views(embedder.viewer(who).mark(prepared)) for who in (PAYLOAD, OTHER))
    assert not np.shares_memory(one[0], other[0])
    for index in range(1, len(one)):
        assert np.shares_memory(one[index], other[index])
        assert not np.shares_memory(one[index], views(frame)[index])
    assert prepared.stage.copies.made == 0


@pytest.mark.parametrize("name", APART)
def test_copied_chroma_is_a_viewers_own(name: str) -> None:
    """Copied, what one viewer's chroma becomes changes nobody else's."""
    embedder = Embedder(KEY, chroma=Chroma.COPIED)
    prepared = embedder.prepare(host(name=name))
    one, other = (views(embedder.viewer(who).mark(prepared)) for who in (PAYLOAD, OTHER))
    kept = [view.copy() for view in other]
    for view in one:
        view[:] = 0
    assert all(np.array_equal(view, before) for view, before in zip(other, kept, strict=True))


def test_shared_chroma_lives_as_long_as_a_frame_that_holds_it() -> None:
    """A viewer's frame keeps its colours while later frames are prepared, in a few blocks of memory."""
    embedder = Embedder(KEY, chroma=Chroma.SHARED)
    viewer = embedder.viewer(PAYLOAD)
    frame = host()
    kept = viewer.mark(embedder.prepare(frame))
    before = [view.copy() for view in views(kept)]
    for number in range(1, 8):
        for view in views(frame):
            view[:] = 20 * number
        frame.pts = number
        prepared = embedder.prepare(frame)
        viewer.mark(prepared)
    assert all(np.array_equal(view, old) for view, old in zip(views(kept), before, strict=True))
    assert prepared.stage.shared.made <= 3
    assert prepared.stage.lumas is not None
    assert prepared.stage.lumas.made == 2


def test_a_viewer_with_a_code_has_chroma_of_their_own(tmp_path: Path) -> None:
    """What is drawn for one viewer is seen by nobody else, and a logo that all have is drawn into what they share."""
    red = np.zeros((20, 40, 3), np.uint8)
    red[..., 0] = 250
    path = tmp_path / "logo.png"
    av.VideoFrame.from_ndarray(red, "rgb24").save(path)
    logo = Logo(path, "top right")
    frame = host()
    seen = {}
    for chroma in UNMARKED:
        embedder = Embedder(KEY, chroma=chroma)
        coded, plain = (
            embedder.viewer(who, [logo, *codes]) for who, codes in ((PAYLOAD, [SessionCode()]), (OTHER, []))
        )
        prepared = embedder.prepare(frame)
        assert len(prepared.scenery.drawn) == 1
        seen[chroma] = views(coded.mark(prepared)), views(plain.mark(prepared))
    coded_planes, plain_planes = seen[Chroma.SHARED]
    assert not np.shares_memory(coded_planes[1], plain_planes[1])
    assert not np.array_equal(plain_planes[2], views(frame)[2])
    for shared, copied in zip(seen[Chroma.SHARED], seen[Chroma.COPIED], strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(shared, copied, strict=True))


def test_luma_alone_names_the_viewer() -> None:
    """A decode that expects the mark in chroma, too, names the viewer all the same; another key finds nothing."""
    embedder = Embedder(KEY, chroma=Chroma.SHARED)
    viewer = embedder.viewer(PAYLOAD)
    shown = []
    for number, frame in enumerate(film(50)):
        frame.pts, frame.time_base = number, Fraction(1, 25)
        marked = viewer.mark(embedder.prepare(frame))
        assert isinstance(marked, av.VideoFrame)
        shown.append(marked)
    assert recover(timed(shown)).payload == PAYLOAD
    assert recover(timed(shown), WRONG_KEY).verdict != "found"
