"""Made-up surroundings for a picture: wallpapers, moving scenes and text, all from a seed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.drawing import Picture

Colour = tuple[int, int, int]
"""Blue, green, red."""

SENTENCES = (
    "the quarterly figures are in the folder you shared last week; did anyone see how it went in the second half "
    "of the match? I will send the draft tonight. Meeting moved to ten. Please check the numbers again before noon, "
    "thanks! def main(path): return open(path).read() # TODO ask Jo about the keys"
)
WORDS = SENTENCES.split()
FONT = cv2.FONT_HERSHEY_SIMPLEX


def clouds(height: int, width: int, chance: np.random.Generator) -> Picture:
    """Paint coloured clouds with detail of every size, of shape (height, width, 3)."""
    field = np.zeros((height, width, 3), np.float32)
    for octave in range(1, 7):
        cells = 2**octave
        coarse = chance.normal(0, 1 / octave, (cells, 2 * cells, 3)).astype(np.float32)
        field += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = chance.normal(0, 0.05, (height, width, 1)).astype(np.float32)
    painted: Picture = np.clip(128 + 45 * (field + grain), 0, 255).astype(np.uint8)
    return painted


def wallpaper(height: int, width: int, chance: np.random.Generator) -> Picture:
    """Paint a desktop's wallpaper: a gradient with hills, of shape (height, width, 3)."""
    above, below = chance.uniform(60, 230, 3), chance.uniform(20, 160, 3)
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    paper = np.broadcast_to((1 - share) * above + share * below, (height, width, 3)).astype(np.uint8).copy()
    x = np.arange(width)
    for level in (0.55, 0.7, 0.85):
        waves = sum(np.sin(x * chance.uniform(1, 6) / width * 6.3 + chance.uniform(0, 6.3)) for _ in range(3))
        ridge = (level + 0.04 * waves) * height
        outline = np.concatenate([np.stack([x, ridge], axis=1), [[width, height], [0, height]]]).astype(np.int32)
        cv2.fillPoly(paper, [outline], colour(chance, 20, 140), cv2.LINE_AA)
    return paper


def colour(chance: np.random.Generator, low: int = 0, high: int = 255) -> Colour:
    """Choose a colour."""
    blue, green, red = (int(level) for level in chance.integers(low, high, 3))
    return blue, green, red


def sentence(chance: np.random.Generator, words: int) -> str:
    """Say something."""
    return " ".join(str(word) for word in chance.choice(WORDS, words))


def write(picture: Picture, text: str, x: float, y: float, size: float, ink: Colour, *, weight: int = 1) -> None:
    """Write a line of text whose left bottom corner is (x, y), in letters about `size` pixels high."""
    cv2.putText(picture, text, (int(x), int(y)), FONT, size / 22, ink, weight, cv2.LINE_AA)


def text_width(text: str, size: float, weight: int = 1) -> int:
    """Width in pixels of what `write` writes."""
    return int(cv2.getTextSize(text, FONT, size / 22, weight)[0][0])


class Scene:
    """A film of nothing: clouds that drift, and balls that fly over them.

    Parameters
    ----------
    height, width : int
        In pixels.
    seed : int
    balls : int
    """

    def __init__(self, height: int, width: int, seed: int, balls: int = 6) -> None:
        chance = np.random.default_rng(seed)
        self._size = height, width
        self._margin = height // 3
        self._clouds = clouds(height + self._margin, width + self._margin, chance)
        self._turn = chance.uniform(0.3, 0.8, 2)
        self._balls = [
            (chance.uniform(0, 1, 2), chance.uniform(0.05, 0.3, 2), chance.uniform(0.03, 0.1), colour(chance))
            for _ in range(balls)
        ]

    def at(self, time: float) -> Picture:
        """Draw the scene of a time in seconds."""
        height, width = self._size
        x, y = (self._margin / 2 * (1 + np.sin(self._turn * time))).astype(int)
        picture = np.ascontiguousarray(self._clouds[y : y + height, x : x + width])
        for start, speed, radius, paint in self._balls:
            along, down = _bounced(start + speed * time) * (width, height)
            cv2.circle(picture, (int(along), int(down)), int(radius * height), paint, -1, cv2.LINE_AA)
        return picture


def _bounced(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reflect positions into 0 to 1."""
    folded: NDArray[np.float64] = np.abs((position + 1) % 2 - 1)
    return folded
