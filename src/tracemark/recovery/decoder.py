"""The decoder: frames in, one by one, and a verdict out as soon as it is certain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Literal

import numpy as np

from tracemark import coding
from tracemark.payload import Payload
from tracemark.profile import PROFILE
from tracemark.recovery import reasons
from tracemark.recovery.evidence import Evidence, SlotFeatures, features_at, features_of, gather
from tracemark.recovery.record import BINS_PER_SLOT, Record
from tracemark.recovery.statistics import CERTAIN, FOUND, MISTAKEN, log_p_false, probability
from tracemark.recovery.templates import Templates
from tracemark.recovery.timing import Offset, best_offsets, offsets, pilot_features
from tracemark.recovery.verdict import Decoding, Geometry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.frames import Frame
    from tracemark.keys import Key
    from tracemark.profile import Profile

Effort = Literal["fast", "normal", "max"]

ATTEMPTS = (0.5, 1.0, 2.0, 4.0)
"""Seconds of a record after which a decode is tried; then at the end of every record."""

RECORD_SECONDS = PROFILE.cycle_seconds
"""Seconds held in memory at a time: one cycle of patterns."""

OFFSETS = {"fast": 2, "normal": 4, "max": 16}
"""Offsets decoded at the end of a leak, by effort; while reading only the best is tried."""

STILL_OFFSETS = {"fast": 4, "normal": 8, "max": 16}
"""Patterns decoded for a single picture, by effort."""

STILL_MIXTURES = {"fast": 0, "normal": 4, "max": 16}
"""Patterns that are also decoded together with their neighbours, by effort."""

SHARES = ((-1, 1.0), (-1, 0.4), (1, 0.4), (1, 1.0))
"""Neighbouring slot, and its share in what a picture shows: codecs carry an old pattern on, and predict from a new."""


@dataclass
class _Reading:
    """What is known under one key."""

    key: Key
    templates: Templates
    total: NDArray[np.float64]
    older: dict[int, Evidence] = field(default_factory=dict)


@dataclass(frozen=True)
class _Best:
    """The best message so far."""

    key: Key
    payload: Payload
    score: float
    log_p_false: float
    p_mistaken: float


class Recovery:
    """Recovers the payload from the frames of one leak.

    Parameters
    ----------
    keys : sequence of Key
        Keys that the leak may have been marked with.
    effort : {"fast", "normal", "max"}
        How many alignments to try before giving up.
    still : bool
        Whether the leak is a single picture.
    pixel_aspect : float
        Displayed width over height of a pixel.
    profile : Profile
        The wire format.
    """

    def __init__(
        self,
        keys: Sequence[Key],
        *,
        effort: Effort = "normal",
        still: bool = False,
        pixel_aspect: float = 1.0,
        profile: Profile = PROFILE,
    ) -> None:
        self._profile = profile
        self._keys = list(keys)
        self._still = still
        self._effort: Effort = effort
        self._record = Record(profile, pixel_aspect)
        self._readings: list[_Reading] = []
        self._tries = 0
        self._origin: float | None = None
        self._last = 0.0
        self._frames = 0
        self._attempted = 0.0
        self._best: _Best | None = None
        self._pilot: tuple[Key | None, float] = (None, -inf)
        self._quality = reasons.Quality()

    def add(self, frame: Frame, time: float) -> bool:
        """Take in a frame.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        time : float
            Presentation time in seconds; only differences count.

        Returns
        -------
        bool
            Whether the verdict is certain, so that reading on is idle.
        """
        if self._origin is None:
            self._origin = time
        elapsed = time - self._origin
        start = self._record.first * self._record.bin_seconds
        if elapsed - start >= RECORD_SECONDS:
            self._close(elapsed)
            start = self._record.first * self._record.bin_seconds
        self._quality.look(frame)
        self._record.add(frame, elapsed)
        self._frames += 1
        self._last = max(self._last, elapsed)
        held = elapsed - start
        if not self._still and any(self._attempted < mark <= held for mark in ATTEMPTS):
            self._attempted = held
            self._attempt(1, thorough=False)
        return self.certain

    @property
    def certain(self) -> bool:
        """Whether a message is known beyond all reasonable doubt."""
        best = self._best
        return best is not None and max(probability(best.log_p_false), best.p_mistaken) <= CERTAIN

    def finish(self) -> Decoding:
        """Decode what is left and give the verdict.

        Returns
        -------
        Decoding
        """
        if self._record.frames and not self.certain:
            self._still = self._still or self._frames == 1  # a film of one frame is a picture
            self._attempt((STILL_OFFSETS if self._still else OFFSETS)[self._effort], thorough=True)
        best, (pilot_key, pilot) = self._best, self._pilot
        p_false = probability(best.log_p_false) if best else 1.0
        p_mistaken = best.p_mistaken if best else 1.0
        foreign = p_false > FOUND
        found = best is not None and not foreign and p_mistaken <= MISTAKEN
        suspected = not found and (not foreign or (pilot >= reasons.PILOT_SEEN and not self._still))
        seconds = self._last + (self._last / max(self._frames - 1, 1) if not self._still else 0.0)
        why = reasons.explain(
            self._quality,
            found=found,
            foreign=foreign,
            still=self._still,
            pilot=pilot,
            score=best.score if best else 0.0,
            trials=max(self._tries, 1),
            seconds=seconds,
            several_keys=len(self._keys) > 1,
        )
        key = best.key if best and not foreign else pilot_key if suspected else None
        return Decoding(
            verdict="found" if found else "inconclusive" if suspected else "absent",
            payload=best.payload if found and best else None,
            p_false=p_false,
            p_mistaken=p_mistaken,
            method="payload",
            key_id=key.id if key else None,
            frames_used=self._frames,
            seconds_used=round(seconds, 3),
            geometry=Geometry(),
            reasons=tuple(why),
            score=round(best.score, 3) if best else 0.0,
            trials=self._tries,
        )

    def _attempt(self, count: int, *, thorough: bool) -> None:
        """Decode the record in hand with all that came before it, at the `count` likeliest offsets of every key.

        A thorough attempt tries luma and chroma apart, and the key frames alone, too.
        """
        for reading, totals in zip(self._read(), self._pilots(), strict=True):
            phases: dict[int, SlotFeatures] = {}
            for rank, offset in enumerate(self._likely(reading, totals, count)):
                evidence = self._evidence(reading, offset.bins, phases)
                parts = [*evidence.readings(), *self._key_frames(reading, offset.bins)] if thorough else [evidence]
                if self._still and rank < STILL_MIXTURES[self._effort]:
                    parts += self._mixtures(reading, offset.bins, evidence, phases)
                for part in parts:
                    self._decode(reading, part)
                    if self.certain:
                        return

    def _close(self, elapsed: float) -> None:
        """Add the full record's evidence to what is kept, and begin the next."""
        for reading, totals in zip(self._read(), self._pilots(), strict=True):
            reading.total = totals
            phases: dict[int, SlotFeatures] = {}
            kept = {}
            for offset in self._likely(reading, totals, 2):
                evidence = self._evidence(reading, offset.bins, phases)
                kept[offset.bins] = evidence
                self._decode(reading, evidence)
            reading.older = kept
        self._record = self._record.successor(elapsed)
        self._attempted = 0.0

    def _read(self) -> list[_Reading]:
        shape = self._record.shape
        if not self._readings and shape is not None:
            cycle = self._profile.patterns * BINS_PER_SLOT
            self._readings = [
                _Reading(key, Templates.of(key, self._profile, shape), np.zeros(cycle)) for key in self._keys
            ]
        return self._readings

    def _pilots(self) -> list[NDArray[np.float64]]:
        """Pilot correlations of every key, older records included."""
        features = pilot_features(self._record, self._profile)
        return [
            reading.total + offsets(features, self._record.first, reading.templates, self._profile)
            for reading in self._read()
        ]

    def _likely(self, reading: _Reading, totals: NDArray[np.float64], count: int) -> list[Offset]:
        if self._still:  # one picture shows one pattern: only whole slots differ
            slots = totals[::BINS_PER_SLOT]
            order = np.argsort(-slots)[:count]
            found = [Offset(int(slot) * BINS_PER_SLOT, float(slots[slot])) for slot in order]
        else:
            found = best_offsets(totals, count)
            if found[0].score > self._pilot[1] or self._pilot[0] is reading.key:
                self._pilot = (reading.key, found[0].score)
        return found

    def _evidence(self, reading: _Reading, offset: int, phases: dict[int, SlotFeatures]) -> Evidence:
        phase = offset % BINS_PER_SLOT
        if phase not in phases:
            phases[phase] = features_at(self._record, phase, self._profile)
        fresh = gather(phases[phase], offset, reading.templates, self._profile)
        cycle = self._profile.patterns * BINS_PER_SLOT
        near = [old for old in reading.older if (old - offset + 1) % cycle <= 2]  # offsets lie on a ring
        return fresh + reading.older[near[0]] if near else fresh

    def _key_frames(self, reading: _Reading, offset: int) -> list[Evidence]:
        """Read the key frames alone, as one more way to read the leak; none if there is nothing else."""
        if self._still:
            return []
        phase = offset % BINS_PER_SLOT
        alone = [
            gather(features_of(each, self._record, phase, self._profile), offset, reading.templates, self._profile)
            for each in self._record.key_frames
        ]
        return [sum(alone[1:], alone[0])] if alone else []

    def _mixtures(
        self, reading: _Reading, offset: int, evidence: Evidence, phases: dict[int, SlotFeatures]
    ) -> list[Evidence]:
        """Read a picture as a mixture of two slots' patterns, as one more way each."""
        near = {by: self._evidence(reading, offset + by * BINS_PER_SLOT, phases) for by in (-1, 1)}
        return [evidence + near[by].weighed(share) for by, share in SHARES]

    def _decode(self, reading: _Reading, evidence: Evidence) -> None:
        self._tries += 1
        energy = evidence.energy
        if energy <= 0:
            return
        soft = evidence.soft_bits(reading.templates)
        decoded = coding.decode(soft.astype(np.float32))
        signs = decoded.codeword.astype(np.float64) * 2 - 1
        score = float(soft @ signs / np.sqrt(energy))
        best = self._best
        if best is None or score > best.score:
            payload = Payload.unscramble(decoded.bits, reading.key)
            mistaken = 1.0
            if log_p_false(score, self._tries) < 0:  # else there is nothing to be mistaken about
                mistaken = coding.p_mistaken(soft * (score / np.sqrt(energy)), decoded)
            best = _Best(reading.key, payload, score, 0.0, mistaken)
        # every try counts, also those after the best one
        self._best = replace(best, log_p_false=log_p_false(best.score, self._tries))
