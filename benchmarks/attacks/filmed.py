"""A screen filmed with a phone in the hand."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks import scenery
from benchmarks.attacks.drawing import Drawing, Painter, Picture, Timed
from benchmarks.attacks.geometric import CORNERS, homography, moved_corners
from benchmarks.attacks.placement import Format, Matrix, Placement

FILLED = 0.92
"""Width of the screen as a share of what the phone sees."""
BEZEL = 0.02
"""Width of the screen's black frame, as a share of the picture's."""
RATE = 25.0
"""Frames a second of the phone's video."""
SHUTTER = 0.02
"""Seconds that a frame is exposed for; a screen that changes meanwhile shows both pictures."""
PHASE = 0.013
"""Seconds between the clip's first frame and the phone's."""
LOCAL = (0.002, 0.002)
"""Wobble of each corner by itself, as shares of width and height: the phone turns."""
SHARED = (0.008, 0.008)
"""Wobble of all corners together: the phone shifts."""
TREMORS = ((0.3, 1.0), (0.9, 0.5), (2.3, 0.2))
"""Frequencies of the wobble in hertz, and how much of it each carries."""


@dataclass(frozen=True)
class Filmed(Drawing):
    """Film the picture on a monitor: at an angle, by hand, through a lens, onto a noisy sensor, at another rate.

    Parameters
    ----------
    seed : int
    moved : float
        How far the corners are moved by the perspective, as a share of the picture.
    barrel : float
        Barrel distortion: the share by which corners of the phone's picture are drawn in.
    blur : float
        Standard deviation of the lens's blur, in the phone's pixels.
    noise : float
        That of the sensor's noise, in 8-bit levels.
    grid : float
        Depth of the screen's pixel grid, 0 to 1: the phone's own grid makes moire of it.
    drift : float
        Depth of the slow changes of the exposure, 0 to 1.
    wobble : float
        A multiple of the usual unsteadiness.
    long_side : int
        Of the phone's video, in pixels; its shape is the picture's.
    """

    seed: int
    moved: float = 0.04
    barrel: float = 0.03
    blur: float = 0.9
    noise: float = 4.0
    grid: float = 0.06
    drift: float = 0.12
    wobble: float = 1.0
    long_side: int = 1280

    def placement(self, source: Format) -> Placement:
        """Say where the picture comes to lie with a steady hand and a perfect lens: about there it wanders."""
        return Placement(self._camera(source), self._homography(np.zeros((4, 2))))

    def clocked(self, frames: Timed) -> Timed:
        """See the screen at the phone's times: what a frame is exposed to is mixed."""
        before: Picture | None = None
        number = 0
        for picture, time in frames:
            while before is not None and PHASE + number / RATE < time:
                opened = PHASE + number / RATE
                share = min((time - opened) / SHUTTER, 1.0)  # of the exposure, spent on the picture before this one
                yield _mixed(before, picture, share), number / RATE
                number += 1
            before = picture
        if before is not None:
            yield before, number / RATE

    def painter(self, source: Format) -> Painter:
        """Prepare the lens, the hand and the sensor."""
        chance = np.random.default_rng([self.seed, 2])
        camera = self._camera(source)
        rays = self._rays(camera)
        hand = _Hand(chance)
        grain = chance.normal(0, self.noise, (2 * camera.height, 2 * camera.width)).astype(np.float32)
        room = scenery.clouds(camera.height, camera.width, chance) // 4
        phases = chance.uniform(0, 2 * np.pi, 2)
        # The screen shows the picture with its black frame round it; whatever is beyond is the room.
        border = round(BEZEL * source.width)

        def paint(picture: Picture, time: float) -> Picture:
            matrix = self._homography(self.wobble * hand.at(time))
            across, down = _project(matrix, rays, source)
            screen = cv2.copyMakeBorder(
                picture, border, border, border, border, cv2.BORDER_CONSTANT, value=(12, 12, 12)
            )
            # Positions between pixel centres, as OpenCV counts them.
            x, y = across - np.float32(0.5 - border), down - np.float32(0.5 - border)
            seen = room.copy()
            cv2.remap(screen, x, y, cv2.INTER_LINEAR, seen, cv2.BORDER_TRANSPARENT)
            light = seen.astype(np.float32)
            self._pixel_grid(light, across, down)
            light = np.asarray(cv2.GaussianBlur(light, (0, 0), self.blur), np.float32)
            gain = 1 + self.drift * (0.6 * np.sin(1.3 * time + phases[0]) + 0.4 * np.sin(3.1 * time + phases[1]))
            light *= np.float32(gain)
            top, left = chance.integers(0, camera.height), chance.integers(0, camera.width)
            light += grain[top : top + camera.height, left : left + camera.width, None]
            return np.asarray(cv2.convertScaleAbs(np.maximum(light, 0)), np.uint8)

        return paint

    def _camera(self, source: Format) -> Format:
        factor = self.long_side / max(source.width, source.height)
        sized = source.resized(factor * source.width, factor * source.height)
        return Format(sized.width, sized.height, RATE)

    def _homography(self, wobble: NDArray[np.float64]) -> Matrix:
        """From the phone's picture to the screen's, both normalised, given each corner's wobble."""
        corners = 0.5 + FILLED * (moved_corners(self.moved, self.seed) - 0.5) + wobble
        return homography(corners.astype(np.float32))

    def _rays(self, camera: Format) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where each of the phone's pixels would look through a perfect lens, normalised: x and y."""
        x = (np.arange(camera.width, dtype=np.float32) + 0.5) / camera.width - 0.5
        y = (np.arange(camera.height, dtype=np.float32) + 0.5) / camera.height - 0.5
        aspect = camera.height / camera.width
        squared = (x[None] ** 2 + (aspect * y[:, None]) ** 2) / (0.25 * (1 + aspect**2))
        bent = 1 + np.float32(self.barrel) * squared
        across, down = x[None] * bent + np.float32(0.5), y[:, None] * bent + np.float32(0.5)
        return np.asarray(across, np.float32), np.asarray(down, np.float32)

    def _pixel_grid(self, light: NDArray[np.float32], across: NDArray[np.float32], down: NDArray[np.float32]) -> None:
        """Darken the gaps between the screen's pixels, for the three colours side by side, where the phone samples."""
        turn = np.float32(2 * np.pi)
        rows = 1 + np.float32(self.grid) * np.cos(turn * down)
        along, beside = np.cos(turn * across), np.sin(turn * across)
        for channel in range(3):
            angle = turn * channel / 3
            stripes = np.float32(self.grid * np.cos(angle)) * along + np.float32(self.grid * np.sin(angle)) * beside
            light[..., channel] *= rows * (1 + stripes)


