"""Moves of the picture: cropped, resized, turned, mirrored, framed, seen at an angle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.moves import SQUARE, Move, Plan
from benchmarks.attacks.placement import Format, Matrix, Placement, even, normalised

FRAME = 2
"""Black pixels put round a picture that is then distorted, because ffmpeg repeats whatever is at the edge."""
WIDE = 16 / 9
"""Width over height of a screen."""
BLUR_SHRINK = 8
"""The sides of `BlurredSides` are blurred at an eighth of the size."""


@dataclass(frozen=True)
class Crop(Move):
    """Cut out a part of the same shape.

    Parameters
    ----------
    ratio : float
        Side of the part over that of the whole.
    seed : int or None
        Chooses where; None for the middle.
    enlarged : bool
        Whether the part is scaled back up to the size of the whole.
    """

    ratio: float
    seed: int | None = None
    enlarged: bool = False

    def plan(self, source: Format) -> Plan:
        """Say by which filters, and where the picture comes to lie."""
        part = source.resized(self.ratio * source.width, self.ratio * source.height)
        along, down = (0.5, 0.5) if self.seed is None else _off_centre(self.seed)
        left = (source.width - part.width) * along // 2 * 2
        top = (source.height - part.height) * down // 2 * 2
        filters = [f"crop={part.width}:{part.height}:{left:.0f}:{top:.0f}"]
        placed = Placement.inside(part, -left, -top, source.width, source.height)
        if self.enlarged:
            whole = source.resized(source.width, source.height)
            filters += [f"scale={whole.width}:{whole.height}", SQUARE]
            placed = Placement(whole, placed.matrix)
        return Plan(tuple(filters), placed)


@dataclass(frozen=True)
class Resize(Move):
    """Scale the picture, by two factors that may differ."""

    across: float
    down: float

    def plan(self, source: Format) -> Plan:
        """Say by which filters; normalised positions stay."""
        target = source.resized(self.across * source.width, self.down * source.height)
        return Plan((f"scale={target.width}:{target.height}", SQUARE), Placement(target, np.eye(3)))


@dataclass(frozen=True)
class Lines(Move):
    """Scale the picture to so many lines, in its shape."""

    lines: int

    def plan(self, source: Format) -> Plan:
        """Say by which filters; normalised positions stay."""
        factor = self.lines / source.height
        return Resize(factor, factor).plan(source)


@dataclass(frozen=True)
class Rotate(Move):
    """Rotate by any angle in degrees, clockwise, on a canvas that grows to hold the whole picture."""

    degrees: float

    def plan(self, source: Format) -> Plan:
        """Say by which filters, and where the picture comes to lie."""
        angle = math.radians(self.degrees)
        cosine, sine = math.cos(angle), math.sin(angle)
        width = even(source.width * abs(cosine) + source.height * abs(sine))
        height = even(source.width * abs(sine) + source.height * abs(cosine))
        target = Format(width, height, source.rate)
        back = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
        pixels = _shift(source.width / 2, source.height / 2) @ back @ _shift(-width / 2, -height / 2)
        text = f"rotate={angle:.9f}:ow={width}:oh={height}:c=black"
        return Plan((text,), Placement(target, normalised(pixels, source, target)))


@dataclass(frozen=True)
class Turn(Move):
    """Turn by quarters, clockwise."""

    quarters: int

    def plan(self, source: Format) -> Plan:
        """Say by which filters, and where the picture comes to lie."""
        quarters = self.quarters % 4
        once: Matrix = np.array([[0.0, 1, 0], [-1, 0, 1], [0, 0, 1]])
        matrix = np.linalg.matrix_power(once, quarters)
        target = source if quarters % 2 == 0 else Format(source.height, source.width, source.rate)
        return Plan(("transpose=clock",) * quarters, Placement(target, matrix))


@dataclass(frozen=True)
class Mirror(Move):
    """Swap left and right."""

    def plan(self, source: Format) -> Plan:
        """Say by which filters, and where the picture comes to lie."""
        return Plan(("hflip",), Placement(source, np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])))


@dataclass(frozen=True)
class Letterbox(Move):
    """Put black bars above and below.

    Parameters
    ----------
    growth : float
        Height of the canvas over that of the picture; 4/3 makes 4:3 of 16:9.
    """

    growth: float = 4 / 3

    def plan(self, source: Format) -> Plan:
        """Say by which filters, and where the picture comes to lie."""
        canvas = source.resized(source.width, self.growth * source.height)
        top = (canvas.height - source.height) // 4 * 2
        text = f"pad={canvas.width}:{canvas.height}:0:{top}:black"
        return Plan((text,), Placement.inside(canvas, 0, top, source.width, source.height))


@dataclass(frozen=True)
class BlurredSides(Move):
    """Fill up a wider canvas with a blurred, enlarged copy of the picture, as for portrait clips on television.

    Parameters
    ----------
    growth : float
        Least width of the canvas over that of the picture; a canvas of 16:9 is used if that is wider.
    longest : int
        Greatest width of the canvas, in pixels.
    sigma : float
        Of the blur, as a share of the canvas's width.
    """

    growth: float = 1.5
    longest: int = 1920
    sigma: float = 0.02

    def plan(self, source: Format) -> Plan:
        """Say by which filters, and where the picture comes to lie."""
        wide = max(self.growth * source.width, WIDE * source.height)
        factor = min(1.0, self.longest / wide)
        canvas = source.resized(factor * wide, factor * source.height)
        width = even(factor * source.width)
        left = (canvas.width - width) // 4 * 2
        small = f"{even(canvas.width / BLUR_SHRINK)}:{even(canvas.height / BLUR_SHRINK)}"
        graph = (
            f"split[inner][outer];[outer]scale={small}:force_original_aspect_ratio=increase,crop={small},"
            f"gblur=sigma={self.sigma * canvas.width / BLUR_SHRINK:.3f},scale={canvas.width}:{canvas.height},{SQUARE}"
            f"[sides];[inner]scale={width}:{canvas.height},{SQUARE}[front];[sides][front]overlay={left}:0"
        )
        return Plan((graph,), Placement.inside(canvas, left, 0, width, canvas.height))


@dataclass(frozen=True)
class Perspective(Move):
    """Move each corner of the picture in a direction of its own; what comes in from outside is black.

    Parameters
    ----------
    moved : float
        How far, as a share of the width sideways and of the height up and down.
    seed : int
        Chooses the directions.
    """

    moved: float
    seed: int

    def plan(self, source: Format) -> Plan:
        """Say by which filters, and where the picture comes to lie."""
        canvas = source.resized(source.width + 2 * FRAME, source.height + 2 * FRAME)
        corners = moved_corners(self.moved, self.seed)
        x, y = corners[:, 0] * canvas.width, corners[:, 1] * canvas.height
        places = ":".join(f"{x[k]:.3f}:{y[k]:.3f}" for k in range(4))
        seen = Placement.inside(canvas, FRAME, FRAME, source.width, source.height).matrix
        assert seen is not None
        filters = (
            f"pad={canvas.width}:{canvas.height}:{FRAME}:{FRAME}:black",
            f"perspective={places}:interpolation=cubic:sense=destination",
        )
        return Plan(filters, Placement(canvas, seen @ homography(corners)))


CORNERS: NDArray[np.float32] = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
"""Of a picture, normalised: two above, two below, in ffmpeg's order."""


def moved_corners(moved: float, seed: int) -> NDArray[np.float32]:
    """Move each corner by a share of the picture's width and height, in a random direction."""
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, 4)
    return (CORNERS + moved * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(np.float32)


def homography(corners: NDArray[np.float32]) -> Matrix:
    """Homography that takes the moved corners back to where they were."""
    return np.asarray(cv2.getPerspectiveTransform(corners, CORNERS), np.float64)


def _off_centre(seed: int) -> tuple[float, float]:
    """Choose the share of the free margin that lies left and above, away from the middle by at least a quarter."""
    chance = np.random.default_rng(seed)
    sides = chance.integers(0, 2, 2)
    away = chance.uniform(0.25, 0.5, 2)
    along, down = 0.5 + np.where(sides == 1, away, -away)
    return float(along), float(down)


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])
