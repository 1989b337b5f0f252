"""A placement looked through for as long as the leak lasts: the sight, the track it feeds, and a steady eye."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracemark.recovery.camera import Steadier
    from tracemark.recovery.reel import Picture
    from tracemark.recovery.sight import Sight
    from tracemark.recovery.track import Track


@dataclass(frozen=True)
class View:
    """One way of looking at a leak.

    Parameters
    ----------
    sight : Sight
    track : Track
    steadier : Steadier or None
        Follows the camera where it moved when the placement was found.
    """

    sight: Sight
    track: Track
    steadier: Steadier | None

    def follow(self, picture: Picture) -> None:
        """Look at the next picture of the leak."""
        self.show(self.steadier.steadied(picture) if self.steadier else picture)

    def show(self, picture: Picture) -> None:
        """Look at a picture that lies where the placement was found."""
        self.sight.show(picture, self.track.record)
        self.track.frame_taken(self.sight.time(picture))
