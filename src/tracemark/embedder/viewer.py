"""One viewer: their copy of a prepared frame is gathered from versions that all viewers share."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from tracemark.embedder.covers import Covers, Scenery
from tracemark.embedder.policy import Mask
from tracemark.embedder.stage import Sheet, Stage
from tracemark.geometry import Geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.embedder.stream import Embedder
    from tracemark.frames import Frame, Plane
    from tracemark.signal.patterns import Patterns

    Numbers = NDArray[np.intp]

RECENT_SELECTIONS = 2
"""Selections that a viewer keeps: this slot's, and one more for time stamps that jump about a slot's edge."""


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
    mask : Mask
        How its mask was made.
    versions : tuple of tuple of ndarray
        For every plane A and B, and for packed frames those of luma and chroma bits 00, 10, 01, 11. To be looked at;
        the memory is lent until the last of them is gone.
    scenery : Scenery
        What overlays have to know of it.
    """

    frame: Frame
    geometry: Geometry
    slot: int
    mask: Mask
    versions: tuple[tuple[Plane, ...], ...]
    scenery: Scenery
    stage: Stage = field(repr=False)
    sheet: Sheet = field(repr=False)


class Viewer:
    """Marks the frames of one viewer.

    Made by `Embedder.viewer`. May be used from several threads.
    """

    def __init__(
        self,
        embedder: Embedder,
        codeword: NDArray[np.uint8],
        patterns: Patterns,
        clock: NDArray[np.uint8],
        covers: Covers,
    ) -> None:
        self._embedder = embedder
        self._codeword = codeword
        self._patterns = patterns
        self._clock = clock
        self._covers = covers
        self._selections: OrderedDict[tuple[int, int], list[Numbers]] = OrderedDict()
        self._lock = Lock()

    def mark(self, frame: Prepared | Frame) -> Frame:
        """Make this viewer's copy of a frame.

        Parameters
        ----------
        frame : Prepared, av.VideoFrame or ndarray
            What `Embedder.prepare` returned; a bare frame is prepared first.

        Returns
        -------
        av.VideoFrame or ndarray
            Of the same kind, size, format, time stamp, time base and colour metadata as the host frame. Its memory is
            its own for as long as anything refers to it, an encoder's threads included; then it is used again.

        Raises
        ------
        FrameError
            The frame cannot be marked.
        OverlayError
            An overlay does not fit into the frame.
        """
        prepared = frame if isinstance(frame, Prepared) else self._embedder.prepare(frame)
        stage = prepared.stage
        loan, sheet = stage.copies.lend()
        for versions, chosen, target in zip(prepared.sheet.bands, self._select(prepared), sheet.bands, strict=True):
            # any other mode but the default, which would check the numbers first and write to a copy of the target
            versions.take(chosen, 1, target, "clip")
        self._covers.draw(prepared.scenery, stage.planes(loan))
        return stage.like(prepared.frame, loan)

    def _select(self, prepared: Prepared) -> list[Numbers]:
        """Blocks to take, band by band; kept for the slot."""
        wanted = (prepared.slot, prepared.stage.number)
        with self._lock:
            made = self._selections.get(wanted)
            if made is None:
                made = self._selections[wanted] = self._selection(prepared)
                if len(self._selections) > RECENT_SELECTIONS:
                    self._selections.popitem(last=False)
            return made

    def _selection(self, prepared: Prepared) -> list[Numbers]:
        geometry, number = prepared.geometry, prepared.slot % len(self._patterns.luma_bits)
        bits = np.concatenate([self._codeword, self._clock[prepared.slot % len(self._clock)]])
        luma, chroma = (
            bits[numbers[number, grid.rows, grid.columns]].ravel()
            for numbers, grid in (
                (self._patterns.luma_bits, geometry.luma),
                (self._patterns.chroma_bits, geometry.chroma),
            )
        )
        chosen: list[Numbers] = []
        for index, tiling in enumerate(prepared.stage.tilings):
            packed = geometry.layout.kind == "packed"
            chosen += tiling.choose(luma, chroma) if packed else tiling.choose(chroma if index else luma)
        return chosen
