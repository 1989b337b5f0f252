"""Where the mark lies in the stored planes of a stream: shape, rotation and pixel aspect brought to the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from av import VideoFrame

from tracemark.frames import Layout, quarter_turns
from tracemark.profile import Profile
from tracemark.signal.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.frames import Frame

Array = TypeVar("Array", bound="NDArray[Any]")
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Geometry:
    """Everything about a stream of frames that is alike from frame to frame.

    Parameters
    ----------
    width, height : int
        Stored size in pixels.
    turns : int
        Quarter turns, counterclockwise, from the stored to the displayed picture.
    layout : Layout
    pixel_aspect : float
        Displayed width over height of a stored pixel.
    profile : Profile
    """

    width: int
    height: int
    turns: int
    layout: Layout
    pixel_aspect: float
    profile: Profile

    @classmethod
    def of(cls, frame: Frame, layout: Layout, pixel_aspect: float, profile: Profile) -> Geometry:
        """Look at a frame.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        layout : Layout
            Of the frame.
        pixel_aspect : float
            Displayed width over height of a stored pixel.
        profile : Profile

        Returns
        -------
        Geometry
        """
        if isinstance(frame, VideoFrame):
            width, height = frame.width, frame.height
        else:
            height, width = frame.shape[:2]
        return cls(width, height, quarter_turns(frame), layout, pixel_aspect, profile)

    @cached_property
    def aspect(self) -> float:
        """Displayed width over height of the picture."""
        stored = self.width * self.pixel_aspect / self.height
        return stored if self.turns % 2 == 0 else 1 / stored

    @cached_property
    def luma(self) -> Grid:
        """Canonical grid of the luma plane."""
        return Grid.of(self.aspect, self.profile.luma.long_side, self.profile.cell)

    @cached_property
    def chroma(self) -> Grid:
        """Canonical grid of the chroma planes."""
        return Grid.of(self.aspect, self.profile.chroma.long_side, self.profile.cell)

    def shown(self, plane: Array) -> Array:
        """Turn a stored plane as it is displayed."""
        return cast("Array", np.ascontiguousarray(np.rot90(plane, self.turns))) if self.turns else plane

    def stored(self, plane: Array) -> Array:
        """Turn a displayed plane as it is stored."""
        return cast("Array", np.ascontiguousarray(np.rot90(plane, -self.turns))) if self.turns else plane

    def pixels(self, grid: Grid, cells: NDArray[Scalar], size: tuple[int, int]) -> NDArray[Scalar]:
        """Spread a value per cell over the pixels of a stored plane.

        Parameters
        ----------
        grid : Grid
        cells : ndarray, shape (rows, columns)
        size : tuple of int
            Height and width of the stored plane.

        Returns
        -------
        ndarray, shape (height, width)
        """
        height, width = size if self.turns % 2 == 0 else size[::-1]
        top, _, left, _ = grid.border
        row = ((np.arange(height) + 0.5) * grid.height / height + top) // grid.cell
        column = ((np.arange(width) + 0.5) * grid.width / width + left) // grid.cell
        spread = cells[row.astype(np.intp)[:, None], column.astype(np.intp)[None]]
        return np.ascontiguousarray(np.rot90(spread, -self.turns))
