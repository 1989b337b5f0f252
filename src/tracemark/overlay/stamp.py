"""A drawing made ready for a pixel format: what is kept of the picture under it, and what ink is added, plane by plane.

Blending is linear in every plane, ``picture * keep + ink``, so it is done in the frame's own format: the colour's luma
and chroma in the frame's matrix and range, coverage brought to the chroma planes by the same filter as the picture's
chroma was made with. Where nothing is drawn, keep is one and ink is zero, and every sample stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.frames import Frame, Layout, Plane
    from tracemark.geometry import Geometry

    Shares = NDArray[np.float32]

WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.3, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.470 BG, as BT.601
    6: (0.299, 0.114),  # SMPTE 170M, as BT.601
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),  # BT.2020, constant luminance, near enough for a logo
}
"""Shares of red and blue in luma, by the number that names a matrix (ITU-T H.273, table 4)."""

BT_601, BT_709 = WEIGHTS[6], WEIGHTS[1]

HIGH_DEFINITION = 576
"""Lines above which a picture that does not name its matrix is taken for BT.709, as players do."""

SIDE = 2
"""Samples of nothing round a drawing, so that the chroma filter never reaches beyond the stamp."""


@dataclass(frozen=True)
class Canvas:
    """What drawings have to fit: the shape of a stream's frames, and how their samples say colours.

    Parameters
    ----------
    geometry : Geometry
    red, blue : float
        Shares in luma.
    full : bool
        Whether levels use their full range.
    """

    geometry: Geometry
    red: float
    blue: float
    full: bool

    @classmethod
    def of(cls, frame: Frame, geometry: Geometry) -> Canvas:
        """Look at a frame.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        geometry : Geometry
            Of the frame.

        Returns
        -------
        Canvas
        """
        layout = geometry.layout
        if not isinstance(frame, VideoFrame) or layout.kind == "packed":
            return cls(geometry, *BT_601, full=True)
        named_full = frame.format.name.startswith("yuvj")
        stated = frame.color_range
        full = named_full or stated == ColorRange.JPEG or (layout.kind == "grey" and stated != ColorRange.MPEG)
        fallback = BT_601 if named_full or geometry.height <= HIGH_DEFINITION else BT_709
        return cls(geometry, *WEIGHTS.get(int(frame.colorspace), fallback), full=full)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture as it is displayed, in pixels as they are stored."""
        size = self.geometry.width, self.geometry.height
        return size if self.geometry.turns % 2 == 0 else size[::-1]

    @property
    def stretch(self) -> tuple[float, float]:
        """How much wider and higher drawings have to be made for the pixels' aspect, in display orientation."""
        wide = 1 / self.geometry.pixel_aspect
        return (wide, 1.0) if self.geometry.turns % 2 == 0 else (1.0, wide)

    @property
    def short_side(self) -> float:
        """Shorter side of the picture as it is displayed, in square pixels."""
        (width, height), (across, down) = self.size, self.stretch
        return min(width / across, height / down)


@dataclass(frozen=True)
class Drawing:
    """Colour and coverage, in display orientation.

    Parameters
    ----------
    colour : ndarray of float32, shape (height, width, 3)
        Red, green and blue, 0 to 1, multiplied by coverage.
    cover : ndarray of float32, shape (height, width)
        Share of the picture that is hidden, 0 to 1.
    """

    colour: Shares
    cover: Shares

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.cover.shape[1], self.cover.shape[0]

    def resized(self, size: tuple[int, int]) -> Drawing:
        """Bring it to another width and height."""
        if size == self.size:
            return self
        grows = size[0] > self.size[0] or size[1] > self.size[1]
        method = cv2.INTER_LINEAR if grows else cv2.INTER_AREA
        return Drawing(
            np.asarray(cv2.resize(self.colour, size, interpolation=method), np.float32),
            np.asarray(cv2.resize(self.cover, size, interpolation=method), np.float32),
        )


@dataclass(frozen=True)
class Part:
    """What a stamp does to one plane.

    Attributes
    ----------
    across, down : int
        Luma samples a sample of this plane.
    keep : ndarray
        What is kept of the plane, in shares of `Stamp.peak`; of the plane's type.
    ink : ndarray
        What is added.
    """

    across: int
    down: int
    keep: Plane
    ink: Plane


