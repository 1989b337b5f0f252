"""Letters: the code's symbols, one to a box, and free text in whatever script the font has.

Pillow draws; the font out of the box is Noto Sans CJK JP Bold (SIL Open Font License 1.1), which has the Latin, Greek,
Cyrillic, Japanese, Chinese and Korean letters. Other scripts need a font of the caller's.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tracemark.errors import OverlayError
from tracemark.overlay.crockford import ALPHABET, GROUP, HYPHEN, SYMBOLS, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Shares = NDArray[np.float32]

BOXES = SYMBOLS + (SYMBOLS - 1) // GROUP
"""Boxes of a line: symbols and hyphens."""

SYMBOL_PLACES = tuple(box for box in range(BOXES) if box % (GROUP + 1) != GROUP)
HYPHEN_PLACES = tuple(box for box in range(BOXES) if box % (GROUP + 1) == GROUP)
"""Boxes that hold symbols, and hyphens."""

CAP_HEIGHT = 1.25
"""Height of a symbol, in widths of a box."""

WIDEST = 0.86
"""Width of the widest symbols, in widths of a box; the others are narrower, as the font has them."""

EDGE = 0.5
"""Free room round the line on all sides, in widths of a box."""

LINE_WIDTH = BOXES + 2 * EDGE
LINE_HEIGHT = CAP_HEIGHT + 2 * EDGE
"""Size of a line with the room round it, in widths of a box."""

LARGE = 64
"""Width of a box as it is drawn before it is brought to size, in pixels."""

LONGEST_TEXT = 400
"""Characters of a free text; a longer one fits no picture."""


def default_font() -> Path:
    """Path of the font that is used where none is named."""
    return Path(str(files("noto_cjk_sans_jp_bold").joinpath("NotoSansCJKjp-Bold.otf")))


@lru_cache(maxsize=64)
def font_of(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """Open a font.

    Parameters
    ----------
    path : Path
    size : int
        Pixels of an em.

    Raises
    ------
    OverlayError
        If the file is missing or no font.
    """
    try:
        return ImageFont.truetype(fspath(path), size)
    except OSError:
        problem = "is no font that can be read" if path.is_file() else "does not exist"
        raise OverlayError(f"the font {path} {problem}", "give a .ttf or .otf file") from None


@lru_cache(maxsize=1)
def boxes() -> dict[str, Shares]:
    """Draw every symbol of a code, and the hyphen, in a box of its own.

    Returns
    -------
    dict of str to ndarray of float32, shape (LARGE * LINE_HEIGHT, LARGE)
        Share of every pixel that the symbol covers, 0 to 1.
    """
    font = font_of(default_font(), 2 * LARGE)
    top, bottom = font.getbbox("H")[1], font.getbbox("H")[3]
    scale = CAP_HEIGHT * LARGE / (bottom - top)
    over = round(EDGE * LARGE / scale)  # the tail of Q hangs below the line
    height = round(LINE_HEIGHT * LARGE)
    made = {}
    for symbol in ALPHABET + HYPHEN:
        left, _, right, _ = font.getbbox(symbol)
        picture = Image.new("L", (int(right - left), int(bottom - top) + 2 * over))
        ImageDraw.Draw(picture).text((-left, over - top), symbol, fill=255, font=font)
        width = round(min((right - left) * scale, WIDEST * LARGE))
        ink: Shares = np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS), np.float32) / np.float32(
            255
        )
        start = (LARGE - width) // 2
        made[symbol] = np.pad(ink, ((0, 0), (start, LARGE - width - start)))
    return made


def code_line(values: Sequence[int], width: int, height: int) -> Shares:
    """Draw a code.

    Parameters
    ----------
    values : sequence of int
        Its symbols.
    width, height : int
        Of the line with the room round it, in pixels.

    Returns
    -------
    ndarray of float32, shape (height, width)
        Share of every pixel that letters cover, 0 to 1.
    """
    drawn = boxes()
    large = np.hstack([drawn[character] for character in written(values)])
    side = round(EDGE * LARGE)
    padded = np.pad(large, ((0, 0), (side, side)))
    method = cv2.INTER_AREA if width < padded.shape[1] else cv2.INTER_LINEAR
    return np.clip(cv2.resize(padded, (width, height), interpolation=method), 0, 1).astype(np.float32)


def text_line(text: str, height: int, fonts: Sequence[Path]) -> Shares:
    """Draw a line of free text with some room round it.

    Parameters
    ----------
    text : str
    height : int
        Of the line in pixels; the letters take about half of it.
    fonts : sequence of Path
        The first that has all letters is used.

    Returns
    -------
    ndarray of float32, shape (height, any)

    Raises
    ------
    OverlayError
        If no font has all letters, or one cannot be read.
    """
    font = font_of(font_for(text, tuple(fonts)), max(round(0.66 * height), 1))
    left, _, right, _ = font.getbbox(text)
    side = round(0.25 * height)
    picture = Image.new("L", (int(right - left) + 2 * side, height))
    ImageDraw.Draw(picture).text((side - left, height / 2), text, fill=255, font=font, anchor="lm")
    covered: Shares = np.asarray(picture, np.float32) / np.float32(255)
    return covered


@lru_cache(maxsize=512)
def font_for(text: str, fonts: tuple[Path, ...]) -> Path:
    """Choose the first font that has every letter of a text.

    Raises
    ------
    OverlayError
        If none has, naming the letters that the last one lacks; or if one cannot be read.
    """
    lacking = ""
    for path in fonts:
        lacking = "".join(dict.fromkeys(letter for letter in text if not _has(path, letter)))
        if not lacking:
            return path
    named = " ".join(f"{letter!a}"[1:-1] if not letter.isprintable() else letter for letter in lacking[:5])
    more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
    raise OverlayError(
        f"the font {fonts[-1].name} has no letter {named}{more}", "name a font that has them, or change the text"
    )


@lru_cache(maxsize=4096)
def _has(path: Path, letter: str) -> bool:
    """Whether a font has a letter: what it draws differs from what it draws for a letter that does not exist."""
    if not letter.isprintable():
        return False
    return letter.isspace() or _shape(path, letter) != _shape(path, "\U0010ffff")


def _shape(path: Path, letter: str) -> bytes:
    mask = font_of(path, 24).getmask(letter, mode="L")
    return bytes(mask) + repr(mask.size).encode()
