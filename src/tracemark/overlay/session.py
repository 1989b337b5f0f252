"""Session and member to the visible code and back, under a key.

The code says nothing without the key, cannot be computed by an outsider, and tells nothing of the invisible mark: its
permutation of the payload is another than the mark's, so that somebody who reads the code knows no bit of the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from tracemark.overlay.crockford import SYMBOLS, with_check
from tracemark.payload import PAYLOAD_BITS, Payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracemark.keys import Key

SYMBOL_BITS = 5

TAG_BITS = (SYMBOLS - 1) * SYMBOL_BITS - PAYLOAD_BITS
"""Bits of the tag that tells codes of a key from all others: 11, what 15 symbols leave beside the payload's 64."""

_SCRAMBLE_STREAM = "session code"
_TAG_STREAM = "session code tag"


def code_of(payload: Payload, key: Key) -> tuple[int, ...]:
    """Make the visible code of a viewer.

    The payload is scrambled as for the mark (`Payload.scramble`), but under the key's stream ``session code``. Then
    come the first 11 bits of AES-256 of that message (8 bytes) and 8 zero bytes, under the first 32 bytes of the
    stream ``session code tag``; then the check symbol.

    Parameters
    ----------
    payload : Payload
    key : Key

    Returns
    -------
    tuple of int
        `SYMBOLS` values, 0 to 31; `tracemark.overlay.crockford.written` writes them.

    References
    ----------
    Bellare and Namprempre, 2000, "Authenticated encryption", ASIACRYPT, section 4 (encrypt, then tag).
    """
    message = payload.scramble(key, _SCRAMBLE_STREAM)
    bits = np.concatenate([message, _tag(message, key)]).reshape(-1, SYMBOL_BITS)
    return with_check([int(value) for value in bits @ (1 << np.arange(SYMBOL_BITS)[::-1])])


def payload_of(values: Sequence[int], key: Key) -> Payload | None:
    """Tell whose a code is.

    Parameters
    ----------
    values : sequence of int
        From `tracemark.overlay.crockford.read`.
    key : Key

    Returns
    -------
    Payload or None
        None if the code was not made with this key; of codes made without it, one in 2048 passes.
    """
    octets = np.array(values[: SYMBOLS - 1], np.uint8)
    bits = np.unpackbits(octets[:, None], axis=1)[:, -SYMBOL_BITS:].ravel()
    message, tag = bits[:PAYLOAD_BITS], bits[PAYLOAD_BITS:]
    if not np.array_equal(tag, _tag(message, key)):
        return None
    return Payload.unscramble(message, key, _SCRAMBLE_STREAM)


def _tag(message: np.ndarray, key: Key) -> np.ndarray:
    # ECB is right here: one block that is a message authentication code, never a text.
    encryptor = Cipher(AES(key.stream(_TAG_STREAM).bytes(32)), ECB()).encryptor()  # noqa: S305
    octets = encryptor.update(np.packbits(message).tobytes() + bytes(8))
    return np.unpackbits(np.frombuffer(octets[:2], np.uint8))[:TAG_BITS]
