"""Forensic watermark for video, which answers one question: who was this copy shown to.

Mark every viewer's copy with `Embedder`, and ask `decode` whose copy a leak is.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracemark.embedder import Embedder
    from tracemark.keys import Key
    from tracemark.overlay import Logo, SessionCode
    from tracemark.payload import Payload
    from tracemark.recovery import Candidates, Decoding
    from tracemark.video import decode

__version__ = "0.1.0"

__all__ = ["Candidates", "Decoding", "Embedder", "Key", "Logo", "Payload", "SessionCode", "__version__", "decode"]

_HOMES = {
    "Candidates": "tracemark.recovery",
    "Decoding": "tracemark.recovery",
    "Embedder": "tracemark.embedder",
    "Key": "tracemark.keys",
    "Logo": "tracemark.overlay",
    "Payload": "tracemark.payload",
    "SessionCode": "tracemark.overlay",
    "decode": "tracemark.video",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for, so that `tracemark --help` need not wait for a decoder."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
