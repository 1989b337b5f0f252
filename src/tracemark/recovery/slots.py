"""A record cut into slots: features of every slot and cell, for every key and every offset of a phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.recovery.features import PARTS, slot_features
from tracemark.recovery.record import BINS_PER_SLOT
from tracemark.recovery.templates import each_in_band, in_band

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.record import KeyFrame, Record

    Samples = NDArray[np.float32]


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
    length = BINS_PER_SLOT // PARTS
    frames = record.counts(start, length)
    slots = -(-len(frames) // PARTS)
    missing = slots * PARTS - len(frames)
    frames = np.pad(frames, (0, missing))
    pad = [(0, missing)] + [(0, 0)] * 3
    in_luma = np.pad(each_in_band(record.averages(start, length, "luma"), profile, "luma"), pad)
    in_chroma = each_in_band(record.averages(start, length, "chroma"), profile, "chroma")
    luma_features, held = slot_features(in_luma, frames, slots)
    chroma_features = [slot_features(np.pad(in_chroma[:, k], pad), frames, slots)[0] for k in (0, 1)]
    return _shown(record, SlotFeatures(first_slot, luma_features, np.stack(chroma_features, axis=1), held))


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
    return _shown(record, SlotFeatures(slot, luma, np.stack(chroma, axis=1), np.ones(1, bool)))


def _shown(record: Record, features: SlotFeatures) -> SlotFeatures:
    """Leave out cells that the leak does not show."""
    if record.valid is not None:
        features.luma[:, ~record.valid] = 0
        rows, columns = features.chroma.shape[2:4]
        small = cv2.resize(record.valid.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_AREA)
        features.chroma[:, :, small == 0] = 0
    return features
