"""Host frames to marked frames: the work of a picture is done once, a viewer's copy is a selection.

For every host frame the embedder makes two versions of each plane that carries the mark: plane A, in which every
cell says 0, and plane B, in which every cell says 1. A viewer's frame is A with the cells copied from B in which
that viewer's codeword has a 1. The pilot is alike in both.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
from av import VideoFrame

from tracemark import coding
from tracemark.errors import FrameError
from tracemark.frames import layout_of, luma_and_chroma, planes
from tracemark.geometry import Geometry
from tracemark.profile import PROFILE
from tracemark.signal import mask as masks
from tracemark.signal.clock import clock_bits
from tracemark.signal.patterns import Patterns, pilot_sign

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.frames import Frame, Plane
    from tracemark.keys import Key
    from tracemark.payload import Payload
    from tracemark.profile import Profile
    from tracemark.signal.grid import Grid

    Samples = NDArray[np.float32]

SMALLEST_SIDE = 64
"""Shortest side of a frame, in pixels, that can carry the mark at all."""

LARGEST_STRENGTH = 10.0
"""Above this the mark is plain to see; a larger number is a slip."""

RECENT_SELECTIONS = 4
"""Selections that a viewer keeps: this slot's, and a few more for time stamps that jump about a slot's edge."""

# ITU-R BT.601: what one level of Cb and of Cr adds to red, green and blue
BLUE_TO_RGB = (0.0, -0.344136, 1.772)
RED_TO_RGB = (1.402, -0.714136, 0.0)


@dataclass(frozen=True)
class Prepared:
    """A host frame with all that its viewers share.

    Attributes
    ----------
    frame : av.VideoFrame or ndarray
        The host frame, untouched.
    geometry : Geometry
    slot : int
        Number of the slot that the frame is shown in; it chooses the pattern and the clock's bits.
    versions : tuple of tuple of ndarray
        For every plane its versions: (A, B), or for packed frames the four of luma and chroma bits 00, 10, 01, 11.
        The arrays belong to this object; viewers only read them.
    """

    frame: Frame
    geometry: Geometry
    slot: int
    versions: tuple[tuple[Plane, ...], ...]


class Embedder:
    """Marks one source stream for any number of viewers.

    Parameters
    ----------
    key : Key
    strength : float
        Multiple of the just noticeable mark; 1 is the default, 0 marks nothing.
    frame_rate : float
        Frames a second, for frames that carry no time of their own.
    pixel_aspect : float
        Displayed width over height of a pixel.
    array_format : {"bgr24", "rgb24"}
        Order of the colours in arrays of three channels.
    profile : Profile
        The wire format.

    Raises
    ------
    ValueError
        Strength, frame rate, pixel aspect or array format are out of range.
    """

    def __init__(
        self,
        key: Key,
        *,
        strength: float = 1.0,
        frame_rate: float = 30.0,
        pixel_aspect: float = 1.0,
        array_format: str = "bgr24",
        profile: Profile = PROFILE,
    ) -> None:
        if not 0 <= strength <= LARGEST_STRENGTH:
            raise ValueError(f"strength {strength} is outside 0..{LARGEST_STRENGTH:g}")
        if not frame_rate > 0:
            raise ValueError(f"frame rate {frame_rate} is not positive")
        if not 0.1 <= pixel_aspect <= 10:
            raise ValueError(f"pixel aspect {pixel_aspect} is outside 0.1..10")
        if array_format not in ("bgr24", "rgb24"):
            raise ValueError(f"array format {array_format!r} is neither 'bgr24' nor 'rgb24'")
        self._key = key
        self._strength = strength
        self._frame_rate = Fraction(frame_rate).limit_denominator(1001 * 240)
        self._pixel_aspect = pixel_aspect
        self._array_format = array_format
        self._profile = profile
        self._patterns = Patterns.of(key, profile)
        self._clock = clock_bits(key, profile)
        self._count = 0
        self._geometry: Geometry | None = None

    def viewer(self, payload: Payload) -> Viewer:
        """Begin marking for one more viewer.

        Parameters
        ----------
        payload : Payload
            Session and member that the mark names.

        Returns
        -------
        Viewer
        """
        return Viewer(self, coding.encode(payload.scramble(self._key)), self._patterns, self._clock)

    def prepare(self, frame: Frame, time: Fraction | float | None = None) -> Prepared:
        """Do all work that depends on the picture, once for all viewers.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray of uint8, shape (height, width) or (height, width, 3)
            The host frame; it is only read.
        time : Fraction or float, optional
            Presentation time in seconds; by default the frame's own, or its number over the frame rate.

        Returns
        -------
        Prepared

        Raises
        ------
        FrameError
            The frame is too small or of a format that cannot be marked.
        """
        geometry = self._geometry_of(frame)
        moment = self._time_of(frame) if time is None else time
        self._count += 1
        slot = self._profile.slot_of(moment)
        views = planes(frame, geometry.layout)
        luma, chroma = luma_and_chroma(views, geometry.layout)
        luma_pair, chroma_pairs = self._deltas(geometry, slot, luma, chroma)
        return Prepared(frame, geometry, slot, _versions(views, geometry, luma_pair, chroma_pairs))

    def _geometry_of(self, frame: Frame) -> Geometry:
        geometry = Geometry.of(frame, layout_of(frame, self._array_format), self._pixel_aspect, self._profile)
        if min(geometry.width, geometry.height) < SMALLEST_SIDE:
            raise FrameError(
                f"a frame of {geometry.width}x{geometry.height} pixels is too small to be marked",
                f"the shorter side must have at least {SMALLEST_SIDE} pixels",
            )
        if geometry != self._geometry:
            self._geometry = geometry
        return self._geometry  # the one already met, whose grids are made

    def _time_of(self, frame: Frame) -> Fraction:
        if isinstance(frame, VideoFrame) and frame.pts is not None and frame.time_base:
            return frame.pts * frame.time_base
        return self._count / self._frame_rate

    def _deltas(
        self, geometry: Geometry, slot: int, luma: Plane, chroma: list[Plane]
    ) -> tuple[tuple[Samples, Samples], list[tuple[Samples, Samples]]]:
        """Make what planes A and B add to the host, in the host's own levels, as large as the stored planes."""
        levels = geometry.layout.levels
        pattern = slot % self._profile.patterns
        grid = geometry.luma
        full = geometry.shown(luma.astype(np.float32))
        if levels > 1:
            full = full * np.float32(1 / levels)
        canonical = grid.canonical(full)
        textured = masks.texture(full, canonical)
        mask = masks.luma_mask(canonical, textured) * (self._strength * levels)
        data = mask * grid.crop(grid.window(self._patterns.luma[pattern])) * np.sqrt(1 - self._profile.pilot_share)
        turned = pilot_sign(slot) * np.sqrt(self._profile.pilot_share)
        pilot = mask * grid.crop(grid.window(self._patterns.pilot)) * np.float32(turned)
        size = luma.shape[:2]
        luma_pair = geometry.stored(pilot - data, size), geometry.stored(pilot + data, size)
        if not chroma:
            return luma_pair, []
        small = geometry.chroma
        blue, red = (small.canonical(geometry.shown(plane)) * np.float32(1 / levels) for plane in chroma)
        mask = masks.chroma_mask(masks.onto(small, canonical), masks.onto(small, textured), blue, red)
        mask *= self._strength * levels
        chips = small.crop(small.window(self._patterns.chroma[pattern]))
        pairs = []
        for sign_of_chips, plane in zip(chips, chroma, strict=True):
            delta = geometry.stored(mask * sign_of_chips, plane.shape[:2])
            pairs.append((-delta, delta))
        return luma_pair, pairs


