"""What a key's patterns look like in one leak: cut to its grid and seen through the DCT of its cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracemark.signal import cells
from tracemark.signal.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from tracemark.geometry import Geometry
    from tracemark.keys import Key
    from tracemark.profile import Profile

    Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Templates:
    """Coefficients inside the band of every pattern of a key.

    Attributes
    ----------
    luma : ndarray of float32, shape (patterns, rows, columns, n)
    chroma : ndarray of float32, shape (patterns, 2, rows, columns, n)
    pilot : ndarray of float32, shape (rows, columns, n)
        Of even slots, scaled so that ``sum(pilot ** 2)`` is 1.
    luma_bits, chroma_bits : ndarray of int64, shape (patterns, rows * columns)
        What each cell says, as in `Patterns`.
    """

    luma: Samples
    chroma: Samples
    pilot: Samples
    luma_bits: NDArray[np.int64]
    chroma_bits: NDArray[np.int64]

    @classmethod
    def of(cls, key: Key, profile: Profile, geometry: Geometry) -> Templates:
        """Make the templates of a key.

        Parameters
        ----------
        key : Key
        profile : Profile
        geometry : Geometry
            Shape of the leak.

        Returns
        -------
        Templates
        """
        patterns = Patterns.of(key, profile)
        luma, chroma, count = geometry.luma, geometry.chroma, profile.patterns
        pilot = in_band(luma.window(patterns.pilot), profile, "luma")
        return cls(
            luma=in_band(luma.window(patterns.luma), profile, "luma"),
            chroma=in_band(chroma.window(patterns.chroma), profile, "chroma"),
            pilot=pilot / np.sqrt((pilot * pilot).sum()),
            luma_bits=patterns.luma_bits[:, luma.rows, luma.columns].reshape(count, -1),
            chroma_bits=patterns.chroma_bits[:, chroma.rows, chroma.columns].reshape(count, -1),
        )


def in_band(planes: Samples, profile: Profile, kind: str) -> Samples:
    """Coefficients of whole cells inside the band.

    Parameters
    ----------
    planes : ndarray of float32, shape (..., rows * cell, columns * cell)
    profile : Profile
    kind : {"luma", "chroma"}

    Returns
    -------
    ndarray of float32, shape (..., rows, columns, n)
    """
    plane = profile.luma if kind == "luma" else profile.chroma
    mask = cells.band_mask(profile.cell, plane.band)
    *lead, height, width = planes.shape
    # plane by plane: the whole spectra of all of them would take three times their memory
    made = np.empty((int(mask.sum()), *lead, height // profile.cell, width // profile.cell), np.float32)
    for place in np.ndindex(*lead):
        made[:, *place] = np.moveaxis(cells.forward(planes[place], profile.cell)[..., mask], -1, 0)
    return np.moveaxis(made, 0, -1)


def each_in_band(planes: Iterable[Samples], profile: Profile, kind: str) -> Samples:
    """Coefficients inside the band of planes that come one after the other.

    Parameters
    ----------
    planes : iterable of ndarray of float32, shape (..., rows * cell, columns * cell)
        One at least.
    profile : Profile
    kind : {"luma", "chroma"}

    Returns
    -------
    ndarray of float32, shape (planes, ..., rows, columns, n)
        As `in_band` gives of all of them at once.
    """
    made = [np.moveaxis(in_band(each, profile, kind), -1, 0) for each in planes]
    return np.moveaxis(np.stack(made, axis=1), 0, -1)
