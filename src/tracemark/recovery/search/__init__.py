"""Where the mark lies in a leak of unknown geometry: the pilot's carriers found by magnitude, then by phase.

Data flows one way: `turning` (what turns its sign as the pilot does) -> `spectrum` (how strong each frequency turns)
-> `affine` (which scale, angle, aspect and mirroring puts the key's carriers on strong frequencies) -> `placing` (where
in the picture, by phase) -> `bending` (perspective, by places). `outlined` begins with a frame that was seen
round the picture instead. Nothing here is evidence: a placement is only a way to look, and `p_false` is made from the
data chips alone.
"""

from tracemark.recovery.search.finding import STRETCH, find
from tracemark.recovery.search.outlined import outlined
from tracemark.recovery.search.placement import Pilot, Placement
from tracemark.recovery.search.settling import SETTLING_SIDE, settle

__all__ = ["SETTLING_SIDE", "STRETCH", "Pilot", "Placement", "find", "outlined", "settle"]
