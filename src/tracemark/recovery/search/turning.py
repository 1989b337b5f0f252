"""Images of what turns its sign from slot to slot, as the pilot does and nothing in a picture should.

What the pictures half a turn before and after predict of each picture is taken off, the rest is made of even strength
everywhere, and multiplied with the fundamental of the pilot's turn over a stretch of time (a lock-in): a complex image
whose modulus is the strength of the turning and whose argument tells when it turns. A resting picture cancels, and
stretches of seconds add up in step, since the pilot never changes but in sign.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.cores import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.reel import Picture, Reel

    Bytes = NDArray[np.uint8]
    Samples = NDArray[np.float32]
    Complex = NDArray[np.complex64]

STEPS_PER_SLOT = 6
"""Averages a slot that the leak is cut into before anything else."""

SMOOTH = 21
"""Side, in pixels, of the mean that is taken off: the carriers are finer than that."""

LOCAL = 23
"""Side, in pixels, of the neighbourhood over which a picture is predicted from those half a turn away."""

RIDGE = 0.05
"""Regularisation of that prediction."""

EVEN = 31
"""Side, in pixels, of the neighbourhood whose deviation becomes one."""

LEAST_DEVIATION = 0.08
"""Levels that a neighbourhood's deviation is taken to have at least."""

CLIP = 1.0
"""Deviations at which a pixel is clipped: an edge that moves must not drown what lies around it."""

STILL_CLIP = 0.6
"""The same for one picture alone, whose own texture is all there is to clip."""


@dataclass(frozen=True)
class Turning:
    """A leak as even images of what changes from half turn to half turn.

    Attributes
    ----------
    images : ndarray of float32, shape (steps, height, width)
    times : ndarray of float64, shape (steps,)
        Middle of each step, in seconds of the leak.
    shrink : float
        Pixels of these images in a pixel of the reel.
    """

    images: Samples
    times: NDArray[np.float64]
    shrink: float

    @property
    def to_reel(self) -> NDArray[np.float64]:
        """Map from pixels of these images to those of the reel, shape (3, 3)."""
        return np.diag([1 / self.shrink, 1 / self.shrink, 1])


def turning(reel: Reel, profile: Profile, side: int) -> Turning:
    """Make the images of a reel.

    Parameters
    ----------
    reel : Reel
    profile : Profile
    side : int
        Longest side of the images in pixels.

    Returns
    -------
    Turning
    """
    shrink = min(1.0, side / max(reel.size))
    size = (round(reel.size[0] * shrink), round(reel.size[1] * shrink))
    step = profile.slot_seconds / STEPS_PER_SLOT
    start = reel.pictures[0].time
    count = int((reel.pictures[-1].time - start) / step + 1e-6) + 1
    sums = np.zeros((count, size[1], size[0]), np.float32)
    frames = np.zeros(count, np.int64)

    def shrunk(picture: Picture) -> Bytes:
        if shrink == 1:
            return picture.luma
        return np.asarray(cv2.resize(picture.luma, size, interpolation=cv2.INTER_AREA), np.uint8)

    for picture, small in zip(reel.pictures, in_order(shrunk, reel.pictures), strict=True):
        number = int((picture.time - start) / step + 1e-6)
        cv2.accumulate(small, sums[number])
        frames[number] += 1
    for number in np.flatnonzero(frames > 1).tolist():
        sums[number] /= frames[number]
    held = frames > 0
    for number in np.flatnonzero(held).tolist():
        sums[number] -= cv2.blur(sums[number], (SMOOTH, SMOOTH))
    # images take the averages' place, at most as far as averages were asked for
    for number, image in enumerate(in_order(_turned, _beside(sums, held))):
        sums[number] = 0 if image is None else image
    times = np.asarray(start + (np.arange(count) + 0.5) * step, np.float64)
    return Turning(sums, times, shrink)


def _beside(averages: Samples, held: NDArray[np.bool_]) -> Iterator[tuple[Samples, list[Samples]]]:
    """Give a copy of every average, and those half a turn before and after it; none of these where there is none."""
    before: deque[Samples] = deque(maxlen=STEPS_PER_SLOT)  # as they were: images take the averages' place
    for number, average in enumerate(averages):
        own = average.copy()
        near = [before[0]] if len(before) == STEPS_PER_SLOT and held[number - STEPS_PER_SLOT] else []
        if number + STEPS_PER_SLOT < len(averages) and held[number + STEPS_PER_SLOT]:
            near.append(averages[number + STEPS_PER_SLOT])
        yield own, near if held[number] else []
        before.append(own)


def _turned(beside: tuple[Samples, list[Samples]]) -> Samples | None:
    own, near = beside
    if not near:
        return None
    other = near[0] if len(near) == 1 else (near[0] + near[1]) * np.float32(0.5)
    return _evened(_unforeseen(own, other), CLIP)


def even(image: Samples, clip: float) -> Samples:
    """Take smooth shading off, bring every neighbourhood to a deviation of one, and clip.

    Parameters
    ----------
    image : ndarray of float32, shape (height, width)
    clip : float
        In deviations.

    Returns
    -------
    ndarray of float32, shape (height, width)
    """
    return _evened(image - cv2.blur(image, (SMOOTH, SMOOTH)), clip)


def _evened(fine: Samples, clip: float) -> Samples:
    power = np.maximum(cv2.blur(fine * fine, (EVEN, EVEN)), 0)
    return np.asarray(np.clip(fine / (np.sqrt(power) + np.float32(LEAST_DEVIATION)), -clip, clip), np.float32)


def _unforeseen(own: Samples, other: Samples) -> Samples:
    """Take off what another picture predicts of this one: all of it where the picture rests, nothing where it moves."""
    likeness = cv2.blur(own * other, (LOCAL, LOCAL))
    power = cv2.blur(other * other, (LOCAL, LOCAL)) * np.float32(1 + RIDGE) + np.float32(1e-3)
    return np.asarray(own - np.clip(likeness / power, 0, 1) * other, np.float32)


def locked(turned: Turning, profile: Profile, seconds: float, speed: float) -> list[Complex]:
    """Multiply with the fundamental of the pilot's turn, stretch by stretch.

    Parameters
    ----------
    turned : Turning
    profile : Profile
    seconds : float
        Length of a stretch; stretches overlap by half. The whole leak if it is shorter.
    speed : float
        How much faster the leak runs than the stream did.

    Returns
    -------
    list of ndarray of complex64, shape (height, width)
    """
    count = len(turned.images)
    length = max(min(2, count), round(min(count, seconds * STEPS_PER_SLOT / profile.slot_seconds)))
    turns = turned.times * (speed / (2 * profile.slot_seconds))
    factors = np.exp(-2j * np.pi * turns)
    flat = turned.images.reshape(count, -1)
    made = []
    for start in _starts(count, length):
        chosen = slice(start, start + length)
        weights = np.stack([factors.real, factors.imag])[:, chosen].astype(np.float32)
        real, imaginary = weights @ flat[chosen]
        made.append((real + 1j * imaginary).reshape(turned.images.shape[1:]).astype(np.complex64))
    return made


def _starts(count: int, length: int) -> Sequence[int]:
    if count <= length:
        return [0]
    steps = -(-(count - length) * 2 // length)
    return [round(number * (count - length) / steps) for number in range(steps + 1)]
