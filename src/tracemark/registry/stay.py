"""One viewer's stay in a session: their payload, and what is written down of them until they leave."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypedDict

from tracemark.registry.names import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracemark.embedder import Viewer
    from tracemark.payload import Payload
    from tracemark.registry.accesses import Access


class Where(TypedDict, total=False):
    """Where somebody comes from; see `Access`.

    Attributes
    ----------
    ip : str
    port : int or None
    agent : str
        User agent.
    node : str
        Server that they are connected to.
    """

    ip: str
    port: int | None
    agent: str
    node: str


class Stay:
    """Somebody's stay in a session. Made by `LiveRegistry.join`.

    Attributes
    ----------
    payload : Payload
        What their frames are marked with.
    """

    def __init__(self, payload: Payload, joined: Access, put: Callable[[Access], object]) -> None:
        self.payload = payload
        self._joined, self._put = joined, put
        self._left = False
        put(joined)

    def seek(self, media_time: float) -> None:
        """Write down that the viewer went to another media time, in seconds. Never waits."""
        self._put(replace(self._joined, event="seek", at=now_ms(), media=round(media_time * 1000)))

    def leave(self) -> None:
        """Write down that the viewer has left; once, however often it is called. Never waits."""
        if not self._left:
            self._left = True
            self._put(replace(self._joined, event="leave", at=now_ms(), media=None))

    def __enter__(self) -> Self:
        """Stay for a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave when it ends, also by an error."""
        self.leave()


class Attendance(Stay):
    """A stay of somebody whose frames are marked here. Made by `LiveRegistry.attend`.

    Attributes
    ----------
    viewer : Viewer
        Marks their frames.
    """

    def __init__(self, viewer: Viewer, payload: Payload, joined: Access, put: Callable[[Access], object]) -> None:
        self.viewer = viewer
        super().__init__(payload, joined, put)
