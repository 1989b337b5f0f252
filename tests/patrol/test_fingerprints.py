"""Fingerprints: an own recording is recognised in what became of it, and nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.scenes import KEY, copied, film, mark, x264
from tracemark.patrol.fingerprints import TURNS, Fingerprint, Library, Recent, Sampler, distances

Pixels = NDArray[np.uint8]
WIDTH, HEIGHT, COUNT = 480, 272, 76


@pytest.fixture(scope="module")
def library() -> Library:
    """Know four own recordings."""
    made = Library()
    for number in range(4):
        made.add(f"own {number}", _fingerprint(film(COUNT, WIDTH, HEIGHT, seed=number)[::25], TURNS))
    return made


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda pixels: pixels,
    "mirrored": lambda pixels: pixels[:, ::-1],
    "upside down": lambda pixels: pixels[::-1, ::-1],
    "on its side": lambda pixels: np.swapaxes(pixels, 0, 1),
    "brighter": lambda pixels: np.clip(pixels * 1.2 + 10, 0, 255).astype(np.uint8),
    "grey": lambda pixels: np.repeat(pixels.mean(-1, keepdims=True), 3, -1).astype(np.uint8),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_own_recordings_are_recognised(library: Library, change: Callable[[Pixels], Pixels]) -> None:
    """A recording that was turned, mirrored or coloured otherwise shows itself, and no other."""
    for number in range(4):
        frames = [_changed(frame, change) for frame in film(COUNT, WIDTH, HEIGHT, seed=number)[::25]]
        assert f"own {number}" == library.shows(_fingerprint(frames))


def test_a_marked_and_encoded_copy_is_recognised(library: Library) -> None:
    """The mark, half the size and H.264 leave a recording what it looks like."""
    frames = mark(film(26, WIDTH, HEIGHT, seed=2), KEY)
    small = [copied(frame, number, width=240, height=136) for number, frame in enumerate(frames)]
    assert library.shows(_fingerprint(x264(small, crf=32)[:1])) == "own 2"


def test_strangers_show_nothing(library: Library) -> None:
    """A dozen other scenes show none of the recordings, nor look like them."""
    for seed in range(100, 112):
        fingerprint = _fingerprint(film(1, WIDTH, HEIGHT, seed=seed))
        assert library.shows(fingerprint) is None
        assert library.like(fingerprint) is None


def test_plain_pictures_show_nothing(library: Library) -> None:
    """A picture of one colour is too plain to be recognised by."""
    grey = av.VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), "rgb24")
    fingerprint = _fingerprint([grey])
    assert (fingerprint.seen, len(fingerprint.hashes)) == (1, 0)
    assert library.shows(fingerprint) is None
    assert library.like(fingerprint) is None


def test_look_alikes_share_most_of_their_frames() -> None:
    """The same film looks like itself; a quarter of it does not, nor does it mirrored."""
    frames = [film(1, WIDTH, HEIGHT, seed=seed)[0] for seed in range(50, 58)]
    library = Library()
    library.add("other", _fingerprint([film(1, WIDTH, HEIGHT, seed=seed)[0] for seed in range(60, 68)]))
    library.add("film", _fingerprint(frames))
    assert library.like(_fingerprint(frames[:7])) == "film"
    assert library.like(_fingerprint(frames[:2])) is None
    mirrored = [_changed(frame, lambda pixels: pixels[:, ::-1]) for frame in frames]
    assert library.like(_fingerprint(mirrored)) is None


def test_what_was_long_ago_is_forgotten() -> None:
    """A library that forgets knows the last files, and no more than twice as many hashes as it is asked to."""
    chance = np.random.default_rng(3)
    files = [Fingerprint(chance.integers(0, 2**64, (4, 1, 4), np.uint64), 4) for _ in range(40)]
    recent = Recent(rows=16)
    for number, file in enumerate(files):
        recent.add(str(number), file)
    known = [recent.like(file) for file in files]
    assert [str(number) for number in range(36, 40)] == known[36:]
    assert known[:32] == [None] * 32


def test_frames_are_hashed_a_second_apart() -> None:
    """Of three seconds of film three frames are hashed, and never more than was asked for."""
    frames = film(COUNT, WIDTH, HEIGHT)[:75]
    for most, expected in ((10, 3), (2, 2)):
        sampler = Sampler(most)
        for frame in frames:
            assert frame.time is not None
            sampler.see(frame, frame.time)
        assert expected == sampler.fingerprint.seen


def test_distances_count_bits() -> None:
    """Distances are Hamming's, against a count by hand."""
    chance = np.random.default_rng(5)
    these, those = (chance.integers(0, 2**64, (count, 4), np.uint64) for count in (3, 5))
    by_hand = [[sum(int(a ^ b).bit_count() for a, b in zip(x, y, strict=True)) for y in those] for x in these]
    np.testing.assert_array_equal(by_hand, distances(these, those))


def test_fingerprints_travel_as_text() -> None:
    """What is written as text is read back as it was."""
    fingerprint = _fingerprint(film(1, WIDTH, HEIGHT))
    again = Fingerprint.from_text(fingerprint.to_text())
    assert fingerprint.seen == again.seen
    np.testing.assert_array_equal(fingerprint.hashes, again.hashes)


def _fingerprint(frames: Iterable[av.VideoFrame], turns: int = 1) -> Fingerprint:
    sampler = Sampler(100, turns=turns)
    for number, frame in enumerate(frames):
        sampler.see(frame, float(number))
    return sampler.fingerprint


def _changed(frame: av.VideoFrame, change: Callable[[Pixels], Pixels]) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(
        np.ascontiguousarray(change(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))), "rgb24"
    )
