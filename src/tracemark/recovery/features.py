"""From DCT coefficients over time to features: the picture cancelled by itself, what is left brought to unit noise.

For every slot and cell the thirds of the slot and of its neighbours are combined with the weights that let the slot's
own pattern through and the picture's temporal covariance, measured around the cell, out (minimum variance
beamforming; Capon 1969, eq. 20). A resting background cancels, a moving one is averaged, and a frame that a codec
merely repeated counts once. Nothing here knows a key: the chips stay as random as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

PARTS = 3
"""Averages per slot; a codec often shows a new pattern only some frames after the slot's start."""

LINGER = 0.5
"""Share of a slot's pattern expected in the next slot: codecs skip blocks, so old patterns stay on (measured)."""

LOADING = 0.03
"""Diagonal loading of the temporal covariance, as a share of its trace (Cox, Zeskind and Owen 1987)."""

NEIGHBOURHOOD = 3
"""Side of the square of cells over which the temporal covariance is measured."""

LEAST_LEVEL = 0.05
"""Noise that every coefficient is taken to have at least, in 8-bit levels of a DCT coefficient."""

LEAST_TYPICAL = 1.0
"""The same for the typical noise that frequencies are compared by, before slots are combined."""


@dataclass(frozen=True)
class Limiter:
    """How features are brought to unit noise and clipped.

    Parameters
    ----------
    neighbourhood : int
        Side of the square of cells over which noise is measured.
    least_local : float
        Noise that every neighbourhood is taken to have at least, in units of the picture's typical noise.
    limit : float
        Features are held under this, in deviations: one bright edge must not outweigh a cell.
    trust : float
        Exponent with which quiet neighbourhoods outweigh noisy ones; 0 weighs all alike.
    """

    neighbourhood: int
    least_local: float
    limit: float
    trust: float = 0.0


OVER_TIME = Limiter(9, 0.3, 2.0)
"""Where neighbouring slots cancel the picture, what is left is the codec's noise, nearly normal."""

SINGLE = Limiter(1, 0.1, 1.0, 0.4)
"""A picture alone stays in its own way: its coefficients have heavy tails, cell by cell, and want a hard limit. The
mark grows slower than the texture that hides it, so a quiet cell tells more than a busy one."""

TRUSTED = (0.05, 4.0)
"""Least and largest quietness of a neighbourhood, relative to the typical one, that trust heeds."""


def slot_features(coefficients: Samples, frames: NDArray[np.int64], slots: int) -> tuple[Samples, NDArray[np.bool_]]:
    """Combine thirds of slots into one feature vector per slot and cell.

    Parameters
    ----------
    coefficients : ndarray of float32, shape (slots * PARTS, rows, columns, n)
        Coefficients inside the band, third by third.
    frames : ndarray of int64, shape (slots * PARTS,)
        Frames behind each third; thirds without any are left out.
    slots : int

    Returns
    -------
    features : ndarray of float32, shape (slots, rows, columns, n)
        In deviations, clipped.
    held : ndarray of bool, shape (slots,)
        Whether any frame fell into the slot; the features of others are zero.
    """
    features = np.zeros((slots, *coefficients.shape[1:]), np.float32)
    held = np.zeros(slots, bool)
    present = np.flatnonzero(frames)
    if not len(present):
        return features, held
    typical = np.asarray(np.median(np.abs(coefficients[present]), axis=(0, 1, 2)) / 0.6745 + LEAST_TYPICAL, np.float32)
    # cells first: the covariances of all cells are then one stack of small matrix products
    by_cell = np.ascontiguousarray(np.moveaxis(coefficients, 0, 2))
    whitened: Samples = by_cell / typical
    for slot in range(slots):
        window = np.array([t for t in present if (slot - 1) * PARTS <= t < (slot + 2) * PARTS], np.intp)
        own, next_slot = window // PARTS == slot, window // PARTS == slot + 1
        if not own.any():
            continue
        wanted = (own + LINGER * next_slot).astype(np.float32)
        held[slot] = True
        if len(window) == 1:
            features[slot] = normalised(by_cell[:, :, window[0]], LEAST_LEVEL, SINGLE)
            continue
        weights = _weights(whitened[:, :, window], wanted)
        combined = (weights[:, :, None] @ by_cell[:, :, window])[:, :, 0]
        features[slot] = normalised(combined, LEAST_LEVEL, OVER_TIME)
    return features, held


def _weights(window: Samples, wanted: NDArray[np.float32]) -> Samples:
    """Minimum variance weights of every cell, scaled to unit noise.

    Parameters
    ----------
    window : ndarray of float32, shape (rows, columns, m, n)
    wanted : ndarray of float32, shape (m,)
        Share of the pattern expected in each of the m averages.

    Returns
    -------
    ndarray of float32, shape (rows, columns, m)
    """
    rows, columns, size, count = window.shape
    covariance = (window @ np.swapaxes(window, -1, -2)) / count
    covariance = blurred(covariance.reshape(rows, columns, size * size), NEIGHBOURHOOD)
    covariance = covariance.reshape(rows, columns, size, size)
    load = LOADING * np.trace(covariance, axis1=-2, axis2=-1) / size + 1e-3
    covariance = covariance + (load[..., None, None] * np.eye(size, dtype=np.float32)).astype(np.float32)
    target = np.broadcast_to(wanted[:, None], (rows, columns, size, 1))
    weights = np.linalg.solve(covariance, target)[..., 0]
    gain = np.sqrt(np.maximum(weights @ wanted, 1e-9))
    return (weights / gain[..., None]).astype(np.float32)


def normalised(coefficients: Samples, floor: float, limiter: Limiter) -> Samples:
    """Divide coefficients by the noise of their frequency and of their neighbourhood, and clip.

    Parameters
    ----------
    coefficients : ndarray of float32, shape (rows, columns, n)
    floor : float
        Least noise of a coefficient, in levels.
    limiter : Limiter

    Returns
    -------
    ndarray of float32, shape (rows, columns, n)
    """
    typical = np.median(np.abs(coefficients), axis=(0, 1)) / 0.6745 + floor
    relative = coefficients / typical.astype(np.float32)
    energy = relative * relative
    # one strong coefficient must not make its whole cell look noisy
    energy = np.minimum(energy, 9 * np.median(energy, axis=-1, keepdims=True) + 1).mean(-1)
    local = np.sqrt(np.maximum(blurred(energy, limiter.neighbourhood), 0)) + np.float32(limiter.least_local)
    limited = np.clip(relative / local[..., None], -limiter.limit, limiter.limit)
    if limiter.trust:
        limited *= (np.clip(np.median(local) / local, *TRUSTED) ** limiter.trust)[..., None]
    return np.asarray(limited, np.float32)


def blurred(maps: Samples, side: int) -> Samples:
    """Average maps of cells over the neighbourhood.

    Parameters
    ----------
    maps : ndarray of float32, shape (rows, columns) or (rows, columns, n)
    side : int
        Of the neighbourhood, in cells.

    Returns
    -------
    ndarray of float32
        Of the same shape.
    """
    average = cv2.blur(np.ascontiguousarray(maps), (side, side), borderType=cv2.BORDER_REFLECT)
    return np.asarray(average, np.float32).reshape(maps.shape)
