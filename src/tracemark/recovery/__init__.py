"""Received frames to payload: the embedder's inverse.

Data flows one way: `record` (frames on the canonical grid) -> `features` (picture cancelled, noise brought to one) ->
`timing` (where in the cycle) -> `evidence` (every cell's vote) -> `decoder` (message) -> `statistics` and `verdict`
(how sure).
"""

from tracemark.recovery.decoder import Recovery
from tracemark.recovery.verdict import Decoding, Geometry

__all__ = ["Decoding", "Geometry", "Recovery"]
