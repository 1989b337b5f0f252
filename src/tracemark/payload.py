"""The payload: which session, which member, and the 64 bits that say so to nobody without the key.

Session and member are numbers of 32 bits. Before they are encoded they pass through a keyed permutation of all
64-bit blocks, so that members with neighbouring numbers get unrelated codewords (a leak is never "nearly" the
neighbour's, and averaging two copies does not leave most bits standing) and the bits mean nothing to a stranger
who could read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from tracemark.errors import PayloadError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from tracemark.keys import Key

PAYLOAD_BITS = 64
"""Length of a payload in bits: 32 of session, then 32 of member."""

_HALF_BITS = 32
_HALF_LIMIT = 1 << _HALF_BITS
# Four rounds of a Feistel network with pseudorandom functions already make a strong pseudorandom permutation (Luby
# and Rackoff); ten, as in NIST's FF1, keep a margin on halves as small as 32 bits.
_ROUNDS = 10

SCRAMBLE_STREAM = "payload"
"""Keystream of the mark's own permutation."""


@dataclass(frozen=True)
class Payload:
    """Who a copy was made for.

    Parameters
    ----------
    session : int
        The session shown, from 0 to 4294967295.
    member : int
        The member it was shown to, from 0 to 4294967295.

    Raises
    ------
    PayloadError
        If a number is outside its range or not an integer.
    """

    session: int
    member: int

    def __post_init__(self) -> None:
        """Refuse numbers that do not fit 32 bits; take the integers of other libraries as Python's own."""
        for name in ("session", "member"):
            given = getattr(self, name)
            try:
                number = index(given)
            except TypeError:
                number = -1
            if not 0 <= number < _HALF_LIMIT:
                raise PayloadError(
                    f"the {name} {given!r} cannot be marked", f"give an integer from 0 to {_HALF_LIMIT - 1}"
                )
            object.__setattr__(self, name, number)

    def scramble(self, key: Key, stream: str = SCRAMBLE_STREAM) -> NDArray[np.uint8]:
        """Encrypt the payload to the message that is encoded and marked.

        A balanced Feistel network of 10 rounds takes the block (session, member) to (left, right). In round r the
        halves become (right, left xor F_r(right)); F_r is the first 4 bytes of AES-256 of the block r (1 byte),
        right (4 bytes) and 11 zero bytes, under the first 32 bytes of the key's stream ``payload``. Every number is
        big-endian.

        Parameters
        ----------
        key : Key
        stream : str
            Another stream makes another permutation, for what is not the mark.

        Returns
        -------
        ndarray of uint8, shape (64,)
            Bits, the most significant of ``left`` first, then those of ``right``.

        References
        ----------
        Luby and Rackoff, 1988, "How to construct pseudorandom permutations from pseudorandom functions", SIAM
        Journal on Computing 17(2), section 3.
        Dworkin, 2016, NIST SP 800-38G, section 5 (number of rounds).
        """
        left, right = self.session, self.member
        permuter = _RoundFunctions(key, stream)
        for number in range(_ROUNDS):
            left, right = right, left ^ permuter.apply(number, right)
        octets = left.to_bytes(4, "big") + right.to_bytes(4, "big")
        return np.unpackbits(np.frombuffer(octets, dtype=np.uint8))

    @classmethod
    def unscramble(cls, bits: ArrayLike, key: Key, stream: str = SCRAMBLE_STREAM) -> Payload:
        """Decrypt a decoded message; the inverse of `scramble`.

        Every message is some payload, with the wrong key too: whether to believe it is the verdict's business.

        Parameters
        ----------
        bits : array of 0 and 1, shape (64,)
        key : Key
        stream : str
            That it was scrambled with.

        Raises
        ------
        ValueError
            If `bits` has another shape or holds anything but 0 and 1.
        """
        message = np.asarray(bits)
        if message.shape != (PAYLOAD_BITS,) or not np.isin(message, (0, 1)).all():
            raise ValueError(f"a message is {PAYLOAD_BITS} bits of 0 and 1")
        octets = np.packbits(message.astype(np.uint8)).tobytes()
        left, right = int.from_bytes(octets[:4], "big"), int.from_bytes(octets[4:], "big")
        permuter = _RoundFunctions(key, stream)
        for number in reversed(range(_ROUNDS)):
            left, right = right ^ permuter.apply(number, left), left
        return cls(session=left, member=right)


def scramble_all(payloads: NDArray[np.uint32], key: Key) -> NDArray[np.uint8]:
    """Encrypt many payloads at once, as `Payload.scramble` does each.

    Parameters
    ----------
    payloads : ndarray of uint32, shape (count, 2)
        Sessions and members.
    key : Key

    Returns
    -------
    ndarray of uint8, shape (count, 8)
        The messages' bits, eight to a byte, the first in the most significant place.
    """
    left, right = payloads[:, 0].astype(">u4"), payloads[:, 1].astype(">u4")
    permuter = _RoundFunctions(key, SCRAMBLE_STREAM)
    for number in range(_ROUNDS):
        left, right = right, left ^ permuter.apply_all(number, right)
    return np.stack([left, right], axis=1).astype(">u4").view(np.uint8).reshape(-1, PAYLOAD_BITS // 8)


class _RoundFunctions:
    """The Feistel network's pseudorandom functions, one for each round: AES of the round and the half."""

    def __init__(self, key: Key, stream: str) -> None:
        secret = key.stream(stream).bytes(32)
        # ECB is right here: a pseudorandom function of single blocks that never repeat within one payload.
        self._encryptor = Cipher(AES(secret), ECB()).encryptor()  # noqa: S305

    def apply(self, number: int, half: int) -> int:
        block = bytes([number]) + half.to_bytes(4, "big") + bytes(11)
        return int.from_bytes(self._encryptor.update(block)[:4], "big")

    def apply_all(self, number: int, halves: NDArray[np.uint32]) -> NDArray[np.uint32]:
        blocks = np.zeros((len(halves), 16), np.uint8)
        blocks[:, 0] = number
        blocks[:, 1:5] = halves.astype(">u4").view(np.uint8).reshape(-1, 4)
        answers = np.frombuffer(self._encryptor.update(blocks.data), np.uint8).reshape(-1, 16)
        return np.ascontiguousarray(answers[:, :4]).view(">u4").ravel()
