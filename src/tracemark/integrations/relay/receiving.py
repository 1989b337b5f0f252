"""Take a live stream from a source that may drop and return."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import cast

import av

from tracemark.errors import MediaError
from tracemark.integrations.relay.address import Address
from tracemark.integrations.relay.backlog import Arrival, Backlog
from tracemark.integrations.relay.bridge import Inlet, SilentError, bridged
from tracemark.integrations.relay.timeline import Timeline

OPENING_SECONDS = 10.0
"""How long opening may take; MPEG-TS shows its streams within a second or two, if it is there at all."""

SILENT_SECONDS = 4.0
"""A live source that says nothing for so long is lost."""

FIRST_WAIT, LONGEST_WAIT = 0.25, 4.0
"""Seconds before a lost source is tried again: doubled from try to try."""


class Receiver(threading.Thread):
    """Receives, decodes the picture, and gives both picture and sound to a backlog, until told to stop.

    Parameters
    ----------
    source : Address
    backlog : Backlog
    listen : bool
        Wait for the source to come, instead of fetching from it.
    say : callable
        Told in a line when the source is lost and when it is back.

    Attributes
    ----------
    losses : int
        How often the source was lost after it had been there.
    damaged : int
        Packets of the picture that could not be decoded.
    stopping : threading.Event
        Ends the thread when set, as soon as the source says something or is silent for too long.
    """

    def __init__(self, source: Address, backlog: Backlog, *, listen: bool, say: Callable[[str], None]) -> None:
        super().__init__(name="tracemark receiver", daemon=True)
        self.losses = self.damaged = 0
        self.stopping = threading.Event()
        self._source = source
        self._options = source.options(listen=listen)
        self._backlog = backlog
        self._say = say
        self._timeline = Timeline()
        self._lost_at: float | None = time.monotonic()

    @property
    def away(self) -> float:
        """Seconds that the source has been away by now; 0 while it is there."""
        return 0.0 if self._lost_at is None else time.monotonic() - self._lost_at

    def run(self) -> None:
        """Receive, over and over."""
        wait = FIRST_WAIT
        while not self.stopping.is_set():
            silent = 0.0
            try:
                self._receive()
                reason = "it has ended"
            except av.ProtocolNotFoundError:
                self._backlog.put(self._source.missing())
                return
            except (av.ExitError, SilentError):  # the first is how FFmpeg says that a time limit of ours has passed
                reason, silent = "it is silent", SILENT_SECONDS
            except (av.FFmpegError, OSError, MediaError) as error:
                # Without the address, which FFmpeg adds and which may hold a secret.
                reason = str(getattr(error, "strerror", None) or error).lower()
            except Exception as error:  # noqa: BLE001 - raised again by whoever takes it from the backlog
                self._backlog.put(error)
                return
            if self.stopping.is_set():
                return
            if self._lost_at is None:
                self.losses += 1
                self._say(f"the source is lost ({reason}); waiting for it")
                self._lost_at = time.monotonic() - silent
                wait = FIRST_WAIT
            elif wait == FIRST_WAIT and not self.losses:
                self._say(f"no source at {self._source.shown} yet ({reason}); waiting for it")
            self.stopping.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    def _receive(self) -> None:
        """Receive until the source ends, fails or falls silent."""
        with self._opened() as opened:
            video = next((each for each in opened.streams.video if each.width), None)
            if video is None:
                raise MediaError("it shows no picture")
            # Threads that take whole frames each would hold one back for every thread.
            video.thread_type = "SLICE"
            sound = next((each for each in opened.streams.audio if each.sample_rate), None)
            self._timeline.interrupt()
            arrival = Arrival(video, sound)
            self._backlog.put(arrival)
            while not arrival.seen.wait(0.1):
                if self.stopping.is_set():
                    return
            wanted = [each for each in (video, sound) if each]
            for packet in opened.demux(wanted):
                if self.stopping.is_set():
                    return
                if packet.size and self._timeline.place(packet):
                    self._take(packet, video)

    @contextmanager
    def _opened(self) -> Iterator[av.container.InputContainer]:
        container = self._source.protocol.container
        if not bridged(self._source):
            limits = (OPENING_SECONDS, SILENT_SECONDS)
            with av.open(self._source.url, format=container, options=self._options, timeout=limits) as opened:
                yield opened
            return
        with (
            closing(Inlet(self._source, self._options, OPENING_SECONDS, SILENT_SECONDS, self.stopping)) as inlet,
            av.open(inlet, "r", format=container) as opened,
        ):
            yield opened

    def _take(self, packet: av.Packet[av.stream.Stream], video: av.VideoStream) -> None:
        if packet.stream.index != video.index:
            self._backlog.put(packet)
            return
        try:
            frames = video.decode(cast("av.Packet[av.VideoStream]", packet))
        except av.FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            if self._lost_at is not None and self.losses:
                self._say(f"the source is back, after {self.away:.1f} s")
            self._lost_at = None
            if frame.pts is not None:
                self._backlog.put(frame)
