"""What the shortlist by PDQ recognises of a recording that leaked, and how fast a large library answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from tests.scenes import bunny, copied, film, x264
from tracemark.patrol.fingerprints import TURNS, Fingerprint, Library, Sampler

Pixels = NDArray[np.uint8]

STRANGERS = 150
ROWS = 1_000_000
"""Hashes in the library that is timed."""

SAMPLED = 32
OWN_STEP = 6
"""Frames from one to the next of an own recording: a quarter of a second."""


def _resized(share: float) -> Callable[[Pixels], Pixels]:
    return lambda pixels: np.asarray(
        cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8
    )


def _cropped(share: float) -> Callable[[Pixels], Pixels]:
    def crop(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        top, left = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
        return pixels[top : height - top, left : width - left]

    return crop


def _turned(angle: float) -> Callable[[Pixels], Pixels]:
    def turn(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
        return np.asarray(cv2.warpAffine(pixels, matrix, (width, height)), np.uint8)

    return turn


def _window(share: float) -> Callable[[Pixels], Pixels]:
    def show(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        desktop = np.full_like(pixels, (60, 110, 150))
        small = cv2.resize(pixels, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
        top, left = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
        desktop[top : top + small.shape[0], left : left + small.shape[1]] = small
        return desktop

    return show


def _lettered(pixels: Pixels) -> Pixels:
    written = pixels.copy()
    for row in (0.1, 0.5, 0.9):
        place = (round(0.05 * pixels.shape[1]), round(row * pixels.shape[0]))
        cv2.putText(written, "someone's channel", place, cv2.FONT_HERSHEY_DUPLEX, 2.0, (255, 255, 0), 5)
    return written


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda pixels: pixels,
    "half the size": _resized(0.5),
    "a sixth of the size": _resized(1 / 6),
    "mirrored": lambda pixels: pixels[:, ::-1],
    "on its side": lambda pixels: np.swapaxes(pixels, 0, 1),
    "brighter by a fifth": lambda pixels: np.clip(pixels * 1.2, 0, 255).astype(np.uint8),
    "captions over it": _lettered,
    "the middle 95 %": _cropped(0.95),
    "the middle 90 %": _cropped(0.9),
    "the middle 80 %": _cropped(0.8),
    "turned by 2 degrees": _turned(2),
    "turned by 5 degrees": _turned(5),
    "in a window of 90 %": _window(0.9),
    "in a window of 60 %": _window(0.6),
}


def shortlist() -> dict[str, Any]:
    """Look changed copies of a real clip up in a library that has it, and strangers.

    Returns
    -------
    dict
        ``changes``: frames recognised and seen by change; ``strangers`` seen and taken for own ones.
    """
    frames = bunny(132)
    library = Library()
    library.add("own", _fingerprint([_pixels(frame) for frame in frames[::OWN_STEP]], TURNS))
    shown = frames[OWN_STEP // 2 :: 25]
    found = {
        name: _recognised(library, [change(_pixels(frame)) for frame in shown]) for name, change in CHANGES.items()
    }
    small = [copied(frame, number, width=640, height=360) for number, frame in enumerate(frames[:30])]
    again = [_pixels(frame) for frame in x264(small, crf=35)[OWN_STEP // 2 :: 25]]
    found["640x360, H.264 at CRF 35"] = _recognised(library, again)
    strangers = [_fingerprint([_pixels(film(1, 640, 360, seed=5000 + number)[0])]) for number in range(STRANGERS)]
    return {
        "clip": "Big Buck Bunny",
        "changes": found,
        "strangers": STRANGERS,
        "mistaken": sum(library.shows(each) is not None for each in strangers),
    }


def library_speed() -> dict[str, float]:
    """Time a look-up of one file in a library of many."""
    chance = np.random.default_rng(1)
    library = Library()
    for number in range(ROWS // 1000):
        library.add(str(number), Fingerprint(chance.integers(0, 2**64, (1000, 1, 4), np.uint64), 1000))
    asked = Fingerprint(chance.integers(0, 2**64, (SAMPLED, 1, 4), np.uint64), SAMPLED)
    took = []
    for look in (library.shows, library.like):
        began = time.process_time()
        look(asked)
        took.append(time.process_time() - began)
    return {"rows": ROWS, "frames": SAMPLED, "shows": took[0], "like": took[1]}


def _recognised(library: Library, pictures: list[Pixels]) -> tuple[int, int]:
    return sum(library.shows(_fingerprint([picture])) is not None for picture in pictures), len(pictures)


def _fingerprint(pictures: list[Pixels], turns: int = 1) -> Fingerprint:
    sampler = Sampler(len(pictures), turns=turns)
    for number, picture in enumerate(pictures):
        sampler.see(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24"), float(number))
    return sampler.fingerprint


def _pixels(frame: av.VideoFrame) -> Pixels:
    return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
