"""The passes over a whole picture: changes are laid over the host, and a viewer's copy is chosen from the versions.

Rows of a plane lie in one piece each, and may be longer than the picture is wide: what is beyond is not touched. The
versions of a row lie one after the other, so that a pass over all of them goes through memory from start to end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import carray, types  # type: ignore[attr-defined]

from tracemark.compiled import compiled, part, pointer, result, rows, wait_for_writes, write_past_caches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8] | NDArray[np.uint16]
    Samples = NDArray[np.float32]
    Steps = NDArray[np.int16]
    Numbers = NDArray[np.int64]
    Words = NDArray[np.uint64]

WEIGHT = 64
"""What the weights of rows add up to. All sums are of 16 bits, of which the core adds 16 or 32 at once."""

_ZERO = np.int16(0)
_NEXT = np.uint64(1)
_ABOVE_ZERO, _BACK = np.float32(32768.5), np.int32(32768)

_ROWS = rows("int64"), rows("int16")


@compiled(types.void(rows("float32"), rows("int64"), rows("float32"), types.float32, result("int16")))
def widen(change: Samples, taps: Numbers, weights: Samples, scale: float, out: Steps) -> None:
    """Bring a change on the canonical grid to the width of a plane, in whole steps.

    Parameters
    ----------
    change : ndarray of float32, shape (grid width, grid height)
        By columns: so those beside each other are added as wholes.
    taps : ndarray of int64, shape (width, 4)
        Columns that each column of the plane is made of.
    weights : ndarray of float32, shape (width, 4)
        What each of them counts.
    scale : float
        Steps in one of the change.
    out : ndarray of int16, shape (width, grid height)
    """
    for x in range(len(out)):
        a, b, c, d = change[taps[x, 0]], change[taps[x, 1]], change[taps[x, 2]], change[taps[x, 3]]
        of_a, of_b = weights[x, 0] * scale, weights[x, 1] * scale
        of_c, of_d = weights[x, 2] * scale, weights[x, 3] * scale
        column = out[x]
        for y in range(out.shape[1]):
            # a whole number is cut off towards zero: above zero that is rounding, if a half is there already
            level = a[y] * of_a + b[y] * of_b + c[y] * of_c + d[y] * of_d + _ABOVE_ZERO
            column[y] = np.int32(np.int32(level) - _BACK)


@compiled(
    *(
        types.void(rows(sample), rows("int16", 3), *_ROWS, types.int64, types.int16, result(sample, 3))
        for sample in ("uint8", "uint16")
    )
)
def lay(host: Plane, changes: Steps, taps: Numbers, weights: Steps, shift: int, top: int, out: Plane) -> None:
    """Add changes to a plane, each to a version of its own: rounded and saturated.

    Parameters
    ----------
    host : ndarray of uint8 or uint16, shape (height, at least width)
    changes : ndarray of int16, shape (versions, grid height, width)
        Times `WEIGHT` they are in ``2 ** -shift`` steps of the plane, and fit into 16 bits.
    taps : ndarray of int64, shape (height, 4)
        Rows of a change that each row of the plane is made of.
    weights : ndarray of int16, shape (height, 4)
        What each of them counts, of `WEIGHT`.
    shift : int
        From 2 to 15, see `fields.shift_of`.
    top : int
        Largest value of a sample.
    out : ndarray of the host's type, shape (height, versions, at least width)
    """
    versions, _, width = changes.shape
    half, per_step = np.int16(1 << (shift - 1)), np.int16(1 << (16 - shift))
    for y in range(host.shape[0]):
        before = host[y]
        of_a, of_b, of_c, of_d = weights[y, 0], weights[y, 1], weights[y, 2], weights[y, 3]
        for version in range(versions):
            change, after = changes[version], out[y, version]
            a, b, c, d = change[taps[y, 0]], change[taps[y, 1]], change[taps[y, 2]], change[taps[y, 3]]
            for x in range(width):
                # numba would go on in 64 bits: every sum is brought back, and the shift is half of a product
                one = np.int16(np.int16(a[x] * of_a) + np.int16(b[x] * of_b))
                other = np.int16(np.int16(c[x] * of_c) + np.int16(d[x] * of_d))
                fine = np.int32(np.int16(np.int16(one + other) + half))
                level = np.int16(np.int16((fine * np.int32(per_step)) >> 16) + np.int16(before[x]))
                after[x] = max(_ZERO, min(level, top))


@compiled(types.void(rows("uint8"), *(rows("int16", 3), *_ROWS) * 2, types.int64, result("uint8", 3)))
def lay_both(
    host: Plane,
    lumas: Steps,
    luma_taps: Numbers,
    luma_weights: Steps,
    colours: Steps,
    colour_taps: Numbers,
    colour_weights: Steps,
    shift: int,
    out: Plane,
) -> None:
    """Add changes of luma and changes of colour to a plane that carries both, as `lay`.

    Parameters
    ----------
    host : ndarray of uint8, shape (height, at least width)
    lumas : ndarray of int16, shape (luma versions, luma grid height, width)
    luma_taps, luma_weights : ndarray, shape (height, 4)
    colours : ndarray of int16, shape (colour versions, chroma grid height, width)
    colour_taps, colour_weights : ndarray, shape (height, 4)
    shift : int
    out : ndarray of uint8, shape (height, colour versions * luma versions, at least width)
        All versions of luma with the first of colour, and so on.
    """
    versions, _, width = lumas.shape
    half, per_step, top = np.int16(1 << (shift - 1)), np.int16(1 << (16 - shift)), np.int16(255)
    for y in range(host.shape[0]):
        before = host[y]
        of_a, of_b, of_c, of_d = luma_weights[y, 0], luma_weights[y, 1], luma_weights[y, 2], luma_weights[y, 3]
        of_e, of_f, of_g, of_h = colour_weights[y, 0], colour_weights[y, 1], colour_weights[y, 2], colour_weights[y, 3]
        for kind in range(colours.shape[0] * versions):
            luma, colour, after = lumas[kind % versions], colours[kind // versions], out[y, kind]
            a, b, c, d = luma[luma_taps[y, 0]], luma[luma_taps[y, 1]], luma[luma_taps[y, 2]], luma[luma_taps[y, 3]]
            e, f = colour[colour_taps[y, 0]], colour[colour_taps[y, 1]]
            g, h = colour[colour_taps[y, 2]], colour[colour_taps[y, 3]]
            for x in range(width):
                one = np.int16(np.int16(a[x] * of_a) + np.int16(b[x] * of_b))
                other = np.int16(np.int16(c[x] * of_c) + np.int16(d[x] * of_d))
                third = np.int16(np.int16(e[x] * of_e) + np.int16(f[x] * of_f))
                fourth = np.int16(np.int16(g[x] * of_g) + np.int16(h[x] * of_h))
                fine = np.int16(np.int16(one + other) + np.int16(third + fourth))
                rounded = np.int32(np.int16(fine + half))
                level = np.int16(np.int16((rounded * np.int32(per_step)) >> 16) + np.int16(before[x]))
                after[x] = max(_ZERO, min(level, top))


@part
def _choose_band(
    versions: Words,
    begin: NDArray[np.uint16],
    cut: Numbers,
    masks: Words,
    bands: Numbers,
    band: int,
    away: bool,  # noqa: FBT001
    line: Words,
    out: Words,
) -> None:
    words = out.shape[1]
    for y in range(bands[band], bands[band + 1]):
        row, made = versions[y], line if away else out[y]
        for block in range(len(begin)):
            source, target = np.uint64(begin[block]), np.uint64(2 * block)
            first, second = row[source], row[source + _NEXT]
            made[target], made[target + _NEXT] = first, second
        for number in range(len(cut)):
            word = cut[number]
            luma = masks[0, band, number]
            chosen = row[word] ^ ((row[word] ^ row[word + words]) & luma)
            if len(masks) > 1:
                a, b = row[word + 2 * words], row[word + 3 * words]
                chosen ^= (chosen ^ a ^ ((a ^ b) & luma)) & masks[1, band, number]
            made[word] = chosen
        if away:
            write_past_caches(line, out[y])


@compiled(
    types.void(
        rows("uint64"),
        rows("uint16"),
        rows("int64", 1),
        rows("uint64", 3),
        rows("int64", 1),
        types.boolean,
        result("uint64"),
    )
)
def choose(
    versions: Words,
    blocks: NDArray[np.uint16],
    cut: Numbers,
    masks: Words,
    bands: Numbers,
    away: bool,  # noqa: FBT001 - a compiled loop has no keywords
    out: Words,
) -> None:
    """Put a viewer's plane together.

    Parameters
    ----------
    versions : ndarray of uint64, shape (height, 2 or 4 times words of a row)
        A and B; or, where luma and chroma share the plane, those of luma for A of chroma, and then for B.
    blocks : ndarray of uint16, shape (bands, blocks of two words in a row)
        Where each block begins in a row of the versions.
    cut : ndarray of int64, shape (cuts,)
        Words of a row that a boundary of cells may run through: they are put together byte by byte.
    masks : ndarray of uint64, shape (1 or 2, bands, cuts)
        For each of these, of luma's or chroma's cells, or of luma's and then chroma's: 255 in all bytes that are B's.
    bands : ndarray of int64, shape (bands + 1,)
        First row of each band, and the number of rows.
    away : bool
        Write past the caches: what is written will have left them before anybody reads it.
    out : ndarray of uint64, shape (height, words of a row)
        From an address on that is a multiple of `LINE` bytes, as are rows.
    """
    line = np.empty(out.shape[1], np.uint64)
    for band in range(len(bands) - 1):
        _choose_band(versions, blocks[band], cut, masks, bands, band, away, line, out)
    if away:
        wait_for_writes()


@compiled(
    types.void(
        rows("uint64"),
        rows("uint64", 1),
        types.int64,
        rows("int64", 1),
        rows("uint64", 1),
        types.int64,
        rows("int64", 1),
        types.boolean,
        rows("uint64", 1),
        types.int64,
    )
)
def choose_for_all(
    versions: Words,
    blocks: Words,
    count: int,
    cut: Numbers,
    masks: Words,
    maps: int,
    bands: Numbers,
    away: bool,  # noqa: FBT001 - a compiled loop has no keywords
    outs: Words,
    words: int,
) -> None:
    """Put the planes of many viewers together, band by band: the versions of a band stay in the core's own cache.

    Parameters
    ----------
    versions, cut, bands, away
        As for `choose`.
    blocks, masks, outs : ndarray of uint64, shape (viewers,)
        Addresses of each viewer's `blocks`, `masks` and `out`, as for `choose`.
    count, maps, words : int
        Blocks in a row, maps, and words in a row of `out`.
    """
    height = len(versions)
    line = np.empty(words, np.uint64)
    for band in range(len(bands) - 1):
        for viewer in range(len(outs)):
            begin = carray(pointer(blocks[viewer]), (len(bands) - 1, count), np.uint16)[band]
            own = carray(pointer(masks[viewer]), (maps, len(bands) - 1, len(cut)), np.uint64)
            out = carray(pointer(outs[viewer]), (height, words), np.uint64)
            _choose_band(versions, begin, cut, own, bands, band, away, line, out)
    if away:
        wait_for_writes()
