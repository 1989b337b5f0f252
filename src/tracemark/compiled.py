"""Loops that become machine code: for passes over a picture that no call of numpy or OpenCV makes in one go.

Each is compiled for stated types where its module is imported, once on every machine, and kept on disk by numba from
then on; so nothing is ever compiled between two frames of a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numba.core.typing.templates import Signature
    from numpy.typing import NDArray

    Made = tuple[Signature, Callable[..., Any]]
    Words = NDArray[np.uint64]

Loop = TypeVar("Loop", bound="Callable[..., None]")

LINE = 32
"""Bytes that are written past the caches at once."""


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


part = njit(nogil=True, boundscheck=False)
"""A part of compiled loops, which is compiled into each of them for the types that it is called with there."""


def _pointer(_: object, address: types.Integer) -> Made:
    def generate(context: Any, builder: Any, _: object, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(address), generate


def _write_past_caches(_: object, line: types.Array, out: types.Array) -> Made:
    def generate(context: Any, builder: Any, signature: Signature, arguments: Any) -> Any:
        source, target = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, arguments, strict=True)
        )
        vector = ir.VectorType(ir.IntType(64), LINE // 8)
        begin, end = (builder.bitcast(array.data, vector.as_pointer()) for array in (source, target))
        count = builder.udiv(target.nitems, ir.Constant(target.nitems.type, LINE // 8))
        hint = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        with cgutils.for_range(builder, count) as loop:
            words = builder.load(builder.gep(begin, [loop.index]), align=8)
            store = builder.store(words, builder.gep(end, [loop.index]), align=LINE)
            store.set_metadata("nontemporal", hint)
        return context.get_dummy_value()

    return types.void(line, out), generate


def _wait_for_writes(_: object) -> Made:
    def generate(context: Any, builder: Any, *_: object) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


pointer = cast("Callable[[np.uint64], Any]", intrinsic(_pointer))
"""Take an address for what it is, within a compiled loop, so that `numba.carray` shows the memory from there on."""

write_past_caches = cast("Callable[[Words, Words], None]", intrinsic(_write_past_caches))
"""Copy a row of words straight to memory, within a compiled loop: nothing is read first, nothing leaves the caches.

The row that is written to begins at an address that is a multiple of `LINE`, and so is its length in bytes.
"""

wait_for_writes = cast("Callable[[], None]", intrinsic(_wait_for_writes))
"""Let all see what was written past the caches before anything that is written after this, within a compiled loop."""
