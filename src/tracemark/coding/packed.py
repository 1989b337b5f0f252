"""Many messages encoded at once: a linear code's codeword is the exclusive or of one table row a message byte."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.coding.convolutional import TailBitingCode

    Bytes = NDArray[np.uint8]


def encode(code: TailBitingCode, messages: Bytes) -> Bytes:
    """Encode packed messages to packed codewords.

    Parameters
    ----------
    code : TailBitingCode
        Of whole bytes.
    messages : ndarray of uint8, shape (count, message_bits / 8)
        Eight bits to a byte, the first in the most significant place.

    Returns
    -------
    ndarray of uint8, shape (count, code_bits / 8)
        Likewise.
    """
    tables = _tables(code)
    words: NDArray[np.uint64] = tables[0].take(messages[:, 0], axis=0)
    for place in range(1, len(tables)):
        words ^= tables[place].take(messages[:, place], axis=0)
    return np.asarray(words.view(np.uint8), np.uint8)


@lru_cache(maxsize=2)
def _tables(code: TailBitingCode) -> NDArray[np.uint64]:
    """Codewords of every byte at every place of an otherwise empty message, in words of 64 bits."""
    places = code.message_bits // 8
    messages = np.zeros((places, 256, places), np.uint8)
    for place in range(places):
        messages[place, :, place] = np.arange(256)
    packed = np.packbits(code.encode(np.unpackbits(messages, axis=-1)), axis=-1)
    return np.ascontiguousarray(packed).view(np.uint64)
