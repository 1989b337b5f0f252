"""The wrap-around Viterbi algorithm: soft code bits back to the message of a tail-biting code.

A tail-biting path may start in any state, provided it ends in the same one. The trellis is therefore walked as a
ring. The first lap starts with all states equal; its best metric bounds every closed path from above, so a best
path that closes there is the maximum-likelihood answer. Otherwise every further lap starts with the metrics the
last one ended with, until its best path closes. The survivors of all other end states are looked at too: a path
that closes in any state of any lap is a valid codeword, and the best of them all is the answer.

States hold the latest message bits with the newest lowest. The old states ``m`` and ``m + S/2`` both lead to the
new states ``2m`` and ``2m + 1``: one butterfly, whose four branches carry the same code bits up to a common sign,
because every generator taps the newest and the oldest bit. So one gathered branch metric serves all four, and a
step over all states is a handful of whole-array operations.

References
----------
Viterbi, 1967, "Error bounds for convolutional codes and an asymptotically optimum decoding algorithm", IEEE
Transactions on Information Theory 13(2).
Shao, Lin and Fossorier, 2003, "Two decoding algorithms for tailbiting codes", IEEE Transactions on Communications
51(10), section III (the wrap-around algorithm).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tracemark.coding.convolutional import TailBitingCode

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]
Bits = NDArray[np.uint8]
Real = TypeVar("Real", np.float32, np.float64)

MAX_LAPS = 4
"""Laps after which the decoder settles for the best closed path seen; docs/error-correction.md shows the effect."""

# Frames walked together. More share the overhead of each array operation, until they leave the processor's cache.
_BATCH = 32

# Relative error of a metric in single precision, with room to spare: a bound is only believed as far as that.
_ROUNDING = 1e-4


def decode(code: TailBitingCode, soft: ArrayLike, max_laps: int = MAX_LAPS, least: float = 0.0) -> tuple[Bits, Flags]:
    """Find the most likely messages behind many received codewords.

    Parameters
    ----------
    code : TailBitingCode
    soft : array of float, shape (batch, code.code_bits)
        Evidence for each code bit, positive for 1, such as log-likelihood ratios in any common unit: the result
        does not depend on the scale of a row. Zero means "not seen".
    max_laps : int
        Laps round the trellis, at least 1.
    least : float
        Correlation of evidence and codeword, as a sum of +-`soft`, from which a message is of use. Where the bound of
        the first lap lies under it no message reaches it, and no further lap is walked: the message is then the best
        open path's.

    Returns
    -------
    messages : ndarray of uint8, shape (batch, code.message_bits)
    closed : ndarray of bool, shape (batch,)
        Whether a path was found that ends in the state it started from. If not, the message is the best open
        path's, and worth little.

    Raises
    ------
    ValueError
        If the shape is another, or a number is not finite.
    """
    rows = np.asarray(soft, dtype=np.float64)
    if rows.shape != (*rows.shape[:1], code.code_bits):
        raise ValueError(f"soft codewords have the shape (batch, {code.code_bits}), not {rows.shape}")
    if not np.isfinite(rows).all():
        raise ValueError("soft codewords must be finite")
    # Single precision carries the sums of a few laps exactly enough only if the rows are of order one.
    peak = np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
    peak[peak == 0.0] = 1.0
    unit = (rows / peak).astype(np.float32)
    messages = np.zeros((len(unit), code.message_bits), dtype=np.uint8)
    closed = np.zeros(len(unit), dtype=np.bool_)
    for first in range(0, len(unit), _BATCH):
        batch = slice(first, first + _BATCH)
        messages[batch], closed[batch] = _decode_batch(code, unit[batch], max_laps, least / peak[batch, 0])
    return messages, closed


def _decode_batch(code: TailBitingCode, soft: Floats, max_laps: int, least: Doubles) -> tuple[Bits, Flags]:
    """Walk laps until every frame's best path closes; frames that are done or past hope leave the batch."""
    frames = len(soft)
    tables = branch_tables(code, soft)
    start: Floats = np.zeros((1 << code.memory, frames), dtype=np.float32)
    messages = np.zeros((frames, code.message_bits), dtype=np.uint8)
    score = np.full(frames, -np.inf, dtype=np.float32)
    waiting = np.arange(frames)
    for lap in range(max_laps):
        end, choices = _walk(code, tables, start)
        best: Indices = end.argmax(axis=0)
        path, origin = _trace_back(choices, best)
        is_open = origin != best
        if lap == 0:
            # The bound of this lap makes a closed best path the answer; only the others are looked at further, as far
            # as it leaves them any hope.
            messages[:] = path
            score[~is_open] = np.inf
            is_open &= end.max(axis=0) * (1 + _ROUNDING) >= least
            tables = np.compress(is_open, tables, axis=-1)
            start = np.compress(is_open, start, axis=-1)
            end = np.compress(is_open, end, axis=-1)
            choices = np.compress(is_open, choices, axis=-1)
            waiting, is_open = waiting[is_open], is_open[is_open]
        path, gain = _best_closed(start, end, choices)
        better = gain > score[waiting]
        messages[waiting[better]] = path[better]
        score[waiting[better]] = gain[better]
        waiting = waiting[is_open]
        if not len(waiting):
            break
        tables = np.compress(is_open, tables, axis=-1)
        start = np.compress(is_open, end, axis=-1)
        start -= start.max(axis=0)
    return messages, score > -np.inf


