"""The operator's original beside the leak: the leak brought into its place, and what differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tracemark.frames import quarter_turns
from tracemark.recovery import Decoding
from tracemark.video import Source
from tracemark.video.pixels import convert

Picture = NDArray[np.uint8]
Doubles = NDArray[np.float32]

GAIN = 8.0
"""Times that the difference is amplified."""

AROUND = 2.0
"""Seconds of the original on both sides of the media time that are looked through."""

LOOK = 180.0
"""Seconds of the original that are looked through where the media time is not known."""

MATCH = 0.6
"""Least correlation of a frame with the leak's to be taken for the same. Unrelated pictures reach 0.5."""

SMALL = 96
"""Width of the pictures that are compared, in pixels."""

SIDE = 720
"""Longest side of each panel, in pixels."""


@dataclass(frozen=True)
class Difference:
    """What comparing with the original gave.

    Parameters
    ----------
    panels : tuple of ndarray of uint8, each of shape (height, width, 3), or None
        Original, leak in its place, difference around mid-grey (RGB); None if no frame matches.
    time : float
        Second of the original that matches best.
    match : float
        Correlation there.
    """

    panels: tuple[Picture, Picture, Picture] | None
    time: float
    match: float


def compare(leak: Picture, host: Path, decoding: Decoding, moment: float) -> Difference:
    """Find the original frame of a leak's frame, and subtract the two.

    Parameters
    ----------
    leak : ndarray of uint8, shape (height, width, 3)
        A frame of the leak as it is displayed, RGB.
    host : Path
        The original.
    decoding : Decoding
        Tells how the leak lies on the original.
    moment : float
        Second of the leak that the frame was taken at.

    Returns
    -------
    Difference

    Raises
    ------
    MediaError
        If the original cannot be read.
    """
    matrix = np.array(decoding.geometry.matrix, np.float64)
    best = Difference(None, 0.0, -1.0)
    found: Picture | None = None
    for time, frame in _frames(host, *_window(decoding, moment)):
        match = _correlation(frame, leak, matrix)
        if match > best.match:
            best, found = Difference(None, time, match), frame
    if found is None or best.match < MATCH:
        return Difference(None, best.time, max(best.match, 0.0))
    return Difference(_panels(found, leak, matrix), best.time, best.match)


def _window(decoding: Decoding, moment: float) -> tuple[float, float]:
    """Seconds of the original between which to look."""
    named = decoding.named
    if named is None or named.media_time is None:
        return 0.0, LOOK
    expected = named.media_time + (moment - named.start) * (named.speed or 1.0)
    return max(expected - AROUND, 0.0), expected + AROUND


def _frames(host: Path, start: float, end: float) -> Iterator[tuple[float, Picture]]:
    """Read frames of the original as they are displayed, at most `SIDE` long."""
    with Source(host) as opened:
        for frame in opened.frames():
            time = float(frame.time or 0)
            if time > end:
                break
            if time < start:
                continue
            aspect = float(opened.pixel_aspect)
            width, height = frame.width * aspect, float(frame.height)
            shrink = min(1.0, SIDE / max(width, height))
            pixels = convert(frame, "rgb24").to_ndarray()
            size = max(round(width * shrink), 1), max(round(height * shrink), 1)
            small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            yield time, np.asarray(np.rot90(small, quarter_turns(frame)), np.uint8)


def _placed(leak: Picture, matrix: NDArray[np.float64], width: int, height: int) -> tuple[Doubles, NDArray[np.bool_]]:
    """Bring the leak onto a picture of the original, and say where it shows anything of it."""
    tall, wide = leak.shape[:2]
    pixels = np.diag([width, height, 1.0]) @ matrix @ np.diag([1 / wide, 1 / tall, 1.0])
    placed = cv2.warpPerspective(leak, pixels, (width, height), flags=cv2.INTER_AREA)
    shown = cv2.warpPerspective(np.full((tall, wide), 255, np.uint8), pixels, (width, height), flags=cv2.INTER_NEAREST)
    return np.asarray(placed, np.float32), shown > 0


def _correlation(frame: Picture, leak: Picture, matrix: NDArray[np.float64]) -> float:
    width, height = SMALL, max(round(SMALL * frame.shape[0] / frame.shape[1]), 2)
    one = cv2.cvtColor(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    side = max(leak.shape[:2])
    # shrunk first, or a large leak is sampled at single pixels
    shrunk = cv2.resize(leak, None, fx=2 * SMALL / side, fy=2 * SMALL / side, interpolation=cv2.INTER_AREA)
    placed, shown = _placed(np.asarray(shrunk, np.uint8), matrix, width, height)
    if shown.sum() < SMALL:
        return 0.0
    other = placed.mean(axis=-1)[shown]
    this = one.astype(np.float32)[shown]
    this, other = this - this.mean(), other - other.mean()
    energy = float(np.sqrt((this**2).sum() * (other**2).sum()))
    return float((this * other).sum()) / energy if energy > 0 else 0.0


def _panels(frame: Picture, leak: Picture, matrix: NDArray[np.float64]) -> tuple[Picture, Picture, Picture]:
    height, width = frame.shape[:2]
    placed, shown = _placed(leak, matrix, width, height)
    fitted = placed.copy()
    for channel in range(3):  # another brightness or contrast of the leak is no difference that tells anything
        gain, offset = _line(placed[shown, channel], frame[shown, channel].astype(np.float32))
        fitted[..., channel] = gain * placed[..., channel] + offset
    apart = 128 + GAIN * (fitted - frame)
    apart[~shown] = 128
    brought = placed.copy()
    brought[~shown] = 235
    return frame, _bytes(brought), _bytes(apart)


def _line(given: Doubles, wanted: Doubles) -> tuple[float, float]:
    """Least squares: gain and offset that bring one near the other."""
    spread = float(given.var())
    if spread < 1:
        return 1.0, float(wanted.mean() - given.mean())
    gain = float(((given - given.mean()) * (wanted - wanted.mean())).mean()) / spread
    return gain, float(wanted.mean() - gain * given.mean())


def _bytes(picture: Doubles) -> Picture:
    return np.asarray(np.clip(np.round(picture), 0, 255), np.uint8)
