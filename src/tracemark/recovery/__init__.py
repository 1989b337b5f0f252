"""Received frames to payload: the embedder's inverse.

Data flows one way: `record` (frames on the canonical grid) -> `features` (picture cancelled, noise brought to one) ->
`timing` and `slots` (when slots begin, and what each shows) -> `evidence` (every cell's vote) -> `track` (messages) ->
`summary` (whose, when and where) -> `verdict` (how sure). Where the picture as it stands tells nothing, `reel` keeps a
stretch of it, `search` looks for the pilot in any geometry, and `sight` brings the reel onto the canonical grid again.
`camera` undoes the motion of a hand. `decoder` holds it all together. Where `candidates` are given, `listener`,
`overview` and `contrast` keep the evidence, `recognition` tells whose codewords are in it, `innocence` how sure that
is, and `known` adds them to those who were decoded blind.
"""

from tracemark.recovery.candidates import Candidates
from tracemark.recovery.decoder import Effort, Recovery
from tracemark.recovery.verdict import Decoding, Geometry

__all__ = ["Candidates", "Decoding", "Effort", "Geometry", "Recovery"]
