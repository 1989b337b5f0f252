"""The visible code, read back.

Data flows one way: `album` (frames averaged to pages) -> `view` (where and how large a code may be) -> `strips` (lines
of letters, found and compared box by box) -> `guess` (codes) -> `sighting` (whose, when and where) -> `agreement`
(does the invisible mark say the same).
"""

from tracemark.recovery.visible.album import Album
from tracemark.recovery.visible.reading import with_visible

__all__ = ["Album", "with_visible"]
