"""Evidence: what every cell says about its code bit, added up pattern by pattern."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark import coding
from tracemark.recovery.features import blurred
from tracemark.recovery.record import BINS_PER_SLOT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.slots import SlotFeatures
    from tracemark.recovery.templates import Templates

    Samples = NDArray[np.float32]

LEAST_WEIGHT = 0.15
"""Gain that a slot or place is taken to have at least, relative to the mean: its pilot is a rough measure."""

MORE_CHROMA = 2.0
"""Weight of chroma against luma in the reading that trusts chroma more (docs/decisions/0005)."""

PLACE = 5
"""Side, in luma cells, of the neighbourhood whose pilot weighs a place."""


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
        """Count all of it so many times, but for the clock, which is left out."""
        return Evidence(self.luma * weight, self.blue * weight, self.red * weight)

    def coloured(self, weight: float) -> Evidence:
        """Count chroma so many times."""
        return Evidence(self.luma, self.blue * weight, self.red * weight, self.clock)

    def readings(self) -> list[Evidence]:
        """Say it whole, in luma alone, in chroma alone, and whole with more of chroma.

        A leak may have kept only one of them; where the picture is busy, a chroma cell tells about twice as much as a
        luma cell. Every reading that is decoded counts as a trial.
        """
        nothing = np.zeros_like(self.luma), np.zeros_like(self.blue)
        return [
            self,
            Evidence(self.luma, nothing[1], nothing[1], self.clock),
            Evidence(nothing[0], self.blue, self.red, self.clock),
            self.coloured(MORE_CHROMA),
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

    def take(
        self,
        slot: int,
        pattern: int,
        votes: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
        templates: Templates,
        profile: Profile,
    ) -> None:
        """Add the votes of one slot's luma, Cb and Cr cells; those of the clock are kept apart."""
        clock = np.zeros(profile.clock_groups)
        kinds = (templates.luma_bits[pattern], templates.chroma_bits[pattern], templates.chroma_bits[pattern])
        for sums, cells, bits in zip((self.luma, self.blue, self.red), votes, kinds, strict=True):
            tells = bits >= coding.CODE_BITS
            clock += np.bincount(bits[tells] - coding.CODE_BITS, cells[tells], profile.clock_groups)
            sums[pattern] += np.where(tells, 0.0, cells)
        self.clock[slot] = clock

    def agreement(self, templates: Templates) -> float:
        """How well cells of the same code bit agree: their votes' energy together over their energy apart.

        About 1 by chance, ``1 + z ** 2 / 384`` at the right offset, for any message.
        """
        soft = self.soft_bits(templates)
        return float(soft @ soft) / max(self.energy, 1e-12)

    @property
    def energy(self) -> float:
        """Sum of the squares of all cells' evidence: the variance of any codeword's score under chance."""
        return float(sum((part * part).sum() for part in (self.luma, self.blue, self.red)))


def gather(features: SlotFeatures, phase: int, templates: Templates, profile: Profile) -> list[Evidence]:
    """Correlate features with a key's chips at every offset that begins at a phase of the pilot.

    Slots and places are weighed by what their pilots show. The pilot is drawn apart from the chips, so the weights
    leave the chance behaviour of the evidence as it is.

    Parameters
    ----------
    features : SlotFeatures
        Of the phase ``phase % BINS_PER_SLOT``.
    phase : int
        Bins from the start of an even slot to the start of the leak.
    templates : Templates
    profile : Profile

    Returns
    -------
    list of Evidence
        One for each pair of slots that the leak may begin in: at offset ``phase + 2 * BINS_PER_SLOT * number``.
    """
    pairs = profile.patterns // 2
    held = np.flatnonzero(features.held)
    slots = features.first_slot + phase // BINS_PER_SLOT + np.arange(len(features.held))
    weights, places = pilot_weights(features, pilot_answers(features, slots, templates), templates)
    gathered = [Evidence.none(templates) for _ in range(pairs)]
    smaller = _coarser(places, templates)
    for index in held:
        parity = int(slots[index]) % 2
        luma = np.einsum("ijn,pijn->pij", features.luma[index], templates.luma[parity::2])
        luma = (luma * (weights[index] * places)).reshape(pairs, -1)
        both = np.einsum("cijn,pcijn->cpij", features.chroma[index], templates.chroma[parity::2])
        both = (both * (weights[index] * smaller)).reshape(2, pairs, -1)
        for pair, evidence in enumerate(gathered):
            slot = int(slots[index]) + 2 * pair
            pattern = slot % profile.patterns
            which = pattern // 2
            evidence.take(slot, pattern, (luma[which], both[0, which], both[1, which]), templates, profile)
    return gathered


