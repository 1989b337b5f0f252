"""Video files and pictures in and out: `embed` marks one, `decode` asks one whose it is."""

from tracemark.video.decoding import Effort, decode, fingerprint, leaks_in
from tracemark.video.embedding import Marked, embed
from tracemark.video.plot import check_drawing, draw
from tracemark.video.source import Progress, Source

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
