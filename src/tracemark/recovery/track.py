"""One way of seeing a leak, followed from record to record: evidence in, messages out.

A track sees all frames in one geometry. It keeps a record of the last seconds, decodes it now and then together with
all that came before, and once a message is certain goes on to see how long it lasts and whether another follows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from tracemark import coding
from tracemark.cores import check
from tracemark.payload import Payload
from tracemark.recovery.evidence import Evidence, gather, pilot_answers, place_gains, slot_answers
from tracemark.recovery.message import Message, Trials
from tracemark.recovery.reasons import PILOT_SEEN, WORTH
from tracemark.recovery.record import BINS_PER_SLOT, Record
from tracemark.recovery.slots import SlotFeatures, features_at, features_of
from tracemark.recovery.statistics import p_mistaken, score_needed
from tracemark.recovery.templates import Templates
from tracemark.recovery.timing import STEP, TURN, Phase, best_phases, pilot_features, turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.keys import Key
    from tracemark.profile import Profile
    from tracemark.recovery.sight import Sight

ATTEMPTS = (1.0, 2.0, 4.0)
"""Seconds of a record after which it is asked whether a known message goes on, and if not a decode is tried; then at
the end of every record."""

EARLY_RECORDS = 4
"""Records in which a decode is tried early; in later ones haste has no point any more."""

RECORD_SECONDS = 7.68
"""Seconds held in memory at a time: one cycle of patterns."""

WATCH = 1.0
"""Seconds of a leak's end that are worth a decode after a known message."""

GOES_ON = 6.5
"""Score of a known message, in deviations, at which it goes on: chance does this once in 10^8 looks."""


SHARES = ((-1, 1.0), (-1, 0.4), (1, 0.4))
"""Neighbouring slot, and its share in what a picture shows: codecs carry an old pattern on, and predict from a new."""

COLOURED = 1.4
"""Weight of chroma against luma in mixtures: between those of the readings of one slot."""


@dataclass
class _Reading:
    """What is known under one key."""

    key: Key
    templates: Templates
    turns: NDArray[np.float64] = field(default_factory=lambda: np.zeros(TURN + 1))
    older: dict[int, Evidence] = field(default_factory=dict)


