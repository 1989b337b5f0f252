"""The site's logo: a picture with transparency, the same for all viewers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from tracemark.errors import OverlayError
from tracemark.overlay.checks import check_margin, check_share
from tracemark.overlay.places import Position, Schedule, corner, schedule_of
from tracemark.overlay.stamp import Canvas, Drawing, Stamp

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from tracemark.frames import Plane
    from tracemark.keys import Key
    from tracemark.overlay.stamp import Placed

    Shares = NDArray[np.float32]

LARGEST_PIXELS = 16_000_000
"""Pixels of the largest logo that is read: a screen of 5K. A larger file is a mistake, or meant to fill the memory."""

LARGEST_BYTES = 64_000_000
"""Size of the largest file that is looked into."""

EDGE_WIDTH = 0.025
"""Width of the edge, as a share of the logo's longer side."""

EDGE_COVER = 0.75
"""How much of the picture the edge hides, at full opacity."""

TONES = 9
"""Steps from a dark edge to a light one."""

TURNING = (0.43, 0.49)
"""Brightness of the picture, 0 to 1 as it is coded, up to which the edge is light, and from which it is dark: at 0.46
black and white have the same contrast. Between the two it turns in steps, so that it does not flicker."""


@dataclass(frozen=True)
class Logo:
    """A PNG picture, with transparency or without, drawn over every frame.

    Parameters
    ----------
    path : path
        The PNG file; read once.
    position : str, tuple of float, Hopping or Drifting
        See `tracemark.overlay.places`.
    size : float
        Width as a share of the picture's, over 0, at most 1.
    opacity : float
        Over 0, at most 1.
    margin : float
        Share of the picture's width and height that is left free at its sides, 0 to 0.4.
    edge : bool
        Whether an edge is drawn round it, light over a dark picture and dark over a light one.

    Raises
    ------
    OverlayError
        If a number is out of range, or the file is missing, too large, damaged, animated, empty or no PNG.
    """

    path: str | PathLike[str]
    position: Position = "top right"
    size: float = 0.12
    opacity: float = 0.8
    margin: float = 0.03
    edge: bool = True
    _pixels: NDArray[np.uint8] = field(init=False, repr=False, compare=False)
    _digest: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check everything, and read the file."""
        check_share("size", self.size)
        check_share("opacity", self.opacity)
        check_margin(self.margin)
        schedule_of(self.position)
        object.__setattr__(self, "path", Path(self.path))
        pixels = _read(Path(self.path))
        object.__setattr__(self, "_pixels", pixels)
        # frames marked for two viewers share the logo if it looks the same, not if the file has the same name
        object.__setattr__(self, "_digest", hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest())

    def layer(self, key: Key) -> LogoLayer:
        """Make what draws it.

        Parameters
        ----------
        key : Key
            Chooses the schedule.
        """
        return LogoLayer(self, schedule_of(self.position), key)

    def drawing(self, canvas: Canvas, tone: float) -> Drawing:
        """Draw it for a picture.

        Parameters
        ----------
        canvas : Canvas
        tone : float
            Of the edge: 0 black, 1 white.

        Raises
        ------
        OverlayError
            If it would be higher than the picture.
        """
        room, stretch = canvas.size, canvas.stretch
        width = self.size * room[0]
        rows, columns = self._pixels.shape[:2]
        height = width / stretch[0] * rows / columns * stretch[1]
        size = max(round(width), 2), max(round(height), 2)
        if size[1] > room[1]:
            raise OverlayError(
                f"the logo would be {size[1]} pixels high, and the picture has {room[1]}", "make it smaller"
            )
        straight: Shares = self._pixels.astype(np.float32) * np.float32(1 / 255)
        drawn = Drawing(straight[..., :3] * straight[..., 3:], straight[..., 3])
        reach = max(1, round(EDGE_WIDTH * max(size))) if self.edge else 0
        inner = drawn.resized((max(size[0] - 2 * reach, 1), max(size[1] - 2 * reach, 1)))
        cover = np.pad(inner.cover, reach)
        colour = np.pad(inner.colour, ((reach, reach), (reach, reach), (0, 0)))
        if reach:
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
            spread = cv2.GaussianBlur(cv2.dilate(cover, kernel), (0, 0), reach / 3, borderType=cv2.BORDER_CONSTANT)
            edge = np.asarray(EDGE_COVER * np.clip(spread, 0, 1) * (1 - cover), np.float32)
            cover, colour = cover + edge, colour + np.float32(tone) * edge[..., None]
        return Drawing(np.float32(self.opacity) * colour, np.float32(self.opacity) * cover)


class LogoLayer:
    """Draws one logo; serves all viewers."""

    def __init__(self, logo: Logo, schedule: Schedule, key: Key) -> None:
        self._logo = logo
        self._schedule = schedule
        self._key = key
        self._stamp = lru_cache(maxsize=2 * TONES)(self._made)

    def placed(self, canvas: Canvas, time: Fraction | float, luma: Plane) -> list[Placed]:
        """Say what is blended at a time.

        Parameters
        ----------
        canvas : Canvas
        time : Fraction or float
            Presentation time in seconds.
        luma : ndarray
            First plane of the frame, to tell light from dark.
        """
        place = self._schedule.at(time, self._key)
        stamp = self._stamp(canvas, 0)
        placed = stamp.placed(*corner(place, stamp.drawn, canvas.size, self._logo.margin))
        if self._logo.edge:
            under = float(np.mean(cv2.mean(luma[placed.areas[0]])[: luma.ndim])) * placed.share
            light, dark = TURNING
            tone = round((TONES - 1) * float(np.clip((dark - under) / (dark - light), 0, 1)))
            if tone:
                stamp = self._stamp(canvas, tone)
                placed = stamp.placed(*corner(place, stamp.drawn, canvas.size, self._logo.margin))
        return [placed]

    def _made(self, canvas: Canvas, tone: int) -> Stamp:
        return Stamp.of(self._logo.drawing(canvas, tone / (TONES - 1)), canvas)


def _read(path: Path) -> NDArray[np.uint8]:
    """Read a PNG as red, green, blue and opacity."""
    if not path.is_file():
        kind = "is a folder, not a logo" if path.is_dir() else "does not exist"
        raise OverlayError(f"the logo {fspath(path)} {kind}", "give a PNG file")
    if path.stat().st_size > LARGEST_BYTES:
        raise OverlayError(f"the logo {path.name} is over {LARGEST_BYTES // 1_000_000} MB", "give a smaller PNG")
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if picture.width * picture.height > LARGEST_PIXELS:
                raise OverlayError(
                    f"the logo {path.name} has {picture.width}x{picture.height} pixels", "make it smaller first"
                )
            if getattr(picture, "n_frames", 1) > 1:
                raise OverlayError(f"the logo {path.name} is animated", "save one of its pictures as a PNG")
            pixels = np.asarray(picture.convert("RGBA"), np.uint8)
    except UnidentifiedImageError:
        raise OverlayError(f"the logo {path.name} is no PNG", "save it as PNG") from None
    except Image.DecompressionBombError:
        raise OverlayError(f"the logo {path.name} has too many pixels", "make it smaller first") from None
    except (OSError, SyntaxError, ValueError):  # Pillow's ways of saying that the data end early or do not fit
        raise OverlayError(f"the logo {path.name} is damaged", "save it again") from None
    if not pixels[..., 3].any():
        raise OverlayError(f"the logo {path.name} is wholly transparent", "give one that can be seen")
    return pixels
