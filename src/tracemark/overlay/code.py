"""The session code on screen: which showing this is and who watches, for everybody who has the key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracemark.errors import OverlayError
from tracemark.overlay.checks import check_margin, check_share
from tracemark.overlay.lettering import (
    LINE_HEIGHT,
    LINE_WIDTH,
    LONGEST_TEXT,
    code_line,
    default_font,
    font_for,
    text_line,
)
from tracemark.overlay.places import Hopping, Position, corner, schedule_of
from tracemark.overlay.session import code_of
from tracemark.overlay.stamp import Canvas, Drawing, Stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.frames import Plane
    from tracemark.keys import Key
    from tracemark.overlay.places import Place
    from tracemark.overlay.stamp import Placed
    from tracemark.payload import Payload

PLATE = 0.65
"""How much of the picture the dark plate under the letters hides, at full opacity: with letters of 0.85, a luminance
contrast of 5 is left over white."""

LETTERS = 0.85
"""How much of the plate the white letters hide, at full opacity."""

SMALLEST_BOX = 4
"""Narrowest box of a symbol, in pixels, in which letters are letters."""

MOST_TILES = 8
"""Most copies of a code side by side, or one below the other."""

TIME = "{time}"
"""Stands for the presentation time in a free text."""

Text = str | Callable[[Fraction], str]


@dataclass(frozen=True)
class SessionCode:
    """A code of 16 symbols in four groups, on a dark plate, and a line of free text if wanted.

    Parameters
    ----------
    text : str or callable
        Shown beside the code; ``{time}`` is the presentation time (h:mm:ss). A callable is given the presentation time
        in seconds for every frame, and returns what is shown.
    position : str, tuple of float, Hopping or Drifting
        See `tracemark.overlay.places`.
    size : float
        Width of the code as a share of the picture's shorter side, over 0, at most 1.
    opacity : float
        Over 0, at most 1; at 1 the plate is still translucent.
    margin : float
        Share of the picture's width and height that is left free at its sides, 0 to 0.4. A tenth on each side is what
        television calls the title-safe area; a crop to 0.8 of the picture leaves it.
    tiles : tuple of int
        Copies across and down the picture, each at that position in its own part.
    text_size : float
        Height of the text's line as a share of the code's.
    font : path, optional
        A .ttf or .otf file that the text is drawn with where it has the letters; the code itself is always drawn with
        the font that its reader knows.

    Raises
    ------
    OverlayError
        If a number is out of range, the text is too long, or the font cannot be read or lacks a letter.
    """

    text: Text = ""
    position: Position = field(default_factory=Hopping)
    size: float = 0.45
    opacity: float = 1.0
    margin: float = 0.1
    tiles: tuple[int, int] = (1, 1)
    text_size: float = 0.75
    font: str | PathLike[str] | None = None

    def __post_init__(self) -> None:
        """Check everything that does not depend on the picture."""
        check_share("size", self.size)
        check_share("opacity", self.opacity)
        check_share("text size", self.text_size)
        check_margin(self.margin)
        schedule_of(self.position)
        if not (len(self.tiles) == 2 and all(1 <= each <= MOST_TILES for each in self.tiles)):
            raise OverlayError(f"{self.tiles!r} are no tiles", f"give two numbers from 1 to {MOST_TILES}")
        font_for("A", self.fonts)
        if isinstance(self.text, str):
            self.check_text(self.shown(Fraction(0)))

    @property
    def fonts(self) -> tuple[Path, ...]:
        """Fonts to try, in order."""
        return (*([Path(self.font)] if self.font is not None else []), default_font())

    def shown(self, time: Fraction | float) -> str:
        """Tell the free text at a presentation time in seconds."""
        if callable(self.text):
            return self.text(Fraction(time))
        if TIME not in self.text:
            return self.text
        seconds = int(time)
        return self.text.replace(TIME, f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}")

    def check_text(self, text: str) -> None:
        """Refuse a text that cannot be drawn.

        Raises
        ------
        OverlayError
            If it is too long for any picture, or a letter is in no font.
        """
        if len(text) > LONGEST_TEXT:
            raise OverlayError(f"the text has {len(text)} letters", f"use at most {LONGEST_TEXT}")
        font_for(text, self.fonts)

    def line_size(self, canvas: Canvas) -> tuple[int, int]:
        """Width and height of the code in a picture, in pixels.

        Raises
        ------
        OverlayError
            If its letters would be too small.
        """
        width = self.size * canvas.short_side
        if width < SMALLEST_BOX * LINE_WIDTH:
            wide, high = canvas.size
            raise OverlayError(
                f"a session code of {width:.0f} pixels cannot be read in a picture of {wide}x{high}",
                f"use a larger size; it needs {SMALLEST_BOX * LINE_WIDTH:g} pixels",
            )
        height = width * LINE_HEIGHT / LINE_WIDTH
        across, down = canvas.stretch
        return round(width * across), round(height * down)

    def layer(self, key: Key, payload: Payload) -> CodeLayer:
        """Make what draws a viewer's code.

        Parameters
        ----------
        key : Key
        payload : Payload
        """
        return CodeLayer(self, key, payload)


class CodeLayer:
    """Draws one viewer's code."""

    def __init__(self, code: SessionCode, key: Key, payload: Payload) -> None:
        self._code = code
        self._key = key
        self._values = code_of(payload, key)
        self._schedule = schedule_of(code.position)
        self._line: tuple[Canvas, Stamp] | None = None
        self._placed: tuple[object, list[Placed]] = (None, [])

    def placed(self, canvas: Canvas, time: Fraction | float, luma: Plane) -> list[Placed]:  # noqa: ARG002 - as a logo's
        """Say what is blended at a time.

        Parameters
        ----------
        canvas : Canvas
        time : Fraction or float
            Presentation time in seconds.
        luma : ndarray
            Not looked at: the plate makes its own background.

        Raises
        ------
        OverlayError
            If the text is too long for the picture, or no font has its letters.
        """
        place, text = self._schedule.at(time, self._key), self._code.shown(time)
        wanted = (place, text, canvas)
        kept = self._placed  # read once: another thread may put another in its place
        if kept[0] != wanted:
            kept = self._placed = wanted, self._composed(place, text, canvas)
        return kept[1]

    def _composed(self, place: Place, text: str, canvas: Canvas) -> list[Placed]:
        kept = self._line
        if kept is None or kept[0] != canvas:
            letters = code_line(self._values, *self._code.line_size(canvas))
            kept = self._line = canvas, Stamp.of(plated(letters, self._code.opacity), canvas)
        line = kept[1]
        note = _note(self._code, text, canvas) if text.strip() else None
        columns, rows = self._code.tiles
        room = canvas.size[0] // columns, canvas.size[1] // rows
        if line.drawn[0] > room[0] or line.drawn[1] > room[1]:
            raise OverlayError("the session code is larger than its part of the picture", "use fewer tiles")
        if note is not None and note.drawn[0] > room[0]:
            raise OverlayError(
                f"the text is too long: {note.drawn[0]} pixels, where the picture has {room[0]}",
                "shorten it, or use a smaller text size",
            )
        made = []
        x, y = corner(place, line.drawn, room, self._code.margin)
        for number in range(columns * rows):
            left, top = x + number % columns * room[0], y + number // columns * room[1]
            made.append(line.placed(left, top))
            if note is not None:
                along = (line.drawn[0] - note.drawn[0]) * place[0]
                edge = number % columns * room[0]
                beside = min(max(round(left + along), edge), edge + room[0] - note.drawn[0])
                below = place[1] < 0.5
                made.append(note.placed(beside, top + line.drawn[1] if below else top - note.drawn[1]))
        return made


def plated(letters: NDArray[np.float32], opacity: float) -> Drawing:
    """Put white letters on a dark plate.

    Parameters
    ----------
    letters : ndarray of float32, shape (height, width)
        0 to 1.
    opacity : float

    Returns
    -------
    Drawing
    """
    white = opacity * LETTERS * letters
    cover = 1 - (1 - opacity * PLATE) * (1 - white)
    return Drawing(np.repeat(white[..., None], 3, axis=-1).astype(np.float32), cover.astype(np.float32))


@lru_cache(maxsize=128)
def _note(code: SessionCode, text: str, canvas: Canvas) -> Stamp:
    """Draw a free text; the same for all viewers to whom the same is said."""
    code.check_text(text)
    across, down = canvas.stretch
    height = round(code.line_size(canvas)[1] / down * code.text_size)
    letters = text_line(text, max(height, SMALLEST_BOX), code.fonts)
    size = max(round(letters.shape[1] * across), 1), max(round(letters.shape[0] * down), 1)
    return Stamp.of(plated(letters, code.opacity).resized(size), canvas)
