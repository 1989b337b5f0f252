"""Evidence: what every cell says about its code bit, added up pattern by pattern."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tracemark import coding
from tracemark.recovery.features import PARTS, slot_features
from tracemark.recovery.record import BINS_PER_SLOT
from tracemark.recovery.templates import in_band

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.record import KeyFrame, Record
    from tracemark.recovery.templates import Templates

    Samples = NDArray[np.float32]

LEAST_WEIGHT = 0.15
"""Weight that a slot keeps at least, relative to the mean slot: a pilot of one slot is a rough measure."""


@dataclass(frozen=True)
class SlotFeatures:
    """Features of a record for one phase of the slots; they serve every key and every offset of that phase.

    Attributes
    ----------
    first_slot : int
        Number of the first slot, counted so that an offset of 0 puts slot 0 at bin 0.
    luma : ndarray of float32, shape (slots, rows, columns, n)
    chroma : ndarray of float32, shape (slots, 2, rows, columns, n)
    held : ndarray of bool, shape (slots,)
        Slots that frames fell into.
    """

    first_slot: int
    luma: Samples
    chroma: Samples
    held: NDArray[np.bool_]


def features_at(record: Record, phase: int, profile: Profile) -> SlotFeatures:
    """Cut a record into slots and make their features.

    Parameters
    ----------
    record : Record
    phase : int
        Bins of the first slot that lie before bin 0 of the leak, 0 to ``BINS_PER_SLOT - 1``.
    profile : Profile

    Returns
    -------
    SlotFeatures
    """
    first_slot = (record.first + phase) // BINS_PER_SLOT
    start = first_slot * BINS_PER_SLOT - phase - record.first
    luma, chroma, frames = record.averages(start, BINS_PER_SLOT // PARTS)
    slots = -(-len(frames) // PARTS)
    missing = slots * PARTS - len(frames)
    frames = np.pad(frames, (0, missing))
    pad = [(0, missing)] + [(0, 0)] * 3
    in_luma = np.pad(in_band(luma, profile, "luma"), pad)
    in_chroma = in_band(chroma, profile, "chroma")
    luma_features, held = slot_features(in_luma, frames, slots)
    chroma_features = [slot_features(np.pad(in_chroma[:, k], pad), frames, slots)[0] for k in (0, 1)]
    return SlotFeatures(first_slot, luma_features, np.stack(chroma_features, axis=1), held)


def features_of(picture: KeyFrame, record: Record, phase: int, profile: Profile) -> SlotFeatures:
    """Make the features of one frame alone.

    Parameters
    ----------
    picture : KeyFrame
    record : Record
        That it belongs to.
    phase : int
        As for `features_at`.
    profile : Profile

    Returns
    -------
    SlotFeatures
        Of one slot.
    """
    assert record.shape is not None
    once = np.array([1] + [0] * (PARTS - 1), np.int64)

    def alone(samples: Samples, kind: str) -> Samples:
        coefficients = in_band(samples[None], profile, kind)
        return slot_features(np.pad(coefficients, [(0, PARTS - 1), (0, 0), (0, 0), (0, 0)]), once, 1)[0]

    luma = alone(record.shape.luma.pad(picture.luma), "luma")
    chroma = [alone(record.shape.chroma.pad(colour), "chroma") for colour in picture.chroma]
    slot = (picture.number + phase) // BINS_PER_SLOT
    return SlotFeatures(slot, luma, np.stack(chroma, axis=1), np.ones(1, bool))


@dataclass
class Evidence:
    """What the cells of every pattern say, for one key at one offset.

    Parameters
    ----------
    luma, blue, red : ndarray of float64, shape (patterns, cells)
        Signed evidence of each cell for its code bit; positive speaks for a 1. Cells of the clock are zero here.
    clock : dict of int to ndarray of float64, shape (groups,)
        What the cells of the clock say, by the number of the slot from the beginning of the leak's first cycle.
    """

    luma: NDArray[np.float64]
    blue: NDArray[np.float64]
    red: NDArray[np.float64]
    clock: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def none(cls, templates: Templates) -> Evidence:
        """Begin without any evidence."""
        luma, chroma = templates.luma_bits.shape, templates.chroma_bits.shape
        return cls(np.zeros(luma), np.zeros(chroma), np.zeros(chroma))

    def __add__(self, other: Evidence) -> Evidence:
        """Add what another stretch of the same leak says.

        Cells of the same pattern are added before anything is squared: their chips are the same.
        """
        clock = dict(self.clock)
        for slot, votes in other.clock.items():
            clock[slot] = clock[slot] + votes if slot in clock else votes
        return Evidence(self.luma + other.luma, self.blue + other.blue, self.red + other.red, clock)

    def weighed(self, weight: float) -> Evidence:
        """Count all of it so many times."""
        clock = {slot: votes * weight for slot, votes in self.clock.items()}
        return Evidence(self.luma * weight, self.blue * weight, self.red * weight, clock)

    def readings(self) -> list[Evidence]:
        """Say it whole, in luma alone and in chroma alone: a leak may have kept only one of them.

        Every reading that is decoded counts as a trial.
        """
        nothing = np.zeros_like(self.luma), np.zeros_like(self.blue)
        return [
            self,
            Evidence(self.luma, nothing[1], nothing[1], self.clock),
            Evidence(nothing[0], self.blue, self.red, self.clock),
        ]

    def soft_bits(self, templates: Templates) -> NDArray[np.float64]:
        """Evidence of each code bit.

        Parameters
        ----------
        templates : Templates

        Returns
        -------
        ndarray of float64, shape (384,)
        """
        bits = [templates.luma_bits, templates.chroma_bits, templates.chroma_bits]
        parts = [self.luma, self.blue, self.red]
        votes = [
            np.bincount(which.ravel(), weights=part.ravel(), minlength=coding.CODE_BITS)[: coding.CODE_BITS]
            for which, part in zip(bits, parts, strict=True)
        ]
        return np.asarray(np.sum(votes, axis=0), np.float64)

    @property
    def energy(self) -> float:
        """Sum of the squares of all cells' evidence: the variance of any codeword's score under chance."""
        return float(sum((part * part).sum() for part in (self.luma, self.blue, self.red)))


def gather(features: SlotFeatures, offset: int, templates: Templates, profile: Profile) -> Evidence:
    """Correlate features with a key's chips at an offset.

    Slots are weighed by what their pilots show. The pilot's phases are drawn apart from the chips, so the weights
    leave the chance behaviour of the evidence as it is.

    Parameters
    ----------
    features : SlotFeatures
        Of the phase ``offset % BINS_PER_SLOT``.
    offset : int
        Bins from the start of a cycle to the start of the leak.
    templates : Templates
    profile : Profile

    Returns
    -------
    Evidence
    """
    evidence = Evidence.none(templates)
    slots = features.first_slot + offset // BINS_PER_SLOT + np.arange(len(features.held))
    numbers = slots % profile.patterns
    weights = _slot_weights(features, numbers, templates)
    for index in np.flatnonzero(features.held):
        pattern, weight = numbers[index], weights[index]
        luma = weight * (features.luma[index] * templates.luma[pattern]).sum(-1).ravel()
        both = weight * (features.chroma[index] * templates.chroma[pattern]).sum(-1).reshape(2, -1)
        clock = np.zeros(profile.clock_groups)
        for votes, bits in (
            (luma, templates.luma_bits),
            (both[0], templates.chroma_bits),
            (both[1], templates.chroma_bits),
        ):
            tells = bits[pattern] >= coding.CODE_BITS
            clock += np.bincount(bits[pattern][tells] - coding.CODE_BITS, votes[tells], profile.clock_groups)
            votes[tells] = 0
        evidence.luma[pattern] += luma
        evidence.blue[pattern] += both[0]
        evidence.red[pattern] += both[1]
        evidence.clock[int(slots[index])] = clock
    return evidence


def _slot_weights(features: SlotFeatures, numbers: NDArray[np.int64], templates: Templates) -> NDArray[np.float64]:
    """Square root of each slot's pilot gain, shrunk to the mean gain by how well one slot measures it."""
    held = np.flatnonzero(features.held)
    weights = np.zeros(len(features.held))
    if len(held) < 2:
        weights[held] = 1.0
        return weights
    gains = np.array([(features.luma[i] * templates.pilot[numbers[i]]).sum() for i in held])
    noise = np.mean([np.mean(features.luma[i] ** 2) for i in held])  # variance of one gain under chance
    mean = max(gains.mean(), np.sqrt(noise))
    true_spread = max(gains.var() - noise, 0.0)
    shrunk = mean + true_spread / (true_spread + noise) * (gains - mean)
    weights[held] = np.sqrt(np.maximum(shrunk / mean, LEAST_WEIGHT))
    return weights