class Track:
    """Follows one way of seeing a leak.

    Parameters
    ----------
    keys : sequence of Key
    record : Record
        Empty; it says how frames are seen.
    trials : Trials
        Shared by all tracks of a leak.
    phases : int
        Phases of the pilot that are decoded in a thorough attempt.
    still : bool
        Whether the leak is a single picture.
    sight : Sight or None
        That frames are seen through; None for the whole picture as it stands.

    Attributes
    ----------
    record : Record
    trials : Trials
        That its looks count in.
    messages : list of Message
        Those that are certain.
    best : Message or None
        The best since then.
    pilot : tuple of Key or None and float
        The pilot's best score, and whose.
    pilot_trace : list of tuple of float
        Slot by slot: its middle in seconds of the track, the pilot's answer, and variance that chance gives it.
    """

    def __init__(
        self,
        keys: Sequence[Key],
        record: Record,
        trials: Trials,
        *,
        phases: int = 2,
        still: bool = False,
        sight: Sight | None = None,
    ) -> None:
        self.record = record
        self.sight = sight
        self.still = still
        self.messages: list[Message] = []
        self.best: Message | None = None
        self.pilot: tuple[Key | None, float] = (None, -inf)
        self.pilot_trace: list[tuple[float, float, float]] = []
        self._gains: NDArray[np.float64] | None = None
        self._answers: list[tuple[float, float, float]] = []
        self._keys = list(keys)
        self._profile: Profile = record.profile
        self.trials = trials
        self._phases = phases
        self._readings: list[_Reading] = []
        self._attempted = 0.0
        self._closed = 0
        self._begun = self._last = record.first * record.bin_seconds
        self._finished = 0

    @property
    def span(self) -> tuple[float, float]:
        """Seconds from the beginning of the leak that the evidence in hand spans."""
        return self._begun, self._last

    @property
    def gains(self) -> NDArray[np.float64] | None:
        """What the pilot answered in every cell when evidence was last gathered."""
        return self._gains

    def frame_taken(self, time: float) -> None:
        """Decode if it is time to; call it after each frame given to `record`.

        Parameters
        ----------
        time : float
            Of the frame, in seconds from the beginning of the leak.
        """
        self._last = max(self._last, time)
        held = time - self.record.first * self.record.bin_seconds
        if self.still:
            return
        marks = ATTEMPTS if self.sight is None or self.messages else ATTEMPTS[-1:]  # a search has the pictures already
        if not any(self._attempted < mark <= held for mark in (*marks, RECORD_SECONDS)):
            return
        self._attempted = held
        if self.messages and self._goes_on(time):
            return
        if held >= RECORD_SECONDS:
            self._close(time)
        elif self._closed < EARLY_RECORDS:
            self._attempt(thorough=False)

    def finish(self) -> None:
        """Decode what is left, thoroughly; idle where nothing came since the last time."""
        if self.record.frames == self._finished:
            return
        self._finished = self.record.frames
        if self.best is not None and self.best.certain:
            return
        if self.messages and (self._goes_on(self._last) or self._last - self._begun < WATCH):
            return
        self._attempt(thorough=True)
        if self.best is not None and not self.still:
            self.best = replace(self.best, trace=self._trace(self.best))

    def _attempt(self, *, thorough: bool) -> None:
        """Decode the record in hand with all that came before it.

        A thorough attempt tries more phases, luma and chroma apart, mixtures of slots in a picture, and the key frames
        alone, too.
        """
        for reading, totals in zip(self._read(), self._turns(), strict=True):
            made: dict[int, SlotFeatures] = {}
            for phase in self._likely(reading, totals, self._phases if thorough else 1):
                offsets = self._evidence(reading, phase, made)
                ways = [offsets]
                if thorough:
                    ways += [[each.readings()[which] for each in offsets] for which in (3, 1, 2)]
                    ways += self._mixtures(reading, phase, offsets, made) if self.still else []
                    ways += self._key_frames(reading, phase)
                for way in ways:
                    self._decode_best(reading, way, phase)
                    certain = self.best is not None and self.best.certain
                    if self.trials.listener and (thorough or certain):
                        self.trials.listener.hear(self, reading.key, reading.templates, phase, way)
                    if certain:
                        self._settle()
                        return

    def _close(self, time: float) -> None:
        """Add the full record's evidence to what is kept, and begin the next."""
        for reading, totals in zip(self._read(), self._turns(), strict=True):
            reading.turns = totals
            made: dict[int, SlotFeatures] = {}
            kept: dict[int, Evidence] = {}
            for phase in self._likely(reading, totals, 2):
                offsets = self._evidence(reading, phase, made)
                kept |= {phase.bins + TURN * pair: evidence for pair, evidence in enumerate(offsets)}
                self._decode_best(reading, offsets, phase)
            reading.older = kept
        self._closed += 1
        self.pilot_trace += self._answers
        if self.best is not None and self.best.certain:
            self._settle()
        else:
            self._next(time)

    def _settle(self) -> None:
        """Put the best message away and look on from here."""
        assert self.best is not None
        fresh = replace(self.best, start=self._begun, end=self._last, trace=self._trace(self.best))
        for number, known in enumerate(self.messages):
            if known.continues(fresh, STEP):
                self.messages[number] = known.joined(fresh)
                break
        else:
            self.messages.append(fresh)
        self.best = None
        for reading in self._readings:
            reading.older, reading.turns = {}, np.zeros(TURN + 1)
        self._next(self._last + self.record.bin_seconds)
        self._begun = self._last

    def _trace(self, message: Message) -> tuple[tuple[float, float, float], ...]:
        """Ask each slot of the record in hand about a message."""
        reading = next(each for each in self._read() if each.key == message.key)
        phase = message.offset % TURN
        features = features_at(self.record, phase % BINS_PER_SLOT, self._profile)
        evidence = gather(features, phase, reading.templates, self._profile)[message.offset // TURN]
        return self._traced(reading, evidence, message.offset, message)

    def _traced(
        self, reading: _Reading, evidence: Evidence, offset: int, message: Message
    ) -> tuple[tuple[float, float, float], ...]:
        said = np.append(message.signs, np.zeros(self._profile.clock_groups))
        templates, made = reading.templates, []
        for slot in sorted(evidence.clock):
            pattern = slot % self._profile.patterns
            votes = (evidence.luma[pattern], evidence.blue[pattern], evidence.red[pattern])
            bits = (templates.luma_bits[pattern], templates.chroma_bits[pattern], templates.chroma_bits[pattern])
            total = sum(float(said[which] @ vote) for which, vote in zip(bits, votes, strict=True))
            energy = sum(float(vote @ vote) for vote in votes)
            middle = (slot * BINS_PER_SLOT - offset + BINS_PER_SLOT / 2) * self.record.bin_seconds
            made.append((max(middle, 0.0), total, energy))
        return tuple(made)

    def _next(self, time: float) -> None:
        self.record = self.record.successor(time)
        self._attempted, self._finished = 0.0, 0

    def _goes_on(self, time: float) -> bool:
        """Ask whether a message that was found before is still shown; if so, begin anew after it."""
        for reading, totals in zip(self._read(), self._turns(), strict=True):
            known = [number for number, each in enumerate(self.messages) if each.key == reading.key]
            made: dict[int, SlotFeatures] = {}
            for phase in self._likely(reading, totals, 2) if known else []:
                for pair, evidence in enumerate(self._evidence(reading, phase, made)):
                    soft, energy = evidence.soft_bits(reading.templates), evidence.energy
                    for number in known[::-1]:
                        message = self.messages[number]
                        if energy > 0 and float(soft @ message.signs) >= GOES_ON * np.sqrt(energy):
                            clock = dict(message.clock)
                            if abs(phase.bins + TURN * pair - message.offset) <= STEP:
                                clock |= evidence.clock
                            trace = message.trace + self._traced(reading, evidence, phase.bins + TURN * pair, message)
                            self.messages[number] = replace(message, end=time, clock=clock, trace=trace)
                            self._next(time + self.record.bin_seconds)
                            self._begun = time
                            return True
        return False

    def _read(self) -> list[_Reading]:
        if not self._readings and self.record.shape is not None:
            self._readings = [_Reading(key, Templates.of(key, self._profile, self.record.shape)) for key in self._keys]
        return self._readings

    def _turns(self) -> list[NDArray[np.float64]]:
        """Pilot correlations of every key, older records included."""
        features = pilot_features(self.record, self._profile)
        return [reading.turns + turns(features, self.record.first, reading.templates) for reading in self._read()]

    def _likely(self, reading: _Reading, totals: NDArray[np.float64], count: int) -> list[Phase]:
        if self.still:  # one picture shows one slot: an even or an odd one
            return [Phase(0, float(totals[0])), Phase(BINS_PER_SLOT, float(totals[BINS_PER_SLOT]))]
        found = best_phases(totals, count)
        if found[0].score > self.pilot[1] or self.pilot[0] is reading.key:
            self.pilot = (reading.key, found[0].score)
        return found

    def _evidence(self, reading: _Reading, phase: Phase, made: dict[int, SlotFeatures]) -> list[Evidence]:
        """Evidence at every offset of a phase."""
        inside = phase.bins % BINS_PER_SLOT
        if inside not in made:
            made[inside] = features_at(self.record, inside, self._profile)
        slots = made[inside].first_slot + phase.bins // BINS_PER_SLOT + np.arange(len(made[inside].held))
        answers = pilot_answers(made[inside], slots, reading.templates)
        self._gains = place_gains(answers, reading.templates)[0]
        self._answers = [
            ((int(slot) * BINS_PER_SLOT - phase.bins + BINS_PER_SLOT / 2) * self.record.bin_seconds, *answer)
            for slot, answer in zip(slots, slot_answers(made[inside], answers), strict=True)
        ]
        fresh = gather(made[inside], phase.bins, reading.templates, self._profile)
        return [each + self._older(reading, phase.bins + TURN * pair) for pair, each in enumerate(fresh)]

    def _older(self, reading: _Reading, offset: int) -> Evidence:
        cycle = self._profile.patterns * BINS_PER_SLOT
        for near in (0, -1, 1, -2, 2):  # a phase may have moved by a step since; offsets lie on a ring
            if (old := reading.older.get((offset + near) % cycle)) is not None:
                return old
        return Evidence.none(reading.templates)

    def _mixtures(
        self, reading: _Reading, phase: Phase, offsets: list[Evidence], made: dict[int, SlotFeatures]
    ) -> list[list[Evidence]]:
        """Read a picture as a mixture of two neighbouring slots' patterns, as one more way each."""
        odd = phase.bins == BINS_PER_SLOT
        others = self._evidence(reading, replace(phase, bins=0 if odd else BINS_PER_SLOT), made)
        near = {-1: others if odd else others[-1:] + others[:-1], 1: others[1:] + others[:1] if odd else others}
        return [
            [(own + other.weighed(share)).coloured(COLOURED) for own, other in zip(offsets, near[by], strict=True)]
            for by, share in SHARES
        ]

    def _key_frames(self, reading: _Reading, phase: Phase) -> list[list[Evidence]]:
        """Read the key frames alone, as one more way to read the leak; none if there is nothing else."""
        if self.still:
            return []
        inside = phase.bins % BINS_PER_SLOT
        alone = [
            gather(features_of(each, self.record, inside, self._profile), phase.bins, reading.templates, self._profile)
            for each in self.record.key_frames
        ]
        return [[sum(each[1:], each[0]) for each in zip(*alone, strict=True)]] if alone else []

    def _decoded(self, soft: NDArray[np.float64], energy: float, phase: Phase) -> coding.Decoded:
        """Decode an evidence vector; where no message in it is worth the time, the answer is inconsistent."""
        votes = soft.astype(np.float32)
        if self.still or (self.sight is None and phase.score >= PILOT_SEEN):
            return coding.decode(votes)  # how far it is from being found will be told

        def hopeful(trials: int) -> coding.Decoded:
            return coding.decode(votes, score_needed(trials, WORTH) * np.sqrt(energy))

        # what more trials leave no hope for is inconsistent, and so is what fewer leave none for
        return self.trials.told(hopeful, lambda decoded: not decoded.consistent)

    def _decode_best(self, reading: _Reading, offsets: list[Evidence], phase: Phase) -> None:
        """Decode at the offset where cells agree best; all of them count as tried."""
        check()
        self.trials.count += len(offsets)
        agreements = [each.agreement(reading.templates) for each in offsets]
        pair = int(np.argmax(agreements))
        evidence = offsets[pair]
        energy = evidence.energy
        if energy <= 0:
            return
        soft = evidence.soft_bits(reading.templates)
        decoded = self._decoded(soft, energy, phase)
        signs = decoded.codeword.astype(np.float64) * 2 - 1
        score = float(soft @ signs / np.sqrt(energy))
        best = self.best
        if best is None or score > best.score:
            mistaken = 1.0
            if self.trials.log_p_false(score) < 0:  # else there is nothing to be mistaken about
                mistaken = p_mistaken(soft / np.sqrt(energy), score, decoded)
            best = Message(
                key=reading.key,
                payload=Payload.unscramble(decoded.bits, reading.key),
                signs=signs,
                score=score,
                log_p_false=0.0,
                p_mistaken=mistaken,
                offset=phase.bins + TURN * pair,
                start=self._begun,
                end=self._last,
                clock=evidence.clock,
                pilot=phase.score,
                places=self._gains,
            )
        # every try counts, also those after the best one
        self.best = replace(best, log_p_false=self.trials.log_p_false(best.score))