class _Hand:
    """How an unsteady hand moves the corners over time."""

    def __init__(self, chance: np.random.Generator) -> None:
        self._frequencies = [frequency * chance.uniform(0.8, 1.2) for frequency, _ in TREMORS]
        self._local = chance.uniform(0, 2 * np.pi, (len(TREMORS), *CORNERS.shape))
        self._shared = chance.uniform(0, 2 * np.pi, (len(TREMORS), 1, 2))

    def at(self, time: float) -> NDArray[np.float64]:
        """Shift of the four corners, normalised, of shape (4, 2)."""

        def waves(phases: NDArray[np.float64]) -> NDArray[np.float64]:
            angles = [2 * np.pi * frequency * time for frequency in self._frequencies]
            each = [
                part * np.sin(angle + phase) for angle, phase, (_, part) in zip(angles, phases, TREMORS, strict=True)
            ]
            return np.asarray(np.sum(each, axis=0), np.float64)

        shift: NDArray[np.float64] = np.asarray(LOCAL) * waves(self._local) + np.asarray(SHARED) * waves(self._shared)
        return shift


def _mixed(before: Picture, after: Picture, share: float) -> Picture:
    """Expose to one picture for a share of the time, then to another."""
    return before if share == 1 else np.asarray(cv2.addWeighted(before, share, after, 1 - share, 0), np.uint8)


def _project(
    matrix: Matrix, rays: tuple[NDArray[np.float32], NDArray[np.float32]], source: Format
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where on the picture each ray lands, in pixels from its left top corner: x and y."""
    m = (source.scale @ matrix).astype(np.float32)
    x, y = rays
    below = 1 / (m[2, 0] * x + m[2, 1] * y + m[2, 2])
    return (m[0, 0] * x + m[0, 1] * y + m[0, 2]) * below, (m[1, 0] * x + m[1, 1] * y + m[1, 2]) * below
