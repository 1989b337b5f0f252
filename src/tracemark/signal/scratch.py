"""Working memory that is made once and filled again for every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


class Scratch:
    """Arrays by name and shape. One user at a time: whoever asks for one gets what was used under its name before.

    A stream of frames asks for the same names and shapes over and over, so that after the first frame nothing is
    allocated.
    """

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, tuple[int, ...], DTypeLike], NDArray[Any]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Array whose contents are whatever was left in it.

        Parameters
        ----------
        name : str
        shape : tuple of int
        dtype : dtype-like

        Returns
        -------
        ndarray
        """
        wanted = name, shape, dtype
        made = self._arrays.get(wanted)
        if made is None:
            made = self._arrays[wanted] = np.empty(shape, dtype)
        return made
