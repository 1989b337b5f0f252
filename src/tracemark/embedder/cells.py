"""Cells of the grid in a stored plane: which blocks of its rows come from which version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORD = 8
"""Bytes that are moved at once."""

BLOCK = 2 * WORD
"""Bytes of a block, which comes from one version as a whole unless a boundary of cells runs through it."""


@dataclass(frozen=True)
class Choice:
    """Where the parts of one viewer's plane come from.

    Attributes
    ----------
    blocks : ndarray of uint16, shape (bands, blocks of a row)
        Word of a row of all versions that each block begins at: small, so that many viewers' fit into the core's cache.
    masks : ndarray of uint64, shape (maps, bands, cuts)
        For every cut word 255 in the bytes that are B's.
    """

    blocks: NDArray[np.uint16]
    masks: NDArray[np.uint64]


@dataclass(frozen=True)
class Cells:
    """Which cells the bytes of a plane belong to.

    Attributes
    ----------
    bands : ndarray of int64, shape (bands + 1,)
        First row of each band, all rows of which touch the same cells; and the number of rows.
    cut : ndarray of int64, shape (cuts,)
        Words of a row that a boundary runs through.
    under : ndarray of int32, shape (maps, bands, blocks of a row)
        Number of the cell under each block that no boundary runs through. A plane that carries luma and chroma at once
        has a map of each.
    under_cut : ndarray of int32, shape (maps, bands, cuts * WORD)
        Number of the cell under each byte of the cut words.
    """

    bands: NDArray[np.int64]
    cut: NDArray[np.int64]
    under: NDArray[np.int32]
    under_cut: NDArray[np.int32]

    @classmethod
    def of(cls, maps: list[NDArray[np.intp]], pixel: int, row: int) -> Cells:
        """Find the bands and blocks of a plane.

        Parameters
        ----------
        maps : list of ndarray of int, shape (height, width)
            Number of the cell that each pixel belongs to.
        pixel : int
            Bytes of a pixel.
        row : int
            Bytes of a row, a multiple of `BLOCK`; those beyond the picture count to the last pixel's cell.

        Returns
        -------
        Cells
        """
        changes = np.any([np.any(cells[1:] != cells[:-1], axis=1) for cells in maps], axis=0)
        starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
        column = np.minimum(np.arange(row) // pixel, maps[0].shape[1] - 1)
        under = np.stack([cells[np.ix_(starts, column)] for cells in maps]).astype(np.int32)
        blocks = under.reshape(*under.shape[:2], -1, BLOCK)
        broken = (blocks != blocks[..., :1]).any(axis=(0, 1, 3))
        cut = np.flatnonzero(broken.repeat(BLOCK // WORD))
        words = under.reshape(*under.shape[:2], -1, WORD)
        return cls(
            bands=np.append(starts, len(maps[0])).astype(np.int64),
            cut=cut.astype(np.int64),
            under=np.ascontiguousarray(blocks[..., 0]),
            under_cut=words[:, :, cut].reshape(*under.shape[:2], -1),
        )

    def choose(self, *bits: NDArray[np.uint8]) -> Choice:
        """Say where a viewer's plane comes from.

        Parameters
        ----------
        *bits : ndarray of uint8, shape (cells,)
            What the cells say, by their number; one array for each map.

        Returns
        -------
        Choice
        """
        count = self.under.shape[-1]
        version = np.zeros(self.under.shape[1:], np.intp)
        for index, (said, cells) in enumerate(zip(bits, self.under, strict=True)):
            version += said[cells].astype(np.intp) << index
        blocks = (version * count + np.arange(count)) * (BLOCK // WORD)
        masks = np.stack([(said * np.uint8(255))[cells] for said, cells in zip(bits, self.under_cut, strict=True)])
        return Choice(blocks.astype(np.uint16), masks.view(np.uint64))
