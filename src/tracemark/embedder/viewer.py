"""One viewer: their copy of a frame is chosen from versions that all viewers share, or made for them alone."""

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
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.embedder.cells import Choice
    from tracemark.embedder.deltas import Pattern
    from tracemark.embedder.framing import Framing
    from tracemark.embedder.stream import Embedder
    from tracemark.frames import Frame, Plane
    from tracemark.signal.patterns import Patterns

    Bits = NDArray[np.uint8]

RECENT_SELECTIONS = 2
"""Selections that a viewer keeps: this slot's, and one more for time stamps that jump about a slot's edge."""

HELD_IN_CACHES = 48 << 20
"""Bytes of viewers' frames that are lent out, beyond which one more is written past the caches (decision 0058)."""


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
        For every plane A and B, and for packed frames those of luma and chroma bits 00, 10, 01, 11. Where chroma
        carries no mark, there is one version of it, and A and B of packed frames. To be looked at; the memory is lent
        until the last of them is gone.
    scenery : Scenery
        What overlays have to know of it.
    framing : Framing
        What viewers' frames take over from it.
    """

    frame: Frame
    geometry: Geometry
    slot: int
    mask: Mask
    versions: tuple[tuple[Plane, ...], ...]
    scenery: Scenery
    framing: Framing = field(repr=False)
    stage: Stage = field(repr=False)
    sheet: Sheet = field(repr=False)


@dataclass(frozen=True)
class ForOne:
    """A frame that was marked for one viewer alone.

    Attributes
    ----------
    planes : list of ndarray
        In memory of its own.
    scenery : Scenery
        What overlays have to know of it.
    framing : Framing
        What it takes over from the host frame.
    """

    planes: list[Plane] = field(repr=False)
    scenery: Scenery
    framing: Framing


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
        self._selections: OrderedDict[tuple[int, int], list[Choice]] = OrderedDict()
        self._pattern: tuple[tuple[int, int], Pattern] | None = None
        self._lock = Lock()

    def mark(self, frame: Prepared | Frame) -> Frame:
        """Make this viewer's copy of a frame.

        Parameters
        ----------
        frame : Prepared, av.VideoFrame or ndarray
            What `Embedder.prepare` returned; or a bare frame that nobody else gets, which takes about two thirds of the
            time of preparing and marking it.

        Returns
        -------
        av.VideoFrame or ndarray
            Of the same kind, size, format, time stamp, time base and colour metadata as the host frame. Its memory is
            its own for as long as anything refers to it, an encoder's threads included; then it is used again. Shared
            chroma (`Chroma.SHARED`) is to be read only.

        Raises
        ------
        FrameError
            The frame cannot be marked.
        OverlayError
            An overlay does not fit into the frame, and the policy is to raise.
        """
        if not isinstance(frame, Prepared):
            own = self._embedder.mark_for_one(frame, self._own)
            self._covers.draw(own.scenery, own.planes)
            return own.framing.frame(own.planes)
        loan, sheet, away = self._borrow(frame)
        frame.stage.choose(frame.sheet, self._select(frame), sheet, away=away)
        return self._framed(frame, loan)

    @classmethod
    def mark_all(cls, prepared: Prepared, viewers: Sequence[Viewer]) -> list[Frame]:
        """Make the copies of many viewers; see `Embedder.mark_all`."""
        if not viewers:
            return []
        loans, sheets, aways = zip(*(cls._borrow(each, prepared) for each in viewers), strict=True)
        choices = [cls._select(each, prepared) for each in viewers]
        prepared.stage.choose_for_all(prepared.sheet, choices, sheets, away=aways[-1])
        return [cls._framed(each, prepared, loan) for each, loan in zip(viewers, loans, strict=True)]

    def _borrow(self, prepared: Prepared) -> tuple[NDArray[np.uint8], Sheet, bool]:
        """Borrow memory for this viewer's copy; the last says whether it is to be written past the caches."""
        stage = prepared.stage
        # chroma that others see may not be drawn on
        pool = stage.copies if stage.lumas is None or self._covers.own(prepared.scenery) else stage.lumas
        loan, sheet = pool.lend()
        return loan, sheet, pool.lent * len(loan) > HELD_IN_CACHES

    def _framed(self, prepared: Prepared, loan: NDArray[np.uint8]) -> Frame:
        """Draw what lies over the copy in borrowed memory, and make a frame of it."""
        made = prepared.stage.planes(loan)
        made += [versions[0] for versions in prepared.versions[len(made) :]]
        self._covers.draw(prepared.scenery, made)
        return prepared.framing.frame(made)

    def _select(self, prepared: Prepared) -> list[Choice]:
        """Where the first plane and all others come from; kept for the slot."""
        wanted = (prepared.slot, prepared.stage.number)
        with self._lock:
            made = self._selections.get(wanted)
            if made is None:
                made = self._selections[wanted] = self._selection(prepared)
                if len(self._selections) > RECENT_SELECTIONS:
                    self._selections.popitem(last=False)
            return made

    def _selection(self, prepared: Prepared) -> list[Choice]:
        stage = prepared.stage
        luma, chroma = (bits.ravel() for bits in self._bits(stage.geometry, prepared.slot))
        if len(stage.cells[0].under) > 1:
            return [stage.cells[0].choose(luma, chroma)]
        return [cells.choose(bits) for cells, bits in zip(stage.cells, (luma, chroma), strict=False)]

    def _own(self, stage: Stage, slot: int) -> Pattern:
        """Pattern of this viewer alone; kept for the slot."""
        wanted = (slot, stage.number)
        with self._lock:
            if self._pattern is None or self._pattern[0] != wanted:
                shared = stage.deltas.pattern(slot)
                self._pattern = wanted, shared.of(stage.geometry, *self._bits(stage.geometry, slot))
            return self._pattern[1]

    def _bits(self, geometry: Geometry, slot: int) -> tuple[Bits, Bits]:
        """Tell the bits of the cells of luma and of chroma in a slot: shape (rows, columns)."""
        number = slot % len(self._patterns.luma_bits)
        bits = np.concatenate([self._codeword, self._clock[slot % len(self._clock)]])
        return (
            bits[self._patterns.luma_bits[number, geometry.luma.rows, geometry.luma.columns]],
            bits[self._patterns.chroma_bits[number, geometry.chroma.rows, geometry.chroma.columns]],
        )
