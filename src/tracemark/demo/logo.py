"""A logo for the story: a ring and a dot, drawn on the spot."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

_SIDE = 400
_COLOUR = (236, 92, 60, 255)


def draw_logo(path: Path) -> Path:
    """Write a logo as PNG, its background transparent.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Path
        The same.
    """
    picture = Image.new("RGBA", (_SIDE, _SIDE // 2), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    middle, down = _SIDE // 2, _SIDE // 4
    for radius, width in ((90, 18), (50, 18)):
        box = (middle - 2 * radius, down - radius, middle + 2 * radius, down + radius)
        draw.ellipse(box, outline=_COLOUR, width=width)
    draw.ellipse((middle - 24, down - 24, middle + 24, down + 24), fill=_COLOUR)
    picture.save(path)
    return path
