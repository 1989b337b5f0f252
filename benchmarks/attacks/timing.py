"""Moves in time: faster, slower, frames lost. Nothing about the picture changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.attacks.moves import Move, Plan
from benchmarks.attacks.placement import Format, Placement

TICKS = 90_000
"""Time stamps a second, fine enough for any rate."""
TIMED = ("-fps_mode", "passthrough", "-enc_time_base", "filter", "-video_track_timescale", str(TICKS))
"""Makes ffmpeg's encoder take frames when they come, instead of on a clock of its own."""


@dataclass(frozen=True)
class Speed(Move):
    """Play all frames faster or slower; 1.25 is a quarter faster."""

    factor: float

    def plan(self, source: Format) -> Plan:
        """Say by which filters; the picture stays where it is."""
        filters = (f"settb=1/{TICKS}", f"setpts=PTS/{self.factor:g}")
        return Plan(filters, Placement(Format(source.width, source.height, source.rate * self.factor), np.eye(3)))


@dataclass(frozen=True)
class KeepEvery(Move):
    """Keep every so-manieth frame, at its time."""

    nth: int

    def plan(self, source: Format) -> Plan:
        """Say by which filters; the picture stays where it is."""
        filters = (f"settb=1/{TICKS}", f"select='not(mod(n,{self.nth}))'")
        return Plan(filters, Placement(Format(source.width, source.height, source.rate / self.nth), np.eye(3)))


@dataclass(frozen=True)
class DropAtRandom(Move):
    """Drop frames at random.

    Parameters
    ----------
    share : float
        Of the frames.
    seed : int
    closed : bool
        Whether the others close up, at the clip's rate, instead of keeping their times.
    """

    share: float
    seed: int
    closed: bool = False

    def plan(self, source: Format) -> Plan:
        """Say by which filters; the picture stays where it is."""
        # ffmpeg's random() keeps its state in a variable, which the first frame sets.
        kept = f"select='if(eq(n,0),st(1,{self.seed}));gte(random(1),{self.share:g})'"
        filters = [f"settb=1/{TICKS}", kept]
        if self.closed:
            filters.append(f"setpts=N*{TICKS / source.rate:.6f}")
        return Plan(tuple(filters), Placement(source, np.eye(3)))
