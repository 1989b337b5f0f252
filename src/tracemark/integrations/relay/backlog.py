"""What was received and not yet sent: a few frames, the oldest of which give way."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

import av

FRAMES = 8
"""Frames that wait at most; at 30 a second they are a quarter of a second late."""

PACKETS = 200
"""Packets of sound that wait at most; at the usual 20 to 25 ms each, some four seconds."""


@dataclass(frozen=True)
class Arrival:
    """The source has come: its streams, to be looked at until `seen` is set.

    Parameters
    ----------
    video : av.VideoStream
    sound : av.AudioStream or None
    seen : threading.Event
        The receiver waits for it: it closes the source later, and the streams with it.
    """

    video: av.VideoStream
    sound: av.AudioStream | None
    seen: threading.Event = field(default_factory=threading.Event)


Item: TypeAlias = "av.VideoFrame | av.Packet[av.stream.Stream] | Arrival | Exception"


class Backlog:
    """Hands frames, sound and news from the thread that receives to the one that sends.

    Attributes
    ----------
    dropped : int
        Frames that gave way because sending is slower than the source.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()

    def put(self, item: Item) -> None:
        """Add an item; the oldest of its kind gives way if there are too many. News never do."""
        with self._changed:
            self._items.append(item)
            kind, most = (av.VideoFrame, FRAMES) if isinstance(item, av.VideoFrame) else (av.Packet, PACKETS)
            alike = [index for index, each in enumerate(self._items) if isinstance(each, kind)]
            if len(alike) > most:
                del self._items[alike[0]]
                self.dropped += kind is av.VideoFrame
            self._changed.notify()

    def get(self, seconds: float) -> Item | None:
        """Take the oldest item.

        Parameters
        ----------
        seconds : float
            How long to wait for one.

        Returns
        -------
        Item or None
        """
        with self._changed:
            if not self._items:
                self._changed.wait(seconds)
            return self._items.popleft() if self._items else None
