"""Tail-biting convolutional codes of rate 1/n: what a code is, and how it encodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class TailBitingCode:
    """A feed-forward convolutional code of rate 1/n whose shift register starts as it will end.

    Message bit u_t gives n code bits, v_(t,j) = sum over d of g_(j,d) u_(t-d) modulo 2, with the index t - d taken
    modulo the message length: the last bits of the message fill the register before its first. No tail is spent
    on emptying the register, and every message bit is protected alike.

    Parameters
    ----------
    generators : tuple of int
        One polynomial for each code bit of a message bit. The most significant of the memory + 1 bits taps the
        present message bit, the least significant the oldest. Every polynomial must tap both: then the two
        branches that meet in a state carry opposite code bits, on which the decoder relies.
    memory : int
        Earlier message bits in the register; the trellis has 2**memory states.
    message_bits : int
        Length of the message, at least the memory.

    Raises
    ------
    ValueError
        If a generator does not tap both ends of the register, or the message is shorter than the memory.

    References
    ----------
    Ma and Wolf, 1986, "On tail biting convolutional codes", IEEE Transactions on Communications 34(2).
    """

    generators: tuple[int, ...]
    memory: int
    message_bits: int

    def __post_init__(self) -> None:
        """Refuse codes for which the decoder's butterflies would be wrong."""
        ends = 1 << self.memory | 1
        if any(generator >> (self.memory + 1) or generator & ends != ends for generator in self.generators):
            raise ValueError("every generator must have memory + 1 bits and tap both ends of the register")
        if self.message_bits < self.memory:
            raise ValueError("the message must be at least as long as the memory")

    @property
    def rate_inverse(self) -> int:
        """Code bits for each message bit."""
        return len(self.generators)

    @property
    def code_bits(self) -> int:
        """Length of the codeword."""
        return self.message_bits * self.rate_inverse

    def encode(self, messages: ArrayLike) -> NDArray[np.uint8]:
        """Encode one message or many.

        Parameters
        ----------
        messages : array of 0 and 1, shape (..., message_bits)

        Returns
        -------
        ndarray of uint8, shape (..., code_bits)
            Codewords; the code bits of one message bit stand together, in the order of the generators.

        Raises
        ------
        ValueError
            If the last axis has another length, or an element is neither 0 nor 1.
        """
        bits = np.asarray(messages)
        if bits.shape[-1:] != (self.message_bits,):
            raise ValueError(f"a message has {self.message_bits} bits, the array has the shape {bits.shape}")
        if not np.isin(bits, (0, 1)).all():
            raise ValueError("a message holds only 0 and 1")
        bits = bits.astype(np.uint8)
        delayed = [np.roll(bits, delay, axis=-1) for delay in range(self.memory + 1)]
        outputs = [
            reduce(xor, (delayed[delay] for delay in range(self.memory + 1) if generator >> (self.memory - delay) & 1))
            for generator in self.generators
        ]
        return np.stack(outputs, axis=-1).reshape(*bits.shape[:-1], self.code_bits)
