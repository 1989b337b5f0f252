"""From a picture and a slot to what is added to the host: for planes A and B, or for one viewer alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.embedder.fields import ByteField, Field, FloatField
from tracemark.embedder.policy import Mask
from tracemark.signal import mask as masks
from tracemark.signal.moments import mean, moments
from tracemark.signal.patterns import pilot_sign
from tracemark.signal.scratch import Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.frames import Plane
    from tracemark.geometry import Geometry
    from tracemark.signal.patterns import Patterns

    Bits = NDArray[np.uint8]
    Samples = NDArray[np.float32]

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

    Attributes
    ----------
    luma : tuple of ByteField or FloatField
        What A and what B add to luma; or the first, what is added to one viewer's.
    chroma : list of ByteField or FloatField
        What B adds to chroma, and A takes away; or what is added to one viewer's. A field for each stored plane that
        holds chroma alone, or one for Cb and one for Cr where luma and chroma share a plane.
    """

    def __init__(self, geometry: Geometry, patterns: Patterns, strength: float, shapes: list[tuple[int, ...]]) -> None:
        layout = geometry.layout
        self._geometry, self._patterns = geometry, patterns
        self._amplitude = strength * layout.levels
        self._scratch = Scratch()
        top = 255 * layout.levels + layout.levels - 1

        def field(shape: tuple[int, ...]) -> Field:
            coarse = layout.bits == 8 and layout.kind != "packed"
            return ByteField(shape) if coarse else FloatField(shape, top)

        size = shapes[0][:2]
        self.luma = field(size), field(size)
        self.chroma = [field(size), field(size)] if layout.kind == "packed" else [field(shape) for shape in shapes[1:]]
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
        per_level = 1 / geometry.layout.levels
        luma, colours = self._displayed(views)
        canonical, squares = moments(luma, geometry.luma, scratch)
        canonical *= per_level
        squares *= per_level**2
        textured = masks.texture(squares, canonical, scratch)
        made = [masks.luma_mask(canonical, textured, scratch)]
        if self.chroma:
            small = geometry.chroma
            shape = small.height, small.width
            luma_there = masks.onto(small, canonical, scratch.array("small luma", shape))
            texture_there = masks.onto(small, textured, scratch.array("small texture", shape))
            blue, red = (
                mean(plane, small, scratch, name) for plane, name in zip(colours, ("blue", "red"), strict=True)
            )
            blue *= per_level
            red *= per_level
            made.append(masks.chroma_mask(luma_there, texture_there, blue, red, scratch))
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
        self._fill(self.pattern(slot))
        self._slot = slot

    def paint_for_one(self, pattern: Pattern) -> None:
        """Fill the fields, the first alone of luma's two, with the pattern of one viewer under the masks.

        Parameters
        ----------
        pattern : Pattern
            Made by `Pattern.of` from that of the slot.
        """
        self._slot = None
        self._fill(pattern)

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

    def _fill(self, spread: Pattern) -> None:
        stored = self._geometry.stored
        mask = self._masks[0]
        for field, pattern in zip(self.luma, spread.luma, strict=False):
            change = np.multiply(mask, pattern, out=self._scratch.array("luma change", mask.shape))
            field.fill([stored(change)], cv2.norm(change, cv2.NORM_INF))
        if self.chroma:
            mask = self._masks[1]
            changes = [
                stored(np.multiply(mask, pattern, out=self._scratch.array(name, mask.shape)))
                for pattern, name in zip(spread.chroma, ("blue change", "red change"), strict=True)
            ]
            # of both, so that they get the same samples in one plane as in two
            largest = max(cv2.norm(change, cv2.NORM_INF) for change in changes)
            for index, field in enumerate(self.chroma):
                field.fill(changes if len(self.chroma) == 1 else [changes[index]], largest)

    def _pattern_of(self, slot: int) -> Pattern:
        profile, luma, chroma = self._geometry.profile, self._geometry.luma, self._geometry.chroma
        number = slot % profile.patterns
        pilot = luma.crop(luma.window(self._patterns.pilot)) * np.float32(
            pilot_sign(slot) * np.sqrt(profile.pilot_share)
        )
        data = luma.crop(luma.window(self._patterns.luma[number])) * np.float32(np.sqrt(1 - profile.pilot_share))
        blue, red = chroma.crop(chroma.window(self._patterns.chroma[number]))
        return Pattern((pilot - data, pilot + data), (blue, red))

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
