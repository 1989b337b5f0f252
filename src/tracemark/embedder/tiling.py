"""A stored plane as rows of blocks: a viewer's plane is gathered from the blocks of the shared versions.

Cells of the grid are bands of rows and runs of columns in the stored plane. Rows are cut into blocks of up to 32
bytes, and a viewer's plane is, band by band, one `numpy.take` of blocks from the versions that lie side by side in
a row: every byte is read once and written once, in one call that leaves the interpreter's lock.

A block that no boundary between cells runs through comes from version A or version B as a whole. Of the blocks that
are cut by a boundary there are two more versions: C, which has every odd column of cells from B and the others from
A, and D, the other way round. A block has one boundary at most, so left and right of it lie an odd and an even
column, and one of the four versions has what any viewer needs.

docs/decisions/0014-selection.md compares this with other ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.intp]

LARGEST_BLOCK = 32
"""Bytes: the largest piece that `numpy.take` copies without a call of its own for each."""


@dataclass(frozen=True)
class Tiling:
    """How the cells of a plane fall into blocks.

    Attributes
    ----------
    size : tuple of int
        Height and width of the plane in pixels.
    pixel : int
        Bytes of a pixel.
    block : int
        Bytes of a block.
    blocks : int
        Blocks in a row; the last one may reach over the picture's edge.
    versions : int
        2 for A and B, 4 if luma and chroma share the plane.
    cut : ndarray of int, shape (cuts,)
        Numbers of the blocks in a row that a boundary runs through.
    bands : tuple of slice
        Rows of the plane that the same cells touch, from top to bottom.
    first, last : ndarray of int, shape (maps, bands, blocks)
        Number of the cell under the first and under the last pixel of each block, in each map of cells.
    odd : ndarray of int, shape (blocks,)
        1 where the last pixel of a block is in an odd column of cells.
    piece : int
        Bytes of the pieces of a block that no boundary runs through.
    mixed : ndarray of int, shape (2 * cuts * block / piece,)
        Pieces that C and then D are made of, among those of a row of A and B.
    odd_bytes : ndarray of uint8, shape (height, cuts * block)
        255 where a byte of a cut block is in an odd column of cells.
    """

    size: tuple[int, int]
    pixel: int
    block: int
    blocks: int
    versions: int
    cut: Numbers
    bands: tuple[slice, ...]
    first: Numbers
    last: Numbers
    odd: Numbers
    piece: int
    mixed: Numbers
    odd_bytes: NDArray[np.uint8]

    @classmethod
    def of(cls, maps: list[NDArray[np.intp]], pixel: int) -> Tiling:
        """Cut a plane into blocks.

        Parameters
        ----------
        maps : list of ndarray of int, shape (height, width)
            Number of the cell that each pixel belongs to. A plane that carries luma and chroma at once has a map of
            each.
        pixel : int
            Bytes of a pixel.

        Returns
        -------
        Tiling
        """
        height, width = maps[0].shape
        rows = np.flatnonzero(np.any([np.any(cells[1:] != cells[:-1], axis=1) for cells in maps], axis=0)) + 1
        columns = np.flatnonzero(np.any([np.any(cells[:, 1:] != cells[:, :-1], axis=0) for cells in maps], axis=0)) + 1
        starts = np.concatenate([[0], rows])
        cuts = columns * pixel
        if len(maps) > 1:
            block = int(np.gcd.reduce(np.concatenate([cuts, [width * pixel]])))
        else:
            block = _block(cuts, width * pixel)
        cut = np.unique(cuts[cuts % block > 0] // block)
        blocks = -(-width * pixel // block)
        begin = np.arange(blocks) * block // pixel
        end = np.minimum(((np.arange(blocks) + 1) * block - 1) // pixel, width - 1)
        parity = np.zeros(width, np.intp)
        parity[columns] = 1
        parity = np.cumsum(parity) % 2
        piece = int(np.gcd.reduce(np.append(cuts, block)))
        # what lies over the edge is of no account
        places = (cut[:, None] * block + np.arange(block)).ravel()
        odd = parity[np.minimum(places // pixel, width - 1)]
        mixed = np.concatenate([blocks * block * version + places for version in (odd, 1 - odd)])[::piece] // piece
        return cls(
            size=(height, width),
            pixel=pixel,
            block=block,
            blocks=blocks,
            versions=2 * len(maps),
            cut=cut,
            bands=tuple(slice(int(a), int(b)) for a, b in zip(starts, [*rows, height], strict=True)),
            first=np.stack([cells[np.ix_(starts, begin)] for cells in maps]),
            last=np.stack([cells[np.ix_(starts, end)] for cells in maps]),
            odd=parity[end],
            piece=piece,
            mixed=mixed,
            odd_bytes=np.tile(np.uint8(255) * odd.astype(np.uint8), (height, 1)),
        )

    @property
    def row(self) -> int:
        """Bytes of a row of one version."""
        return self.blocks * self.block

    @property
    def shared_row(self) -> int:
        """Bytes of a row of all versions, C and D of the cut blocks included."""
        return (self.versions * self.blocks + 2 * len(self.cut)) * self.block

    def choose(self, *bits: NDArray[np.uint8]) -> list[Numbers]:
        """Say which blocks make up a viewer's plane.

        Parameters
        ----------
        *bits : ndarray of uint8, shape (cells,)
            What the cells say, by their number; one array for each map.

        Returns
        -------
        list of ndarray of int, shape (blocks,)
            For every band the numbers of the blocks among those of a row of all versions.
        """
        position = np.arange(self.blocks)
        if len(bits) == 2:
            luma, chroma = (said[cells] for said, cells in zip(bits, self.last, strict=True))
            version = 2 * chroma.astype(np.intp) + luma
        else:
            left, right = (bits[0][cells[0]].astype(np.intp) for cells in (self.first, self.last))
            mixed = np.searchsorted(self.cut, position) + (2 * self.blocks) + (right ^ self.odd) * len(self.cut)
            return list(np.where(left == right, left * self.blocks + position, mixed))
        return list(version * self.blocks + position)


def _block(cuts: Numbers, width: int) -> int:
    """Choose the bytes of a block for a plane of so many bytes a row, with boundaries of cells at these."""
    narrowest = int(np.diff(cuts).min()) if len(cuts) > 1 else width
    return min(LARGEST_BLOCK, 1 << (narrowest.bit_length() - 1))
