"""Known members: who may have leaked, so that a leak need only be told apart from them and not from all 2^64."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tracemark import coding
from tracemark.payload import Payload, scramble_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.keys import Key

Interval = tuple[float, float]
"""Media time, in seconds from the start of the stream, between which a member was connected."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Members whose copies a leak may be.

    Parameters
    ----------
    payloads : array of uint32, shape (count, 2)
        Session and member of each, no two alike.
    labels : sequence of str, optional
        What each is called; none if empty.
    connected : sequence of sequences of tuple of float, optional
        Of each, the stretches of media time that were shown to them; none if empty, which means that nothing is known.

    Raises
    ------
    ValueError
        If a shape or number is wrong, or two are alike.
    """

    payloads: NDArray[np.uint32]
    labels: Sequence[str] = ()
    connected: Sequence[Sequence[Interval]] = ()
    _encoded: dict[str, NDArray[np.uint8]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Bring payloads to the right type, and refuse what does not fit."""
        given = np.asarray(self.payloads)
        if given.size == 0:
            given = np.zeros((0, 2), np.uint32)
        if given.ndim != 2 or given.shape[1] != 2 or given.dtype.kind not in "iu":
            raise ValueError(f"candidates are pairs of integers, session and member, not {given.dtype} {given.shape}")
        if given.min(initial=0) < 0 or given.max(initial=0) >= 1 << 32:
            raise ValueError("sessions and members are numbers from 0 to 4294967295")
        numbers = np.ascontiguousarray(given, np.uint32)
        if len(np.unique(numbers.view(np.uint64))) != len(numbers):
            raise ValueError("two candidates have the same session and member")
        for name in ("labels", "connected"):
            if len(getattr(self, name)) not in (0, len(numbers)):
                raise ValueError(f"there are {len(getattr(self, name))} {name} for {len(numbers)} candidates")
        object.__setattr__(self, "payloads", numbers)

    def __len__(self) -> int:
        """Count them."""
        return len(self.payloads)

    @classmethod
    def of(cls, payloads: Sequence[Payload]) -> Candidates:
        """Take payloads one by one."""
        return cls(np.array([(each.session, each.member) for each in payloads], np.uint32).reshape(-1, 2))

    def payload(self, index: int) -> Payload:
        """Session and member of one of them."""
        session, member = self.payloads[index].tolist()
        return Payload(session=session, member=member)

    def index(self, payload: Payload) -> int | None:
        """Place of a payload among them; None if it is not there."""
        same = (self.payloads[:, 0] == payload.session) & (self.payloads[:, 1] == payload.member)
        places = np.flatnonzero(same)
        return int(places[0]) if len(places) else None

    def label(self, payload: Payload) -> str | None:
        """Tell what a payload is called, if it is known and has a name."""
        index = self.index(payload) if len(self.labels) else None
        return None if index is None else self.labels[index]

    def only(self, chosen: NDArray[np.bool_]) -> Candidates:
        """Keep some of them.

        Parameters
        ----------
        chosen : ndarray of bool, shape (count,)

        Returns
        -------
        Candidates
        """
        kept = np.flatnonzero(chosen).tolist()
        return Candidates(
            self.payloads[kept],
            [self.labels[index] for index in kept] if len(self.labels) else (),
            [self.connected[index] for index in kept] if len(self.connected) else (),
        )

    def of_session(self, session: int) -> Candidates:
        """Keep those of one session."""
        return self.only(self.payloads[:, 0] == session)

    def connected_between(self, start: float, end: float) -> Candidates:
        """Keep those to whom anything between two media times was shown; everyone, if nothing is known."""
        if not len(self.connected):
            return self
        return self.only(np.array([_overlap(each, start, end) for each in self.connected], bool))

    def was_connected(self, index: int, start: float, end: float) -> bool | None:
        """Whether anything between two media times was shown to one of them; None if nothing is known."""
        return _overlap(self.connected[index], start, end) if len(self.connected) else None

    def codewords(self, key: Key) -> NDArray[np.uint8]:
        """Encode all of them under a key, once for any number of leaks: of a million that takes 48 MB.

        Parameters
        ----------
        key : Key

        Returns
        -------
        ndarray of uint8, shape (count, 48)
            Codewords, eight bits to a byte, the first in the most significant place.
        """
        if key.id not in self._encoded:
            self._encoded[key.id] = coding.encode_packed(scramble_all(self.payloads, key))
        return self._encoded[key.id]


def _overlap(stretches: Sequence[Interval], start: float, end: float) -> bool:
    return any(begin <= end and start <= finish for begin, finish in stretches)
