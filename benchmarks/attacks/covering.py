"""What is laid over the picture, and the picture laid over something else."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.attacks import scenery
from benchmarks.attacks.drawing import Drawing, Painter, Picture
from benchmarks.attacks.placement import Format, Placement, even

CAPTION_SECONDS = 1.6
"""A subtitle stays so long, ..."""
CAPTION_GAP = 0.2
"""... of which nothing is shown for so long."""


class Covering(Drawing):
    """Leaves the picture where it is, and draws on it."""

    def placement(self, source: Format) -> Placement:
        """Say where the picture lies: where it was."""
        return Placement(source.resized(source.width // 2 * 2, source.height // 2 * 2), np.eye(3))


@dataclass(frozen=True)
class Subtitles(Covering):
    """Write subtitles of two lines, which change."""

    seed: int

    def painter(self, source: Format) -> Painter:
        """Prepare the texts."""
        del source
        chance = np.random.default_rng(self.seed)
        texts = [[scenery.sentence(chance, 6)[:36] for _ in range(2)] for _ in range(64)]
        captions: dict[int, Picture] = {}

        def paint(picture: Picture, time: float) -> Picture:
            number, since = divmod(time / CAPTION_SECONDS, 1)
            drawn = _trimmed(picture)
            if since * CAPTION_SECONDS < CAPTION_SECONDS - CAPTION_GAP:
                number = int(number) % len(texts)
                if number not in captions:
                    captions[number] = _caption(drawn, texts[number])
                letters = captions[number]
                part = drawn[-letters.shape[0] :]
                thick = 2 * max(1, letters.shape[0] // 80) + 1
                part[cv2.dilate(letters, np.ones((thick, thick))).any(axis=2)] = 0
                np.maximum(part, letters, out=part)
            return drawn

        return paint


def _caption(picture: Picture, texts: list[str]) -> Picture:
    """Write two lines in white on black, as wide as the picture, to be laid over its bottom."""
    height, width = picture.shape[:2]
    size = min(height, width) / 20
    letters = np.zeros((round(4.5 * size), width, 3), np.uint8)
    for row, text in enumerate(texts):
        x = (width - scenery.text_width(text, size, 2)) / 2
        scenery.write(letters, text, x, size * (1.3 + 1.7 * row), size, (255, 255, 255), weight=2)
    return letters


@dataclass(frozen=True)
class Sticker(Covering):
    """Stick a face on the picture.

    Parameters
    ----------
    share : float
        Its width over that of the picture.
    seed : int
        Chooses where, and its colour.
    """

    share: float
    seed: int

    def painter(self, source: Format) -> Painter:
        """Choose the place."""
        chance = np.random.default_rng(self.seed)
        radius = self.share * source.width / 2
        along = chance.uniform(radius, source.width - radius)
        down = chance.uniform(min(radius, source.height / 2), max(source.height - radius, source.height / 2))
        paint_of_face = scenery.colour(chance, 90)

        def paint(picture: Picture, time: float) -> Picture:
            del time
            drawn = _trimmed(picture)
            centre = round(along), round(down)
            cv2.circle(drawn, centre, round(radius), paint_of_face, -1, cv2.LINE_AA)
            for side in (-1, 1):
                eye = round(along + side * 0.35 * radius), round(down - 0.25 * radius)
                cv2.circle(drawn, eye, round(0.12 * radius), (20, 20, 20), -1, cv2.LINE_AA)
            mouth = round(0.55 * radius), round(0.45 * radius)
            weight = max(2, round(0.07 * radius))
            cv2.ellipse(drawn, centre, mouth, 0, 20, 160, (20, 20, 20), weight, cv2.LINE_AA)
            return drawn

        return paint


@dataclass(frozen=True)
class OtherLogo(Covering):
    """Lay somebody else's logo over a corner, half transparent, and their name across the middle."""

    seed: int
    opacity: float = 0.7

    def painter(self, source: Format) -> Painter:
        """Draw the logo once."""
        chance = np.random.default_rng(self.seed)
        layer = np.zeros((source.height, source.width, 3), np.uint8)
        size = min(source.width, source.height) / 12
        left = chance.integers(0, 2) * 0.6 * source.width + size
        ink = scenery.colour(chance, 150)
        cv2.circle(layer, (int(left), int(2 * size)), int(size), ink, -1, cv2.LINE_AA)
        scenery.write(layer, "LEAKZ.TV", left + 1.3 * size, 2.4 * size, 0.9 * size, ink, weight=3)
        text = "more on leakz.example"
        middle = (source.width - scenery.text_width(text, 0.7 * size, 2)) / 2
        scenery.write(layer, text, middle, source.height / 2, 0.7 * size, (255, 255, 255), weight=2)
        alpha = self.opacity * (layer.max(axis=2, keepdims=True) > 0).astype(np.float32)
        rows = np.flatnonzero(alpha.any(axis=(1, 2)))
        part = slice(rows[0], rows[-1] + 1)
        drawn_layer, kept = (alpha * layer)[part], (1 - alpha)[part]

        def paint(picture: Picture, time: float) -> Picture:
            del time
            drawn = picture.copy()
            drawn[part] = (drawn[part] * kept + drawn_layer + 0.5).astype(np.uint8)
            return _trimmed(drawn)

        return paint


@dataclass(frozen=True)
class JpegFrames(Covering):
    """Save every picture as JPEG, as a recorder of moving JPEG does.

    Parameters
    ----------
    quality : int
        1 to 100, as libjpeg means it.
    """

    quality: int

    def painter(self, source: Format) -> Painter:
        """Prepare nothing."""
        del source

        def paint(picture: Picture, time: float) -> Picture:
            del time
            _, saved = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
            return _trimmed(np.asarray(cv2.imdecode(saved, cv2.IMREAD_COLOR), np.uint8))

        return paint


@dataclass(frozen=True)
class PictureInPicture(Drawing):
    """Show the picture small over another film that moves.

    Parameters
    ----------
    share : float
        Its width over that of the whole.
    seed : int
        Chooses the film and the corner.
    margin : float
        Distance from the corner, as a share of the width.
    """

    share: float
    seed: int
    margin: float = 0.03

    def placement(self, source: Format) -> Placement:
        """Say where the picture comes to lie."""
        canvas = source.resized(source.width, source.height)
        width, height = even(self.share * source.width), even(self.share * source.height)
        gap = round(self.margin * canvas.width)
        right, below = np.random.default_rng([self.seed, 0]).integers(0, 2, 2)
        left = canvas.width - width - gap if right else gap
        top = canvas.height - height - gap if below else gap
        return Placement.inside(canvas, left, top, width, height)

    def painter(self, source: Format) -> Painter:
        """Prepare the other film."""
        placed = self.placement(source)
        assert placed.matrix is not None
        width, height = even(self.share * source.width), even(self.share * source.height)
        left, top = (round(-placed.matrix[0, 2] * width), round(-placed.matrix[1, 2] * height))
        scene = scenery.Scene(placed.format.height, placed.format.width, self.seed)

        def paint(picture: Picture, time: float) -> Picture:
            drawn = scene.at(time)
            small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
            drawn[top : top + height, left : left + width] = small
            cv2.rectangle(drawn, (left - 2, top - 2), (left + width + 1, top + height + 1), (255, 255, 255), 2)
            return drawn

        return paint


def _trimmed(picture: Picture) -> Picture:
    """Leave off an odd last row or column."""
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    return np.ascontiguousarray(picture[:height, :width])
