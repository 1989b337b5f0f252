"""Error correction: the 64 bits of a payload as a codeword of 384 bits, and back from soft evidence.

The code is the Deep Space Network's convolutional code of rate 1/6 and memory 14, closed into a ring (tail-biting)
so that no bit is spent on ending it. docs/error-correction.md shows how close it comes to what is possible at its
length, and docs/decisions/0002-tail-biting-code.md why it was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracemark.coding import packed, reliability, viterbi
from tracemark.coding.convolutional import TailBitingCode

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CODE = TailBitingCode(
    generators=(0o46321, 0o51271, 0o63667, 0o70535, 0o73277, 0o76513),
    memory=14,
    message_bits=64,
)
"""The code of the wire format; generators of the (15, 1/6) code of Cassini and Mars Pathfinder."""

MESSAGE_BITS = CODE.message_bits
"""Length of a message in bits."""

CODE_BITS = CODE.code_bits
"""Length of a codeword in bits."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """What `decode` made of a received codeword.

    Parameters
    ----------
    bits : ndarray of uint8, shape (64,)
        The most likely message.
    codeword : ndarray of uint8, shape (384,)
        Its codeword; correlate it with the received evidence to judge how far to believe it.
    consistent : bool
        Whether the path through the trellis closed on itself. A decoder always returns some message: consistency
        says nothing about a mark being there, and inconsistency almost surely that the message is wrong.
    """

    bits: NDArray[np.uint8]
    codeword: NDArray[np.uint8]
    consistent: bool


def encode(bits: ArrayLike) -> NDArray[np.uint8]:
    """Encode a message of 64 bits.

    Parameters
    ----------
    bits : array of 0 and 1, shape (64,)

    Returns
    -------
    ndarray of uint8, shape (384,)

    Raises
    ------
    ValueError
        If `bits` has another shape or holds anything but 0 and 1.

    References
    ----------
    Ma and Wolf, 1986, "On tail biting convolutional codes", IEEE Transactions on Communications 34(2).
    """
    message = np.asarray(bits)
    if message.ndim != 1:
        raise ValueError(f"one message has the shape ({MESSAGE_BITS},), not {message.shape}")
    return CODE.encode(message)


def encode_packed(messages: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Encode many messages, packed eight bits to a byte.

    Parameters
    ----------
    messages : ndarray of uint8, shape (count, 8)

    Returns
    -------
    ndarray of uint8, shape (count, 48)
        See `tracemark.coding.packed`.
    """
    return packed.encode(CODE, messages)


def decode(soft: ArrayLike, least: float = 0.0) -> Decoded:
    """Find the most likely message behind a received codeword.

    Parameters
    ----------
    soft : array of float, shape (384,)
        Evidence for each code bit: positive for 1, negative for 0, zero for "not seen", in any common unit; only
        the ratios matter.
    least : float
        Correlation of evidence and codeword from which a message is of use, in the same unit. Where no message can
        reach it, the answer comes several times as fast, and is inconsistent.

    Returns
    -------
    Decoded

    Raises
    ------
    ValueError
        If `soft` has another shape or a number is not finite.

    References
    ----------
    Shao, Lin and Fossorier, 2003, "Two decoding algorithms for tailbiting codes", IEEE Transactions on
    Communications 51(10), section III.
    """
    received = np.asarray(soft)
    if received.shape != (CODE_BITS,):
        raise ValueError(f"one soft codeword has the shape ({CODE_BITS},), not {received.shape}")
    messages, closed = viterbi.decode(CODE, received[None, :], least=least)
    return Decoded(bits=messages[0], codeword=CODE.encode(messages[0]), consistent=bool(closed[0]))


def p_mistaken(soft: NDArray[np.float64], decoded: Decoded) -> float:
    """Probability that another message than the decoded one was sent.

    Parameters
    ----------
    soft : ndarray of float64, shape (384,)
        Half the log-likelihood ratio of each code bit, positive for 1; unlike for `decode`, the scale matters.
    decoded : Decoded
        What `decode` made of it.

    Returns
    -------
    float
        See `tracemark.coding.reliability`.
    """
    return reliability.p_mistaken(CODE, soft, decoded.bits)
