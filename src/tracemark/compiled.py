"""Loops that become machine code: for passes over a picture that no call of numpy or OpenCV makes in one go.

Each is compiled for stated types where its module is imported, once on every machine, and kept on disk by numba from
then on; so nothing is ever compiled between two frames of a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from numba import njit, types

if TYPE_CHECKING:
    from collections.abc import Callable

    from numba.core.typing.templates import Signature

Loop = TypeVar("Loop", bound="Callable[..., None]")


def rows(sample: str, dimensions: int = 2) -> types.Array:
    """Say that an argument is an array whose last dimension lies in one piece, and that it is only read.

    Parameters
    ----------
    sample : str
        Numba's name of a sample's type, such as ``"uint8"``.
    dimensions : int

    Returns
    -------
    numba.types.Array
    """
    return types.Array(getattr(types, sample), dimensions, "C", readonly=True)


def result(sample: str, dimensions: int = 2) -> types.Array:
    """Say that an argument is an array in one piece that is written to, as `rows`."""
    return types.Array(getattr(types, sample), dimensions, "C")


def compiled(*signatures: Signature) -> Callable[[Loop], Loop]:
    """Compile a loop.

    Parameters
    ----------
    *signatures : numba.core.typing.templates.Signature
        What it is called with: ``types.void(...)`` for each set of types.

    Returns
    -------
    callable
        A decorator. The loop runs without the interpreter's lock, so that other threads go on meanwhile; a product and
        a sum may be rounded once instead of twice. It has to keep to its arrays' bounds: nobody checks them.

    Notes
    -----
    Where there is no folder that numba may keep the code in, every process compiles it anew, which takes seconds.
    `NUMBA_CACHE_DIR` names one.
    """

    def compile_it(loop: Loop) -> Loop:
        def made(*, kept: bool) -> Loop:
            by_numba = njit(list(signatures), cache=kept, nogil=True, boundscheck=False, fastmath={"contract"})
            return cast("Loop", by_numba(loop))

        try:
            return made(kept=True)
        except (RuntimeError, OSError):
            return made(kept=False)

    return compile_it