def branch_tables(code: TailBitingCode, soft: NDArray[Real]) -> NDArray[Real]:
    """Metric of every pattern of code bits at every step: shape (steps, patterns, frames)."""
    outputs = code.rate_inverse
    patterns = np.arange(1 << outputs)[:, None] >> np.arange(outputs) & 1
    signs = (2 * patterns - 1).astype(soft.dtype)
    steps = soft.reshape(len(soft), code.message_bits, outputs).transpose(1, 2, 0)
    tables: NDArray[Real] = np.matmul(signs, np.ascontiguousarray(steps))
    return tables


@lru_cache(maxsize=8)
def branch_patterns(code: TailBitingCode) -> Indices:
    """Pattern of code bits on each butterfly's branch with newest and oldest bit 0: shape (states / 2,)."""
    middle = np.arange(1 << (code.memory - 1)) << 1
    patterns = np.zeros(len(middle), dtype=np.intp)
    for output, generator in enumerate(code.generators):
        # Generators are written with the newest bit highest, states with the newest bit lowest.
        taps = int(f"{generator:0{code.memory + 1}b}"[::-1], 2)
        patterns |= (np.bitwise_count(middle & taps).astype(np.intp) & 1) << output
    return patterns


def _walk(code: TailBitingCode, tables: Floats, start: Floats) -> tuple[Floats, Flags]:
    """Walk one lap from the metrics `start`, shape (states, frames).

    Returns the metrics at its end and, of shape (steps, 2, states / 2, frames), whether the survivor into new state
    2m + u came from the upper old state, m + S/2.
    """
    half, frames = len(start) // 2, start.shape[1]
    patterns = branch_patterns(code)
    choices: Flags = np.empty((len(tables), 2, half, frames), dtype=np.bool_)
    metrics, following = start.copy(), np.empty_like(start)
    branch, lower, upper = (np.empty((half, frames), dtype=np.float32) for _ in range(3))
    for table, choice in zip(tables, choices, strict=True):
        np.take(table, patterns, axis=0, out=branch, mode="clip")
        new = following.reshape(half, 2, frames)
        np.add(metrics[:half], branch, out=lower)
        np.subtract(metrics[half:], branch, out=upper)
        np.greater(upper, lower, out=choice[0])
        np.maximum(lower, upper, out=new[:, 0])
        np.subtract(metrics[:half], branch, out=lower)
        np.add(metrics[half:], branch, out=upper)
        np.greater(upper, lower, out=choice[1])
        np.maximum(lower, upper, out=new[:, 1])
        metrics, following = following, metrics
    return metrics, choices


def _trace_back(choices: Flags, end: Indices) -> tuple[Bits, Indices]:
    """Follow one survivor of each frame backwards: its message, shape (frames, steps), and its first state."""
    steps, _, half, frames = choices.shape
    columns = np.arange(frames)
    path = np.empty((frames, steps), dtype=np.uint8)
    state = end
    for step in range(steps - 1, -1, -1):
        newest, middle = state & 1, state >> 1
        path[:, step] = newest
        state = middle + half * choices[step, newest, middle, columns]
    return path, state


def _best_closed(start: Floats, end: Floats, choices: Flags) -> tuple[Bits, Floats]:
    """Find the best of each frame's survivors that end in their first state.

    Returns their messages and what they gained in the lap, which is their true metric; minus infinity where no
    survivor closes.
    """
    origins = _origins(choices)
    closes = origins == np.arange(len(origins), dtype=origins.dtype)[:, None]
    gains = np.where(closes, end - start, np.float32(-np.inf))
    winner: Indices = gains.argmax(axis=0)
    path, _ = _trace_back(choices, winner)
    return path, gains[winner, np.arange(len(winner))]


def _origins(choices: Flags) -> NDArray[np.uint16]:
    """First state of the survivor into every end state: shape (states, frames)."""
    _, _, half, frames = choices.shape
    origins = np.repeat(np.arange(2 * half, dtype=np.uint16)[:, None], frames, axis=1)
    following = np.empty_like(origins)
    for choice in choices:
        lower, upper = origins[:half], origins[half:]
        new = following.reshape(half, 2, frames)
        # The same as a choice between the two, but without a branch: several times faster.
        difference = lower ^ upper
        for newest in (0, 1):
            np.bitwise_xor(lower, difference * choice[newest], out=new[:, newest])
        origins, following = following, origins
    return origins