def _versions(
    views: list[Plane],
    geometry: Geometry,
    luma: tuple[Samples, Samples],
    chroma: list[tuple[Samples, Samples]],
) -> tuple[tuple[Plane, ...], ...]:
    layout = geometry.layout
    top = 255 * layout.levels + layout.levels - 1
    if layout.kind == "packed":
        both = []
        for chroma_bit in (0, 1):
            colour = np.stack(
                [
                    chroma[0][chroma_bit] * blue + chroma[1][chroma_bit] * red
                    for blue, red in zip(BLUE_TO_RGB, RED_TO_RGB, strict=True)
                ][:: 1 if layout.order == "rgb" else -1],
                axis=-1,
            )
            both += [_added(views[0], colour + luma[luma_bit][..., None], top) for luma_bit in (0, 1)]
        return (tuple(both),)
    made = [tuple(_added(views[0], delta, top) for delta in luma)]
    if layout.kind == "paired":
        made.append(tuple(_added(views[1], np.stack([chroma[0][bit], chroma[1][bit]], axis=-1), top) for bit in (0, 1)))
    else:
        made += [
            tuple(_added(view, delta, top) for delta in pair) for view, pair in zip(views[1:], chroma, strict=True)
        ]
    return tuple(made)


def _added(plane: Plane, delta: Samples, top: int) -> Plane:
    """Add, round and saturate in one pass."""
    if plane.dtype == np.uint8:
        return np.asarray(cv2.add(plane, delta, dtype=cv2.CV_8U), np.uint8)
    total = np.asarray(cv2.add(plane, delta, dtype=cv2.CV_16U), np.uint16)
    return np.minimum(total, np.uint16(top), out=total)


