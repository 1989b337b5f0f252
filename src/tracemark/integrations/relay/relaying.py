"""The relay: one thread receives, one sends, and whoever called waits for either to end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import av

from tracemark.errors import MediaError
from tracemark.integrations.relay.address import Address
from tracemark.integrations.relay.backlog import Arrival, Backlog
from tracemark.integrations.relay.receiving import Receiver
from tracemark.integrations.relay.sending import Coding, Sender
from tracemark.keys import Key
from tracemark.overlay import Overlay
from tracemark.payload import Payload

TURN_SECONDS = 0.2
"""How long to wait for something to happen before looking whether to stop."""

CLOSING_SECONDS = 3.0
"""How long the end of the stream may take to be sent; after that whoever takes it is given up."""

LEAVING_SECONDS = 1.0
"""How long the source may take to say one thing more, at which it is left; a silent one is left as it is."""


@dataclass(frozen=True)
class Relayed:
    """What went through.

    Parameters
    ----------
    frames : int
        Frames marked and sent.
    seconds : float
        Seconds of output.
    dropped : int
        Frames left out, rather than sent late or unmarked.
    damaged : int
        Packets of the picture that could not be decoded.
    losses : int
        How often the source was lost.
    notes : tuple of str
        What could not be passed on, in words.
    """

    frames: int
    seconds: float
    dropped: int
    damaged: int
    losses: int
    notes: tuple[str, ...]


def relay(
    source: str,
    target: str,
    *,
    key: Key,
    payload: Payload,
    strength: float = 1.0,
    overlays: Sequence[Overlay] = (),
    listen: bool = False,
    coding: Coding | None = None,
    give_up: float | None = None,
    stop: threading.Event | None = None,
    say: Callable[[str], None] | None = None,
    progress: Callable[[float, None], None] | None = None,
) -> Relayed:
    """Mark a live stream for one viewer on its way from one address to another.

    A source that drops is waited for and taken up again; the output's time goes on meanwhile, and the mark's slots
    follow it. Where sending is slower than the source, frames are dropped, so that no delay builds up.

    Parameters
    ----------
    source, target : str
        Addresses, of rtmp, rtmps, rtsp, udp, tcp or srt.
    key : Key
    payload : Payload
        Whose copy this is.
    strength : float, optional
        Multiple of the mark's default amplitude.
    overlays : sequence of Logo or SessionCode, optional
        What is drawn over the marked picture.
    listen : bool, optional
        Wait at `source` for the source to come, instead of fetching from it.
    coding : Coding, optional
        How the picture is encoded.
    give_up : float, optional
        Seconds that the source may be away before that is an error; it is waited for without end by default.
    stop : threading.Event, optional
        Ends the relay when set. So does KeyboardInterrupt.
    say : callable, optional
        Told in a line when the source is lost and when it is back.
    progress : callable, optional
        Called with the seconds sent and None, as a live stream has no length.

    Returns
    -------
    Relayed

    Raises
    ------
    MediaError
        If an address or setting is wrong, a protocol is missing, the target takes nothing, or the source stays away.
    FrameError
        If the picture is too small to be marked.
    OverlayError
        If an overlay does not fit into it.
    """
    stop = stop or threading.Event()
    backlog = Backlog()
    receiver = Receiver(Address(source), backlog, listen=listen, say=say or (lambda _line: None))
    sender = Sender(
        Address(target), key=key, payload=payload, strength=strength, overlays=overlays, coding=coding or Coding()
    )
    sending = _Sending(backlog, sender, progress)
    receiver.start()
    sending.start()
    try:
        while not (stop.wait(TURN_SECONDS) or sending.ended.is_set()):
            if give_up is not None and receiver.away > give_up:
                sending.error = MediaError(f"the source has been away for {give_up:g} s", "is it running?")
                break
    except KeyboardInterrupt:
        pass  # the usual end of a live stream
    finally:
        receiver.stopping.set()
        sending.stopping.set()
        sending.join(CLOSING_SECONDS)
        receiver.join(LEAVING_SECONDS)
    if sending.error:
        raise sending.error
    if sending.is_alive():
        sender.notes.append("the end of the stream was not taken, and is left out")
    if sender.refused:
        sender.notes.append(f"{sender.refused} of the frames that are left out could not be prepared for marking")
    dropped = backlog.dropped + sender.late + sender.refused
    return Relayed(sender.frames, sender.seconds, dropped, receiver.damaged, receiver.losses, tuple(sender.notes))


class _Sending(threading.Thread):
    """Takes from the backlog and sends, in a thread that a target which takes nothing cannot keep from being left."""

    def __init__(self, backlog: Backlog, sender: Sender, progress: Callable[[float, None], None] | None) -> None:
        super().__init__(name="tracemark sender", daemon=True)
        self.stopping, self.ended = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self._backlog = backlog
        self._sender = sender
        self._progress = progress

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self._turn()
            self._sender.close()
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits
            self.error = self.error or error
        self._sender.leave()
        self.ended.set()

    def _turn(self) -> None:
        item = self._backlog.get(TURN_SECONDS)
        if isinstance(item, Exception):
            raise item
        if isinstance(item, Arrival):
            self._sender.greet(item)
            item.seen.set()
        elif isinstance(item, av.VideoFrame):
            self._sender.show(item)
            if self._progress:
                self._progress(self._sender.seconds, None)
        elif item is not None:
            self._sender.play(item)
