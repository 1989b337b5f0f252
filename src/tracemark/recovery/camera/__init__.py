"""A camera in the hand: its motion is told from what it sees, and undone.

`corners` follows what most of the picture does, `border` the frame round a screen, and `steady` brings pictures back
to where the first one lay. None of them knows a key: they only say how to look, and nothing here is evidence.
"""

from tracemark.recovery.camera.border import Border
from tracemark.recovery.camera.corners import Corners
from tracemark.recovery.camera.steady import MOVED, Steadier, enlarged, small

__all__ = ["MOVED", "Border", "Corners", "Steadier", "enlarged", "small"]
