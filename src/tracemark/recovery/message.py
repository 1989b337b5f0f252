"""What a decode has to say so far: messages, and how many evidence vectors were looked at for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from tracemark.cores import wait
from tracemark.recovery.statistics import CERTAIN, log_p_false, probability

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from tracemark.keys import Key
    from tracemark.payload import Payload
    from tracemark.recovery.listener import Listener

Told = TypeVar("Told")


@dataclass
class Trials:
    """Evidence vectors that were looked at, over all tracks of a leak; `p_false` is corrected for them.

    Parameters
    ----------
    count : int
    listener : Listener or None
        Keeps what thorough attempts looked at, where members are known that it may be recognised by.
    """

    count: int = 0
    listener: Listener | None = None

    def told(self, ask: Callable[[int], Told], regardless: Callable[[Told], bool]) -> Told:
        """Ask for what depends on how many vectors were looked at so far.

        Parameters
        ----------
        ask : callable
            Given the number.
        regardless : callable
            Whether an answer would be the same for any larger number.

        Returns
        -------
        object
            The answer to the true number.
        """
        del regardless  # the number is known
        return ask(self.count)

    def log_p_false(self, score: float) -> float:
        """Tell `statistics.log_p_false` of a score after all that was looked at."""
        # more trials only make it likelier that chance explains a score
        return self.told(lambda count: log_p_false(score, count), lambda chance: chance >= 0)


class Ahead(Trials):
    """Trials of a track that looks before the turn of its trials comes: those of other tracks count before its own.

    It answers what does not depend on how many they are, and waits for its turn only with the rest, so that a track
    ends as if it had begun after the others.

    Parameters
    ----------
    shared : Trials
        In which those of all tracks are counted, one track after the other.

    Attributes
    ----------
    turn : threading.Event
        Set it once all that counts before is in `shared`.
    """

    def __init__(self, shared: Trials) -> None:
        super().__init__(listener=type(shared.listener)() if shared.listener else None)
        self.turn = Event()
        self._shared = shared

    def told(self, ask: Callable[[int], Told], regardless: Callable[[Told], bool]) -> Told:
        """Ask for what depends on how many vectors were looked at so far; see `Trials.told`."""
        known = self.turn.is_set()  # before the number is read: it only grows until then
        told = ask(self._shared.count + self.count)
        if known or regardless(told):
            return told
        wait(self.turn)
        return ask(self._shared.count + self.count)

    def join(self) -> None:
        """Count them after all that is in `shared`."""
        self._shared.count += self.count
        if self._shared.listener and self.listener:
            self._shared.listener.join(self.listener)


@dataclass(frozen=True)
class Message:
    """A message that a leak may hold.

    Attributes
    ----------
    key : Key
    payload : Payload
    signs : ndarray of float64, shape (384,)
        Its codeword, +1 for a 1.
    score : float
        ``z`` of `tracemark.recovery.statistics`.
    log_p_false, p_mistaken : float
    offset : int
        Bins from the start of a cycle to the start of the leak.
    start, end : float
        Seconds of the leak between which it was seen.
    clock : dict of int to ndarray
        `Evidence.clock`.
    pilot : float
        Score of the pilot it was read by.
    trace : tuple of tuple of float
        Slot by slot: its middle in seconds of the track, evidence for this message, and variance that chance gives it.
    places : ndarray of float64, shape (rows, columns), or None
        What the pilot answered in every cell.
    """

    key: Key
    payload: Payload
    signs: NDArray[np.float64]
    score: float
    log_p_false: float
    p_mistaken: float
    offset: int
    start: float
    end: float
    clock: dict[int, NDArray[np.float64]]
    pilot: float
    trace: tuple[tuple[float, float, float], ...] = ()
    places: NDArray[np.float64] | None = None

    @property
    def certain(self) -> bool:
        """Whether it is known beyond all reasonable doubt."""
        return max(probability(self.log_p_false), self.p_mistaken) <= CERTAIN

    def continues(self, later: Message, step: int) -> bool:
        """Tell whether a message found later is this one.

        Parameters
        ----------
        later : Message
        step : int
            Bins by which the offset may have moved; a jump would be another part of the stream.

        Returns
        -------
        bool
        """
        return (self.key, self.payload) == (later.key, later.payload) and abs(self.offset - later.offset) <= step

    def joined(self, later: Message) -> Message:
        """Take a later find of the same message into this one, as sure as the surer of both."""
        surer = max(self, later, key=lambda each: each.score)
        clock = self.clock | later.clock
        return replace(surer, start=self.start, end=later.end, clock=clock, trace=self.trace + later.trace)
