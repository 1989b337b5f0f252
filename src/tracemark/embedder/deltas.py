"""From a picture and a slot to what is added to the host: for planes A and B, or for one viewer alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.embedder.chroma import Chroma
from tracemark.embedder.fields import Field, shift_of
from tracemark.embedder.policy import Mask
from tracemark.frames import in_rows
from tracemark.signal import mask as masks
from tracemark.signal.moments import moments
from tracemark.signal.patterns import pilot_sign
from tracemark.signal.scratch import Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.frames import Plane
    from tracemark.geometry import Geometry
    from tracemark.signal.grid import Grid
    from tracemark.signal.patterns import Patterns

    Bits = NDArray[np.uint8]
    Samples = NDArray[np.float32]

# ITU-R BT.601: what one level of Cb and of Cr adds to red, green and blue
BLUE_TO_RGB = (0.0, -0.344136, 1.772)
RED_TO_RGB = (1.402, -0.714136, 0.0)

FLAT_LUMA = masks.LUMA_FLOOR * masks.BRIGHTNESS_GAIN[0]
"""Luma mask that needs no look at the picture, RMS levels: what the full mask gives a smooth mid grey, its least."""

FLAT_CHROMA = masks.CHROMA_FLOOR * (1 - masks.DARK_LOSS)
"""Chroma mask that needs no look at the picture, RMS levels: what the full mask gives black, its least."""


@dataclass(frozen=True)
class Pattern:
    """What is spread over a picture in a slot, before the masks say how strongly.

    Attributes
    ----------
    luma : tuple of ndarray of float32, shape (grid height, grid width)
        For planes A and B; or for one viewer, whose bits are in it.
    chroma : tuple of ndarray of float32
        For Cb and Cr, on their grid: plane B's, or one viewer's.
    """

    luma: tuple[Samples, ...]
    chroma: tuple[Samples, Samples]

    def of(self, geometry: Geometry, luma: Bits, chroma: Bits) -> Pattern:
        """Choose A or B in every cell, as one viewer's bits say.

        Parameters
        ----------
        geometry : Geometry
        luma, chroma : ndarray of uint8, shape (rows, columns)
            A bit for each cell that the picture touches.

        Returns
        -------
        Pattern
        """
        one, coloured = (
            grid.crop(bits.repeat(grid.cell, 0).repeat(grid.cell, 1)) > 0
            for grid, bits in ((geometry.luma, luma), (geometry.chroma, chroma))
        )
        a, b = self.luma
        blue, red = (np.where(coloured, samples, -samples) for samples in self.chroma)
        return Pattern((np.where(one, b, a),), (blue, red))


class Deltas:
    """The changes of one stream of frames of one geometry, in memory that is used again for every frame.

    Parameters
    ----------
    geometry : Geometry
    patterns : Patterns
    strength : float
        Multiple of the mask.
    shapes : list of tuple of int
        Of the stored planes.
    chroma : Chroma

    Attributes
    ----------
    top : int
        Largest value of a sample.
    shifts : list of int
        What the fields of each plane are held in, see `shift_of`.
    luma : Field
        What A and what B add to luma; or the first, what is added to one viewer's. Where luma and chroma share a plane,
        it is the same for all three colours.
    chroma : list of Field
        The same for each stored plane that holds chroma alone; or, where luma and chroma share a plane, for that. Empty
        if chroma carries no mark.
    """

    def __init__(
        self, geometry: Geometry, patterns: Patterns, strength: float, shapes: list[tuple[int, ...]], chroma: Chroma
    ) -> None:
        layout = geometry.layout
        self._geometry, self._patterns = geometry, patterns
        self._amplitude = strength * layout.levels
        self._packed = layout.kind == "packed"
        self._bounds = masks.Bounds.of(geometry.width, geometry.height, geometry.profile.luma.long_side)
        self._scratch = Scratch()
        self.top = (256 << (layout.bits - 8)) - 1
        self.shifts: list[int] = []
        large, small = (
            (grid.height, grid.width) if geometry.turns % 2 == 0 else (grid.width, grid.height)
            for grid in (geometry.luma, geometry.chroma)
        )
        self.luma = Field(large, shapes[0], 2)
        coloured = [] if chroma is not Chroma.MARKED else shapes if self._packed else shapes[1:]
        self.chroma = [Field(small, shape, 2) for shape in coloured]
        grids = [geometry.luma, geometry.chroma] if self.chroma else [geometry.luma]
        self._masks = [np.empty((grid.height, grid.width), np.float32) for grid in grids]
        self._kind: Mask | None = None
        self._slot: int | None = None
        self._turned = 0
        self._pattern = self._pattern_of(self._turned)

    @property
    def looked(self) -> bool:
        """Whether there are masks to go on with."""
        return self._kind is not None

    def look(self, views: list[Plane]) -> None:
        """Work the masks out from a picture.

        Parameters
        ----------
        views : list of ndarray
            The host's stored planes.
        """
        geometry, scratch = self._geometry, self._scratch
        levels = geometry.layout.levels
        luma, colours = self._displayed(views)
        canonical, squares = self._moments(luma, geometry.luma, "luma", squares=True)
        if levels > 1:
            canonical *= 1 / levels
            squares *= 1 / levels**2
        textured = masks.texture(squares, canonical, scratch)
        made = [masks.luma_mask(canonical, textured, scratch, self._bounds)]
        if self.chroma:
            small = geometry.chroma
            shape = small.height, small.width
            luma_there = masks.onto(small, canonical, scratch.array("small luma", shape))
            texture_there = masks.onto(small, textured, scratch.array("small texture", shape))
            (blue,), (red,) = (
                self._moments(plane, small, name) for plane, name in zip(colours, ("blue", "red"), strict=True)
            )
            if levels > 1:
                blue *= 1 / levels
                red *= 1 / levels
            limit = self._bounds.chroma(made[0])
            made.append(masks.chroma_mask(luma_there, texture_there, blue, red, scratch, limit))
        # only now that nothing can go wrong any more: until here the last masks were good to go on with
        for mask, new in zip(self._masks, made, strict=True):
            np.multiply(new, self._amplitude, out=mask)
        self._kind, self._slot = Mask.FULL, None

    def flatten(self) -> None:
        """Take the same weak mask everywhere, whatever the picture is."""
        if self._kind is Mask.FLAT:
            return
        for mask, level in zip(self._masks, (FLAT_LUMA, FLAT_CHROMA), strict=False):
            mask[:] = level * self._amplitude
        self._kind, self._slot = Mask.FLAT, None

    def paint(self, slot: int) -> None:
        """Fill the fields with the pattern of a slot under the masks; nothing to do if that is what they hold.

        Parameters
        ----------
        slot : int
        """
        if self._slot == slot:
            return
        self._slot = None  # half filled fields are good for nothing
        self._fill(self.pattern(slot), alone=False)
        self._slot = slot

    def paint_for_one(self, pattern: Pattern) -> None:
        """Fill the first version of all fields with the pattern of one viewer under the masks.

        Parameters
        ----------
        pattern : Pattern
            Made by `Pattern.of` from that of the slot.
        """
        self._slot = None
        self._fill(pattern, alone=True)

    def pattern(self, slot: int) -> Pattern:
        """Pattern in planes A and B as far as the picture covers the canvas; kept until another slot is asked for.

        Parameters
        ----------
        slot : int

        Returns
        -------
        Pattern
        """
        if self._turned != slot:
            self._pattern, self._turned = self._pattern_of(slot), slot
        return self._pattern

    def _fill(self, spread: Pattern, *, alone: bool) -> None:
        lumas = [self._change(self._masks[0], pattern, f"luma {index}") for index, pattern in enumerate(spread.luma)]
        colours = [
            self._change(mask, pattern, name)
            for mask in self._masks[1:]
            for pattern, name in zip(spread.chroma, ("blue", "red"), strict=True)
        ]
        if self._packed and colours:
            colours = self._in_rgb(*colours)
            self.shifts = [shift_of(_largest(lumas) + _largest(colours))]
        else:
            # Cb and Cr alike, so that they get the same samples in one plane as in two
            self.shifts = [shift_of(_largest(lumas)), *[shift_of(_largest(colours))] * len(self.chroma)]
        for version, change in enumerate(lumas):
            self.luma.fill(version, self.shifts[0], *[change] * (3 if self._packed else 1))
        beside = [[change] for change in colours] if len(self.chroma) > 1 else [colours]
        for field, changes in zip(self.chroma, beside, strict=False):
            field.fill(0 if alone else 1, self.shifts[-1], *changes)
            if not alone:
                np.negative(field.wide[1], out=field.wide[0])

    def _in_rgb(self, blue: Samples, red: Samples) -> list[Samples]:
        """Say what changes of Cb and Cr add to the three colours, in the plane's order."""
        rgb = [
            cv2.addWeighted(blue, of_blue, red, of_red, 0, dst=self._scratch.array(f"colour {index}", blue.shape))
            for index, (of_blue, of_red) in enumerate(zip(BLUE_TO_RGB, RED_TO_RGB, strict=True))
        ]
        made = rgb if self._geometry.layout.order == "rgb" else rgb[::-1]
        return [np.asarray(each, np.float32) for each in made]

    def _change(self, mask: Samples, pattern: Samples, name: str) -> Samples:
        """Bring a pattern under a mask, as it lies in storage."""
        return self._geometry.stored(np.multiply(mask, pattern, out=self._scratch.array(name, mask.shape)))

    def _pattern_of(self, slot: int) -> Pattern:
        profile, luma, chroma = self._geometry.profile, self._geometry.luma, self._geometry.chroma
        number = slot % profile.patterns
        pilot = luma.crop(luma.window(self._patterns.pilot)) * np.float32(
            pilot_sign(slot) * np.sqrt(profile.pilot_share)
        )
        data = luma.crop(luma.window(self._patterns.luma[number])) * np.float32(np.sqrt(1 - profile.pilot_share))
        blue, red = chroma.crop(chroma.window(self._patterns.chroma[number]))
        return Pattern((pilot - data, pilot + data), (blue, red))

    def _moments(self, plane: Plane, grid: Grid, name: str, *, squares: bool = False) -> Samples:
        return moments(in_rows(plane), plane.shape[1], grid, self._scratch, name, squares=squares)

    def _displayed(self, views: list[Plane]) -> tuple[Plane, list[Plane]]:
        """Luma, Cb and Cr as they are displayed."""
        layout = self._geometry.layout
        luma, colours = views[0], views[1:]
        if layout.kind == "packed":
            code = cv2.COLOR_RGB2YCrCb if layout.order == "rgb" else cv2.COLOR_BGR2YCrCb
            converted = cv2.cvtColor(luma, code, dst=self._scratch.array("converted", luma.shape, np.uint8))
            luma, *colours = (self._channel(np.asarray(converted, np.uint8), index) for index in (0, 2, 1))
        elif layout.kind == "paired":
            colours = [self._channel(views[1], index) for index in (0, 1)]
        shown = self._geometry.shown
        return shown(luma), [shown(plane) for plane in colours]

    def _channel(self, plane: Plane, index: int) -> Plane:
        out = self._scratch.array(f"channel {index}", plane.shape[:2], plane.dtype)
        cv2.extractChannel(plane, index, dst=out)
        return out


def _largest(changes: list[Samples]) -> float:
    """Largest magnitude of all samples."""
    return max((cv2.norm(change, cv2.NORM_INF) for change in changes), default=0.0)
