"""The output's clock: it begins at zero and only ever goes on, whatever the source's time stamps do."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from math import inf

import av

STEP_BACK = 0.5
"""Seconds by which decoding times may go back before the source must have begun anew; disorder is far less."""

STEP_AHEAD = 2.0
"""Seconds by which they may run ahead of the time that passed; senders burst by less."""


class Timeline:
    """Moves packets from the source's time to the output's.

    While the source's time stamps go on, their distances are kept. Where they jump, or the source was away, the output
    goes on where the clock has come to. The picture decides; sound is moved with it.

    Parameters
    ----------
    clock : callable
        Seconds that pass.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shift: Fraction | None = None
        self._last: Fraction | None = None
        self._end = Fraction(0)
        self._seen = clock()
        self._zero = inf

    def interrupt(self) -> None:
        """Note that the source was lost: its next time stamps have nothing to do with its last."""
        self._last = None

    def place(self, packet: av.Packet[av.stream.Stream]) -> bool:
        """Move a packet's time stamps to the output's time.

        Parameters
        ----------
        packet : av.Packet
            Of the picture, or of sound that goes with it.

        Returns
        -------
        bool
            Whether it has a place: not if it has no time, lies before the output's begin, or is sound that is far
            from the picture.
        """
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or not packet.time_base:
            return False
        there = stamp * Fraction(packet.time_base)
        if packet.stream.type == "video":
            self._follow(there)
        if self._shift is None or self._last is None:
            return False
        here = there + self._shift
        if here < 0 or (packet.stream.type != "video" and abs(here - self._end) > STEP_AHEAD):
            return False
        steps = round(self._shift / Fraction(packet.time_base))
        packet.dts = None if packet.dts is None else packet.dts + steps
        packet.pts = None if packet.pts is None else packet.pts + steps
        return True

    def _follow(self, there: Fraction) -> None:
        """Keep the shift while the picture goes on, and find a new one where it jumps."""
        now = self._clock()
        passed = max(0.0, now - self._seen)
        if self._shift is None:
            self._shift = -there
        elif self._last is None or not -STEP_BACK <= there - self._last <= passed + STEP_AHEAD:
            # Not from the last packet on: of MPEG-TS, a picture is only complete, and seen, when the next one begins.
            self._shift = max(self._end, Fraction(now - self._zero).limit_denominator(1000)) - there
        here = there + self._shift
        # What was buffered while the source was looked at comes in a burst; its last packet tells the time best.
        self._zero = min(self._zero, now - float(here))
        self._last, self._end, self._seen = there, max(self._end, here), now
