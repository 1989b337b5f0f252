"""What becomes of the planes of chroma."""

from __future__ import annotations

from enum import Enum


class Chroma(Enum):
    """What becomes of chroma in viewers' frames.

    Attributes
    ----------
    MARKED
        It carries the mark, as luma does: every viewer has planes of their own.
    SHARED
        It carries no mark, and viewers' frames hold the same planes of it: a third of a frame of 4:2:0 is not copied.
        They are to be read only. Whoever has overlays of their own gets planes of their own.
    COPIED
        It carries no mark, and every viewer's frame has a copy of its own, which may be written to.

    Notes
    -----
    With luma alone a leak scores half to three fifths of what it does with both (docs/choices.md). Where luma and
    chroma lie in one plane (RGB), `SHARED` and `COPIED` are the same.
    """

    MARKED = "marked"
    SHARED = "shared"
    COPIED = "copied"
