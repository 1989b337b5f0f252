"""Memory that is lent out, comes back by itself, and is lent out again."""

from __future__ import annotations

import weakref
from collections import deque
from mmap import mmap
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

WINDOW = 256
"""Loans after which blocks are let go that were not needed since: a few frames of a full house."""


class Block(Protocol):
    """A piece of memory with whatever its owner keeps beside it."""

    memory: NDArray[np.uint8]


AnyBlock = TypeVar("AnyBlock", bound=Block)


class Pool(Generic[AnyBlock]):
    """Blocks of one kind.

    A loan is an array of bytes over the block's memory. The block comes back when that array and everything that
    was made of it is gone: slices, frames of PyAV, and the references that an encoder's threads hold to such a frame.
    Nobody has to give anything back, and nobody's memory is overwritten.

    Parameters
    ----------
    make : callable
        Makes one more block, when all are lent out.

    Attributes
    ----------
    made : int
        Blocks made so far. In steady state it stands still.

    Notes
    -----
    Loans end wherever the last reference is dropped, in any thread and even within `lend`, when the garbage
    collector runs. So there is no lock: a deque's ends are safe as they are.
    """

    def __init__(self, make: Callable[[], AnyBlock]) -> None:
        self.made = 0
        self._make = make
        self._free: deque[AnyBlock] = deque()
        self._loans: dict[int, weakref.ref[NDArray[np.uint8]]] = {}
        self._peak = self._count = 0

    def lend(self) -> tuple[NDArray[np.uint8], AnyBlock]:
        """Lend a block.

        Returns
        -------
        loan : ndarray of uint8, shape (bytes,)
            As long as it or anything made of it lives, nobody else gets the block.
        block
            For writing, by the borrower only; it does not keep the loan alive.
        """
        try:
            block = self._free.pop()
        except IndexError:
            block = self._make()
            self.made += 1
        # numpy lets slices refer to the array that owns the memory, past all between; a memoryview stops it there
        loan = np.frombuffer(block.memory.data, np.uint8)
        number = id(block)

        def come_back(_: object, loans: dict[int, weakref.ref[NDArray[np.uint8]]] = self._loans) -> None:
            loans.pop(number, None)
            self._free.append(block)

        self._loans[number] = weakref.ref(loan, come_back)
        self._trim()
        return loan, block

    @property
    def lent(self) -> int:
        """Blocks that are lent out now."""
        return len(self._loans)

    @property
    def free(self) -> int:
        """Blocks that wait."""
        return len(self._free)

    def _trim(self) -> None:
        """Let go what a whole window of loans did without, so that a full house does not cost memory for ever."""
        self._peak = max(self._peak, self.lent)
        self._count += 1
        if self._count < WINDOW:
            return
        for _ in range(self.free + self.lent - self._peak):
            try:
                self._free.popleft()
            except IndexError:
                break
        self._peak, self._count = self.lent, 0


def fresh(size: int) -> NDArray[np.uint8]:
    """Make memory that the system gets back as a whole when it is let go.

    Parameters
    ----------
    size : int
        Bytes.

    Returns
    -------
    ndarray of uint8, shape (size,)
        Zeros, from the start of a page on.

    Notes
    -----
    Blocks of changing sizes from numpy's own allocator leave holes between them that are neither used nor given back.
    """
    return np.frombuffer(mmap(-1, size), np.uint8)
