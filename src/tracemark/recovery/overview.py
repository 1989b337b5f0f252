"""The whole clip listened to once more, for the members in it: all of it together, and in parts.

Blind decoding is content once a message is certain, and begins anew. Members who merged their copies are told apart by
all that the clip says: together, for those who mixed their copies all along; in parts of time, for those who took
turns; in parts of the picture, for those who cut their copies to pieces; and each frame against those beside it, for
those who took frames in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tracemark.coding import CODE_BITS
from tracemark.recovery.contrast import Contrast
from tracemark.recovery.evidence import Evidence, gather
from tracemark.recovery.listener import Heard
from tracemark.recovery.record import BINS_PER_SLOT, Record
from tracemark.recovery.slots import features_at
from tracemark.recovery.templates import Templates
from tracemark.recovery.timing import TURN, best_phases, pilot_features, turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tracemark.frames import Frame
    from tracemark.keys import Key
    from tracemark.profile import Profile
    from tracemark.recovery.listener import Where
    from tracemark.recovery.timing import Phase

STRETCH_SLOTS = 14
"""Slots taken in at a time: with those that are cut at both ends no more than there are patterns."""

WINDOWS = (2, 4, 8)
"""Slots in the parts of time, each of which begins in the middle of the one before."""

LATEST_SLOTS = 1500
"""Slots of a long leak whose parts of time are kept, 12 minutes: the latest."""

PHASES = 2
"""Phases of the pilot that the clip is listened to at."""

PARTS = (
    *((left, 0.0, left + 0.5, 1.0) for left in (0.0, 0.5)),
    *((0.0, top, 1.0, top + 0.5) for top in (0.0, 0.5)),
    *((left, top, left + 0.5, top + 0.5) for left in (0.0, 0.5) for top in (0.0, 0.5)),
)
"""Parts of the picture that are listened to alone, its halves and quarters: left, top, right and bottom edges."""

Kept = TypeVar("Kept")

NEAR = (0, -1, 1, -2, 2)
"""Bins by which a phase may have moved from one stretch to the next."""


@dataclass(frozen=True, eq=False)
class _Slot:
    """What one slot says at one offset."""

    soft: NDArray[np.float32]
    energy: float
    clock: NDArray[np.float64]


@dataclass
class _Reading:
    """What was heard under one key, by offset."""

    key: Key
    templates: Templates
    turns: NDArray[np.float64] = field(default_factory=lambda: np.zeros(TURN + 1))
    sums: dict[int, Evidence] = field(default_factory=dict)
    contrasts: dict[int, Evidence] = field(default_factory=dict)
    slots: dict[int, dict[int, _Slot]] = field(default_factory=dict)


class Overview:
    """Listens to the whole picture as it stands, from the first frame to the last.

    Parameters
    ----------
    keys : sequence of Key
    record : Record
        Empty; it says how frames are seen.
    """

    def __init__(self, keys: Sequence[Key], record: Record) -> None:
        self._keys = list(keys)
        self._profile: Profile = record.profile
        self._record = record
        self._contrast = Contrast()
        self._held = record.successor(0.0)
        self._readings: list[_Reading] = []
        self._last = 0.0

    def add(self, frame: Frame, time: float) -> None:
        """Take in a frame.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        time : float
            Seconds from the beginning of the leak.
        """
        picture, colours = self._record.seen(frame)
        held = self._contrast.add(picture.copy(), colours.copy(), time)
        self._record.place(picture, colours, time, key_frame=False)
        if held:
            self._held.place(*held, key_frame=False)
        self._last = max(self._last, time)
        if time >= self._record.first * self._record.bin_seconds + STRETCH_SLOTS * self._profile.slot_seconds:
            self._close()
            self._record = self._record.successor(time + self._record.bin_seconds)
            self._held = self._record.successor(time + self._record.bin_seconds)

    def heard(self) -> Iterator[Heard]:
        """Give the clip's evidence at every offset and in all readings, then that of its parts.

        Yields
        ------
        Heard
        """
        if self._record.frames:
            self._close()
        for reading in self._readings:
            likely = best_phases(reading.turns, PHASES)
            for phase in likely:
                yield from self._whole(reading, phase)
                yield from self._contrasts(reading, phase)
            yield from self._parts(reading, likely[0])

    def _whole(self, reading: _Reading, phase: Phase) -> Iterator[Heard]:
        for offset in self._offsets(phase):
            whole = _nearest(reading.sums, offset, self._cycle)
            for evidence in whole.readings() if whole else ():
                yield from self._made(reading, "whole", evidence, offset, phase)

    def _contrasts(self, reading: _Reading, phase: Phase) -> Iterator[Heard]:
        for offset in self._offsets(phase):
            evidence = _nearest(reading.contrasts, offset, self._cycle)
            for heard in self._made(reading, "part", evidence, offset, phase) if evidence else ():
                yield heard
                yield replace(heard, soft=-heard.soft)

    def _parts(self, reading: _Reading, phase: Phase) -> Iterator[Heard]:
        for offset in self._offsets(phase):
            whole = _nearest(reading.sums, offset, self._cycle)
            for evidence in _parts(whole, reading.templates) if whole else ():
                yield from self._made(reading, "part", evidence, offset, phase)
            slots = _nearest(reading.slots, offset, self._cycle)
            yield from self._windows(reading.key, slots, offset, phase) if slots else ()

    def _close(self) -> None:
        """Add the record in hand to what was heard."""
        record, profile = self._record, self._profile
        assert record.shape is not None
        self._held.shape = record.shape
        if not self._readings:
            self._readings = [_Reading(key, Templates.of(key, profile, record.shape)) for key in self._keys]
        pilot = pilot_features(record, profile)
        for reading in self._readings:
            reading.turns = reading.turns + turns(pilot, record.first, reading.templates)
            sums: dict[int, Evidence] = {}
            contrasts: dict[int, Evidence] = {}
            slots: dict[int, dict[int, _Slot]] = {}
            for phase in best_phases(reading.turns, PHASES):
                features = features_at(record, phase.bins % BINS_PER_SLOT, profile)
                fresh = gather(features, phase.bins, reading.templates, profile)
                for offset, evidence in zip(self._offsets(phase), fresh, strict=True):
                    older = _nearest(reading.sums, offset, self._cycle)
                    sums[offset] = evidence + older if older else evidence
                    known = _nearest(reading.slots, offset, self._cycle) or {}
                    slots[offset] = _latest(known, _slots(evidence, reading.templates))
                features = features_at(self._held, phase.bins % BINS_PER_SLOT, profile)
                fresh = gather(features, phase.bins, reading.templates, profile) if self._held.frames else []
                for offset, evidence in zip(self._offsets(phase), fresh, strict=bool(fresh)):
                    older = _nearest(reading.contrasts, offset, self._cycle)
                    contrasts[offset] = evidence + older if older else evidence
            reading.sums, reading.contrasts, reading.slots = sums, contrasts, slots

    @property
    def _cycle(self) -> int:
        return self._profile.patterns * BINS_PER_SLOT

    def _offsets(self, phase: Phase) -> list[int]:
        return [phase.offset(pair) for pair in range(self._profile.patterns // 2)]

    def _made(self, reading: _Reading, where: Where, evidence: Evidence, offset: int, phase: Phase) -> Iterator[Heard]:
        if (energy := evidence.energy) > 0:
            soft = evidence.soft_bits(reading.templates)
            yield Heard(reading.key, where, soft, energy, None, offset, 0.0, self._last, phase.score, evidence.clock)

    def _windows(self, key: Key, slots: dict[int, _Slot], offset: int, phase: Phase) -> Iterator[Heard]:
        numbers = sorted(slots)
        for length in WINDOWS:
            for first in range(numbers[0], numbers[-1] + 2 - length, length // 2):
                held = [number for number in range(first, first + length) if number in slots]
                energy = sum(slots[number].energy for number in held)
                if energy > 0:
                    yield Heard(
                        key=key,
                        where="part",
                        soft=np.asarray(np.sum([slots[number].soft for number in held], axis=0), np.float64),
                        energy=energy,
                        sight=None,
                        offset=offset,
                        start=self._time(held[0], offset),
                        end=self._time(held[-1] + 1, offset),
                        pilot=phase.score,
                        clock={number: slots[number].clock for number in held},
                    )

    def _time(self, slot: int, offset: int) -> float:
        return min(max((slot * BINS_PER_SLOT - offset) * self._record.bin_seconds, 0.0), self._last)


def _nearest(kept: dict[int, Kept], offset: int, cycle: int) -> Kept | None:
    return next((kept[place] for near in NEAR if (place := (offset + near) % cycle) in kept), None)


def _slots(evidence: Evidence, templates: Templates) -> dict[int, _Slot]:
    """Take evidence apart that holds each pattern once."""
    made = {}
    for slot, clock in evidence.clock.items():
        pattern = slot % len(evidence.luma)
        votes = (evidence.luma[pattern], evidence.blue[pattern], evidence.red[pattern])
        kinds = (templates.luma_bits[pattern], templates.chroma_bits[pattern], templates.chroma_bits[pattern])
        soft = sum(np.bincount(bits, cells, CODE_BITS)[:CODE_BITS] for bits, cells in zip(kinds, votes, strict=True))
        made[slot] = _Slot(np.asarray(soft, np.float32), sum(float(cells @ cells) for cells in votes), clock)
    return made


def _latest(known: dict[int, _Slot], fresh: dict[int, _Slot]) -> dict[int, _Slot]:
    """Add slots; of one that two stretches share, the part that says more is kept, because their chips are the same."""
    both = known | {slot: each for slot, each in fresh.items() if slot not in known or each.energy > known[slot].energy}
    return {slot: both[slot] for slot in sorted(both)[-LATEST_SLOTS:]}


def _parts(evidence: Evidence, templates: Templates) -> Iterator[Evidence]:
    """Cut the picture into parts."""
    for part in PARTS:
        luma = _inside(part, templates.luma.shape[1:3])
        chroma = _inside(part, templates.chroma.shape[2:4])
        yield Evidence(evidence.luma * luma, evidence.blue * chroma, evidence.red * chroma, evidence.clock)


def _inside(part: tuple[float, float, float, float], shape: Sequence[int]) -> NDArray[np.bool_]:
    (left, top, right, bottom), (rows, columns) = part, shape
    across, down = (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows
    inside = ((down >= top) & (down < bottom))[:, None] & ((across >= left) & (across < right))
    return np.asarray(inside.ravel(), np.bool_)
