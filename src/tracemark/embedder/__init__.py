"""Host frames to marked frames: the work of a picture is done once, a viewer's copy is a selection.

For every host frame the embedder makes two versions of each plane that carries the mark: plane A, in which every
cell says 0, and plane B, in which every cell says 1. A viewer's frame is A with the cells copied from B in which
that viewer's codeword has a 1. The pilot is alike in both.

========== ===========================================================================
`stream`   `Embedder`: frames are prepared, as the policy allows
`viewer`   `Viewer`: copies are made
`covers`   logos and codes are drawn: for all viewers at once, or on each one's copy
`deltas`   picture, mask and pattern to what A and B add to the host
`fields`   from the canonical grid to the width of a plane
`kernels`  compiled passes over whole planes
`chroma`   whether chroma carries the mark
`stage`    what is alike while the stream keeps its shape; where everything is put
`cells`    cells as blocks of bytes
`pool`     memory that comes back by itself
`policy`   what happens in trouble
========== ===========================================================================
"""

from tracemark.embedder.chroma import Chroma
from tracemark.embedder.policy import Counts, Fallback, Mask, Policy
from tracemark.embedder.stream import LARGEST_STRENGTH, SMALLEST_SIDE, Embedder
from tracemark.embedder.viewer import Prepared, Viewer

__all__ = [
    "LARGEST_STRENGTH",
    "SMALLEST_SIDE",
    "Chroma",
    "Counts",
    "Embedder",
    "Fallback",
    "Mask",
    "Policy",
    "Prepared",
    "Viewer",
]