class Viewer:
    """Marks the frames of one viewer.

    Made by `Embedder.viewer`.
    """

    def __init__(
        self, embedder: Embedder, codeword: NDArray[np.uint8], patterns: Patterns, clock: NDArray[np.uint8]
    ) -> None:
        self._embedder = embedder
        self._codeword = codeword
        self._patterns = patterns
        self._clock = clock
        self._selections: OrderedDict[tuple[int, Geometry], list[list[NDArray[np.uint8]]]] = OrderedDict()

    def mark(self, frame: Prepared | Frame) -> Frame:
        """Make this viewer's copy of a frame.

        Parameters
        ----------
        frame : Prepared, av.VideoFrame or ndarray
            What `Embedder.prepare` returned; a bare frame is prepared first.

        Returns
        -------
        av.VideoFrame or ndarray
            New memory, of the same kind, size, format, time stamp, time base and colour metadata as the host frame.

        Raises
        ------
        FrameError
            The frame cannot be marked.
        """
        prepared = frame if isinstance(frame, Prepared) else self._embedder.prepare(frame)
        marked = _blank_like(prepared.frame)
        targets = planes(marked, prepared.geometry.layout)
        selections = self._select(prepared)
        for target, versions, selection in zip(targets, prepared.versions, selections, strict=True):
            np.copyto(target, versions[0])
            for version, chosen in zip(versions[1:], selection, strict=True):
                cv2.copyTo(version, chosen, target)
        return marked

    def _select(self, prepared: Prepared) -> list[list[NDArray[np.uint8]]]:
        """Pixels to copy from each version after the first, plane by plane; kept for the slot."""
        wanted = (prepared.slot, prepared.geometry)
        if wanted in self._selections:
            self._selections.move_to_end(wanted)
            return self._selections[wanted]
        geometry, pattern = prepared.geometry, prepared.slot % len(self._patterns.luma_bits)
        bits = np.concatenate([self._codeword, self._clock[prepared.slot % len(self._clock)]])
        luma_cells, chroma_cells = bits[self._patterns.luma_bits[pattern]], bits[self._patterns.chroma_bits[pattern]]
        made = []
        for index, versions in enumerate(prepared.versions):
            size = versions[0].shape[:2]
            luma = self._pixels(geometry, geometry.luma, luma_cells, size)
            if len(versions) == 4:
                chroma = self._pixels(geometry, geometry.chroma, chroma_cells, size)
                made.append([luma & (1 - chroma), chroma & (1 - luma), luma & chroma])
            elif index:
                made.append([self._pixels(geometry, geometry.chroma, chroma_cells, size)])
            else:
                made.append([luma])
        self._selections[wanted] = made
        if len(self._selections) > RECENT_SELECTIONS:
            self._selections.popitem(last=False)
        return made

    @staticmethod
    def _pixels(geometry: Geometry, grid: Grid, cells: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        return geometry.pixels(grid, cells[grid.rows, grid.columns], size)


def _blank_like(frame: Frame) -> Frame:
    if not isinstance(frame, VideoFrame):
        return np.empty_like(frame)
    blank = VideoFrame(frame.width, frame.height, frame.format.name)
    blank.pts = frame.pts
    if frame.time_base is not None:
        blank.time_base = frame.time_base
    blank.color_range = frame.color_range
    blank.colorspace = frame.colorspace
    blank.color_primaries = frame.color_primaries
    blank.color_trc = frame.color_trc
    return blank
