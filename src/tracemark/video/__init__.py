"""Video files and pictures in and out: `embed` marks one, `decode` asks one whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracemark.video.decoding import Effort, decode, fingerprint, leaks_in
from tracemark.video.plot import check_drawing, draw
from tracemark.video.source import Progress, Source

if TYPE_CHECKING:
    from tracemark.video.embedding import Marked, embed

__all__ = [
    "Effort",
    "Marked",
    "Progress",
    "Source",
    "check_drawing",
    "decode",
    "draw",
    "embed",
    "fingerprint",
    "leaks_in",
]


def __getattr__(name: str) -> object:
    """Import what marks when it is asked for: compiled loops take half a second to load, and no decode needs them."""
    if name in ("Marked", "embed"):
        from tracemark.video import embedding  # noqa: PLC0415 - the reason is above

        return getattr(embedding, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