def pilot_weights(
    features: SlotFeatures, answers: NDArray[np.float64], templates: Templates
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weigh slots and places by what their pilots show.

    Weights are the square root of the pilot's gain, shrunk to the mean gain by how well it is measured: a spoilt slot
    or a covered place counts little, and where the pilot is too weak to tell, all count alike.

    Parameters
    ----------
    features : SlotFeatures
    answers : ndarray of float64, shape (held slots, rows, columns)
        From `pilot_answers`.
    templates : Templates

    Returns
    -------
    slots : ndarray of float64, shape (slots,)
        Zero where no frame fell.
    places : ndarray of float64, shape (rows, columns)
        Of luma cells.
    """
    held = np.flatnonzero(features.held)
    weights = np.zeros(len(features.held))
    noise = float(np.mean([np.mean(features.luma[i] ** 2) for i in held]))  # variance of one slot's gain under chance
    weights[held] = _weights(answers.sum((1, 2)), np.full(len(held), noise)) if len(held) > 1 else 1.0
    if len(held) == 1:  # what a picture alone answers is mostly its own texture
        return weights, np.ones(templates.pilot.shape[:2])
    gains, near = place_gains(answers, templates)
    return weights, _weights(gains, noise / (near * PLACE**2 * len(held)))


def place_gains(answers: NDArray[np.float64], templates: Templates) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How strongly the pilot answers at every place.

    Parameters
    ----------
    answers : ndarray of float64, shape (held slots, rows, columns)
        From `pilot_answers`.
    templates : Templates

    Returns
    -------
    gains : ndarray of float64, shape (rows, columns)
        Of luma cells and their neighbourhoods, alike wherever the pilot is as strong.
    power : ndarray of float64, shape (rows, columns)
        Of the pilot's template there.
    """
    power = (templates.pilot * templates.pilot).sum(-1)
    near = blurred(power.astype(np.float32), PLACE).astype(np.float64) + 1e-9
    return blurred(answers.sum(0).astype(np.float32), PLACE) / near / max(len(answers), 1), near


def slot_answers(features: SlotFeatures, answers: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Ask the pilot slot by slot: its answer, and the variance that chance gives it; zero where no frame fell.

    Parameters
    ----------
    features : SlotFeatures
    answers : ndarray of float64, shape (held slots, rows, columns)
        From `pilot_answers`.

    Returns
    -------
    list of tuple of float
    """
    told = np.zeros((len(features.held), 2))
    held = np.flatnonzero(features.held)
    told[held, 0] = answers.sum((1, 2))
    told[held, 1] = [float(np.mean(features.luma[i] ** 2)) for i in held]
    return [(float(answer), float(noise)) for answer, noise in told]


def pilot_answers(features: SlotFeatures, slots: NDArray[np.int64], templates: Templates) -> NDArray[np.float64]:
    """Correlate the pilot with every held slot and cell.

    Parameters
    ----------
    features : SlotFeatures
    slots : ndarray of int64, shape (slots,)
        Number of each slot; only its parity matters.
    templates : Templates

    Returns
    -------
    ndarray of float64, shape (held slots, rows, columns)
    """
    held = np.flatnonzero(features.held)
    signs = np.where(slots[held] % 2 == 0, 1.0, -1.0)
    each = np.array([(features.luma[i] * templates.pilot).sum(-1) for i in held], np.float64)
    return each.reshape(len(held), *templates.pilot.shape[:2]) * signs[:, None, None]


def _weights(gains: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    mean = max(float(gains.mean()), float(np.sqrt(noise.mean() / noise.size)), 1e-12)
    true_spread = max(float(gains.var() - noise.mean()), 0.0)
    shrunk = mean + true_spread / (true_spread + noise + 1e-12) * (gains - mean)
    return np.asarray(np.sqrt(np.maximum(shrunk / mean, LEAST_WEIGHT)), np.float64)


def _coarser(places: NDArray[np.float64], templates: Templates) -> NDArray[np.float64]:
    """Bring weights of luma cells to chroma cells, of the same picture."""
    rows, columns = templates.chroma.shape[2:4]
    return np.asarray(cv2.resize(places, (columns, rows), interpolation=cv2.INTER_AREA), np.float64)