@dataclass(frozen=True)
class Stamp:
    """A drawing in a pixel format, which may be put anywhere.

    Attributes
    ----------
    parts : tuple of Part
        One for each of the frame's planes.
    width, height : int
        Of the area that it changes, in luma samples as they are stored; even.
    canvas : Canvas
    drawn : tuple of int
        Width and height of the drawing, in display orientation.
    """

    parts: tuple[Part, ...]
    width: int
    height: int
    canvas: Canvas
    drawn: tuple[int, int]

    @classmethod
    def of(cls, drawing: Drawing, canvas: Canvas) -> Stamp:
        """Make a drawing ready.

        Parameters
        ----------
        drawing : Drawing
        canvas : Canvas

        Returns
        -------
        Stamp
        """
        layout, turns = canvas.geometry.layout, canvas.geometry.turns
        colour, cover = _surrounded(np.rot90(drawing.colour, -turns)), _surrounded(np.rot90(drawing.cover, -turns))
        height, width = cover.shape
        if layout.kind == "packed":
            ink = _peak(layout) * (colour if layout.order == "rgb" else colour[..., ::-1])
            parts = [_part(np.repeat(cover[..., None], 3, axis=-1), ink, layout, chroma=False)]
        else:
            luma, chroma = _encoded(colour, cover, canvas)
            parts = [_part(cover, luma, layout, chroma=False)]
            kept, blue, red = (_subsampled(each, layout, centred=canvas.full) for each in (cover, *chroma))
            if layout.kind == "planar":
                parts += [_part(kept, ink, layout, chroma=True) for ink in (blue, red)]
            elif layout.kind == "paired":
                both = np.stack([kept, kept], axis=-1), np.stack([blue, red], axis=-1)
                parts.append(_part(*both, layout, chroma=True))
        return cls(tuple(parts), width, height, canvas, drawing.size)

    def placed(self, left: int, top: int) -> Placed:
        """Put it at a place, which is rounded to whole chroma samples.

        Parameters
        ----------
        left, top : int
            Corner of the drawing in the displayed picture, in pixels.

        Returns
        -------
        Placed
        """
        geometry, (wide, high) = self.canvas.geometry, self.canvas.size
        far_left, far_top = wide - left - self.drawn[0], high - top - self.drawn[1]
        x, y = ((left, top), (far_top, left), (far_left, far_top), (top, far_left))[geometry.turns]
        x, y = (x - SIDE) // 2 * 2, (y - SIDE) // 2 * 2
        spans = (x, x + self.width, geometry.width), (y, y + self.height, geometry.height)
        areas, keeps, inks = [], [], []
        for part in self.parts:
            columns, rows = (
                slice(max(begin, 0) // step, -(-min(end, limit) // step))
                for (begin, end, limit), step in zip(spans, (part.across, part.down), strict=True)
            )
            inner = (
                slice(rows.start - y // part.down, rows.stop - y // part.down),
                slice(columns.start - x // part.across, columns.stop - x // part.across),
            )
            areas.append((rows, columns))
            keeps.append(part.keep[inner])
            inks.append(part.ink[inner])
        return Placed(tuple(areas), tuple(keeps), tuple(inks), 1 / _peak(geometry.layout))


@dataclass(frozen=True)
class Placed:
    """A stamp at its place.

    Attributes
    ----------
    areas : tuple of tuple of slice
        Rows and columns of each of the frame's planes; nothing else is changed.
    keep, ink : tuple of ndarray
        See `Part`; cut at the picture's edges.
    share : float
        What one step of `keep` stands for.
    """

    areas: tuple[tuple[slice, slice], ...]
    keep: tuple[Plane, ...]
    ink: tuple[Plane, ...]
    share: float

    def blend(self, planes: Sequence[Plane]) -> None:
        """Blend into a frame's planes, in place."""
        for index, plane in enumerate(planes):
            self.blend_plane(plane, index)

    def blend_plane(self, plane: Plane, index: int) -> None:
        """Blend into one plane, in place.

        Parameters
        ----------
        plane : ndarray
        index : int
            Which of the frame's planes it is.
        """
        region = plane[self.areas[index]]
        cv2.multiply(region, self.keep[index], dst=region, scale=self.share)
        cv2.add(region, self.ink[index], dst=region)


def _peak(layout: Layout) -> int:
    return 256 * layout.levels - 1


def _surrounded(shares: Shares) -> Shares:
    """Surround with nothing, and make the size even."""
    rows, columns = shares.shape[:2]
    whole = np.zeros((rows + rows % 2 + 2 * SIDE, columns + columns % 2 + 2 * SIDE, *shares.shape[2:]), np.float32)
    whole[SIDE : SIDE + rows, SIDE : SIDE + columns] = shares
    return whole


def _part(cover: Shares, ink: Shares, layout: Layout, *, chroma: bool) -> Part:
    peak = _peak(layout)
    keep = np.rint(peak * (1 - cover))
    # both rounded up, white on white would be one level too much
    added = np.minimum(np.rint(ink), peak - keep)
    across, down = (layout.across, layout.down) if chroma else (1, 1)
    return Part(across, down, _typed(keep, layout), _typed(added, layout))


def _typed(levels: Shares, layout: Layout) -> Plane:
    return levels.astype(np.uint16) if layout.bits > 8 else levels.astype(np.uint8)


def _encoded(colour: Shares, cover: Shares, canvas: Canvas) -> tuple[Shares, tuple[Shares, Shares]]:
    """Luma and chroma of covered colours, in the format's levels (ITU-T H.273, equations 20 to 40)."""
    levels = canvas.geometry.layout.levels
    peak = 256 * levels - 1
    floor, spread, swing = (0, peak, peak) if canvas.full else (16 * levels, 219 * levels, 224 * levels)
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]
    bright = canvas.red * red + (1 - canvas.red - canvas.blue) * green + canvas.blue * blue
    chroma = tuple(
        128 * levels * cover + swing * (one - bright) / (2 * (1 - share))
        for one, share in ((blue, canvas.blue), (red, canvas.red))
    )
    return floor * cover + spread * bright, (chroma[0], chroma[1])


def _subsampled(shares: Shares, layout: Layout, *, centred: bool) -> Shares:
    """Bring to the chroma planes: sited at the left luma sample as in H.264's default, or in the middle as in JPEG.

    References
    ----------
    ITU-T H.264, 2021, figure E-1 (chroma sample location type 0); ITU-T T.871, 2011, section 6.3.
    """
    if layout.across == 2:
        if centred:
            shares = np.float32(0.5) * (shares[:, ::2] + shares[:, 1::2])
        else:
            before = np.pad(shares[:, 1:-1:2], ((0, 0), (1, 0)))
            shares = np.float32(0.5) * shares[:, ::2] + np.float32(0.25) * (before + shares[:, 1::2])
    if layout.down == 2:
        shares = np.float32(0.5) * (shares[::2] + shares[1::2])
    return shares
