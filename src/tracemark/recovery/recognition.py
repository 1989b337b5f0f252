"""Recognition: which known members' codewords are in the evidence, and how sure that is.

All candidates' codewords are correlated with all evidence vectors at once. Whoever fits best is named, if chance cannot
explain it; the codeword is then taken out of all evidence, and what is left is asked for the next member (successive
cancellation, as in matching pursuit), until nobody fits well enough. `tracemark.recovery.innocence` bounds the two
ways to be wrong.

References
----------
Mallat and Zhang, 1993, "Matching pursuits with time-frequency dictionaries", IEEE Transactions on Signal Processing
41(12).
Laarhoven, 2014, "Capacities and capacity-achieving decoders for various fingerprinting games", ACM IH&MMSec (simple
decoders score each user alone; against averaging a correlation is the log-likelihood ratio).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from tracemark import coding
from tracemark.cores import in_order
from tracemark.recovery.innocence import log_p_innocent
from tracemark.recovery.statistics import FOUND, MISTAKEN, log_p_fits, probability
from tracemark.remarks import remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.payload import Payload
    from tracemark.recovery.candidates import Candidates
    from tracemark.recovery.listener import Heard, Where
    from tracemark.recovery.message import Message
    from tracemark.remarks import Remark

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]
    Indices = NDArray[np.intp]

SHARES: dict[Where, float] = {"whole": 0.25, "placement": 0.125, "part": 0.125}
"""What part of the chance of a false find each kind of evidence has; within a kind it is shared alike. The other half
is that of blind decoding."""

MOST_MEMBERS = 32
"""Members looked for in one leak."""

SHORTLIST = 64
"""Candidates of each evidence vector that are looked at closely: those that fit it best."""

CLOSELY = 4
"""Finds that are weighed exactly before the search for the next member ends."""

ROWS = 8192
"""Candidates scored at a time, by each thread: a few MiB."""

MOST_PAIRS = 1e8
"""Pairs of candidate and evidence vector that are scored; of more, those vectors whose cells agree best are taken."""


@dataclass(frozen=True, eq=False)
class Recognised:
    """A member whose codeword is in the evidence.

    Attributes
    ----------
    payload : Payload
    heard : Heard
        The evidence that names them.
    signs : ndarray of float64, shape (384,)
        Their codeword, +1 for a 1.
    score : float
        ``z`` of `tracemark.recovery.statistics`, what other members explain being taken out.
    log_p_false, log_p_mistaken : float
        Natural logarithms of `p_false` and `p_mistaken`; see `recognise`.
    runner_up : Payload or None
        The candidate, named by no evidence, who fits the same evidence next best; None if there is no other.
    margin : float
        Deviations by which the runner-up's score is lower.
    """

    payload: Payload
    heard: Heard
    signs: Doubles
    score: float
    log_p_false: float
    log_p_mistaken: float
    runner_up: Payload | None
    margin: float


def recognise(heard: Sequence[Heard], candidates: Candidates, known: Sequence[Message] = ()) -> Recognition:
    """Find the known members whose codewords are in the evidence of a leak.

    `p_false` is the probability that material without this key's mark makes any candidate fit as well in any of the
    evidence: for a codeword fixed beforehand the score is a Rademacher sum, also of what others leave of it.
    `p_mistaken` is the probability that anyone innocent fits as well, whatever marks the leak does carry; it is
    corrected for the number of members named before, so that it bounds the naming of anyone innocent in all steps
    together.

    Parameters
    ----------
    heard : sequence of Heard
    candidates : Candidates
    known : sequence of Message
        Those that blind decoding named; they are taken as given.

    Returns
    -------
    Recognition
    """
    tests = {where: sum(each.where == where for each in heard) / share for where, share in SHARES.items()}
    keys = {each.key.id: each.key for each in heard}
    found: list[Recognised] = []
    score, log_p_false = 0.0, 0.0
    for key in keys.values():
        messages = [message for message in known if message.key == key]
        search = _Search([each for each in heard if each.key == key], candidates, tests, messages)
        search.run()
        found += search.found()
        if search.best and search.best.log_p_false <= log_p_false:
            score, log_p_false = search.best.score, search.best.log_p_false
    return Recognition(found, len(candidates), score, log_p_false)


@dataclass(frozen=True, eq=False)
class Recognition:
    """What recognition says of a leak.

    Attributes
    ----------
    found : list of Recognised
        Candidates that blind decoding named first, then in the order in which they were found.
    candidates : int
        How many were compared.
    score, log_p_false : float
        Of whoever fits best and is not named; 0 if there was nothing to compare with.
    """

    found: list[Recognised]
    candidates: int
    score: float = 0.0
    log_p_false: float = 0.0

    @property
    def reason(self) -> Remark:
        """Why nobody was recognised."""
        chance = probability(self.log_p_false)
        return remark("unrecognised", candidates=self.candidates, score=self.score, chance=chance)


class _Search:
    """Looks for one member after the other under one key."""

    def __init__(
        self, heard: Sequence[Heard], candidates: Candidates, tests: dict[Where, float], known: Sequence[Message]
    ) -> None:
        self.best: _Named | None = None
        self._heard = list(heard)
        self._candidates = candidates
        self._soft = np.array([each.soft / sqrt(each.energy) for each in heard])
        self._log_pairs = np.array([log(tests[each.where] * len(candidates)) for each in heard])
        codewords = candidates.codewords(heard[0].key)
        members = shortlist(codewords, self._soft.astype(np.float32))
        listed = [candidates.index(message.payload) for message in known]
        self._members = np.union1d(members, [index for index in listed if index is not None]).astype(np.intp)
        self._signs = signs_of(codewords[self._members])
        self._named: list[_Named] = [self._given(message, index) for message, index in zip(known, listed, strict=True)]

    def _given(self, message: Message, index: int | None) -> _Named:
        row = None if index is None else int(np.searchsorted(self._members, index))
        vector = int((self._soft @ message.signs).argmax())
        return _Named(row, vector, message.signs, message.score, message.log_p_false, log(message.p_mistaken))

    def run(self) -> None:
        """Name members until nobody fits well enough."""
        while len(self._named) < MOST_MEMBERS and (found := self._next()) is not None:
            self._named.append(found)

    def found(self) -> list[Recognised]:
        """Give those who were named and are candidates."""
        return [self._told(named) for named in self._named if named.row is not None]

    def _next(self) -> _Named | None:
        """Look for whoever fits best what is left, and name them if chance cannot explain it."""
        left = self._without(self._named)
        scores = self._scores(left)
        length = np.linalg.norm(left, axis=1)
        rows = scores.argmax(axis=1)
        best = np.maximum(np.take_along_axis(scores, rows[:, None], axis=1)[:, 0], 0.0) / np.maximum(length, 1.0)
        likely = np.argsort(self._log_pairs - best * best / 2)[:CLOSELY]
        weighed = [self._weighed(int(vector), int(rows[vector]), left, scores) for vector in likely]
        surest = min(weighed, key=lambda each: each.log_p_mistaken)
        self.best = surest
        return surest if surest.certain else None

    def _weighed(self, vector: int, row: int, left: Doubles, scores: Floats) -> _Named:
        """Bound the chance that this candidate is named falsely."""
        score, evidence, pairs = float(scores[vector, row]), left[vector], float(self._log_pairs[vector])
        signs = self._signs[row].astype(np.float64)
        false = log_p_fits(score, pairs)
        if false > log(FOUND):  # whoever's mark it might be
            return _Named(row, vector, signs, score, false, 0.0)
        best = coding.decode(evidence.astype(np.float32)).codeword * 2.0 - 1
        steps = len(self._named) + 1
        mistaken = log_p_innocent(score, float(evidence @ best), float(evidence @ evidence))
        mistaken = min(mistaken + pairs + log(steps * (steps + 1)), 0.0)
        return _Named(row, vector, signs, score, false, mistaken)

    def _without(self, named: Sequence[_Named]) -> Doubles:
        """Evidence with what some members explain taken out, as far as their codewords span it."""
        if not named:
            return self._soft
        base, _ = np.linalg.qr(np.array([each.signs for each in named]).T)
        return np.asarray(self._soft - (self._soft @ base) @ base.T, np.float64)

    def _scores(self, evidence: Doubles) -> Floats:
        scores: Floats = evidence.astype(np.float32) @ self._signs.T
        scores[:, [each.row for each in self._named if each.row is not None]] = -inf
        return scores

    def _told(self, named: _Named) -> Recognised:
        left = self._without([each for each in self._named if each is not named])[named.vector]
        score = float(left @ named.signs)
        others = self._scores(left[None])[0]
        second = int(others.argmax())
        runner_up = self._candidates.payload(int(self._members[second])) if np.isfinite(others[second]) else None
        assert named.row is not None
        return Recognised(
            payload=self._candidates.payload(int(self._members[named.row])),
            heard=self._heard[named.vector],
            signs=named.signs,
            score=score,
            log_p_false=named.log_p_false,
            log_p_mistaken=named.log_p_mistaken,
            runner_up=runner_up,
            margin=score - float(others[second]) if runner_up else inf,
        )


@dataclass(frozen=True, eq=False)
class _Named:
    """A member of the shortlist, or one that blind decoding named and who is no candidate."""

    row: int | None
    vector: int
    signs: Doubles
    score: float
    log_p_false: float
    log_p_mistaken: float

    @property
    def certain(self) -> bool:
        return self.log_p_false <= log(FOUND) and self.log_p_mistaken <= log(MISTAKEN)


def shortlist(codewords: NDArray[np.uint8], soft: Floats) -> Indices:
    """Choose the candidates that fit any evidence vector best.

    Parameters
    ----------
    codewords : ndarray of uint8, shape (count, 48)
        Packed; see `Candidates.codewords`.
    soft : ndarray of float32, shape (vectors, 384)
        Evidence vectors, of unit energy.

    Returns
    -------
    ndarray of intp
        Ascending; everyone, if they are few.
    """
    count = len(codewords)
    if count <= ROWS:
        return np.arange(count)
    most = max(int(MOST_PAIRS / count), 1)
    agreeing = np.argsort(-(soft * soft).sum(axis=1))[:most]
    chosen = np.ascontiguousarray(soft[agreeing].T)
    pieces = [slice(start, start + ROWS) for start in range(0, count, ROWS)]

    def best(piece: slice) -> tuple[Indices, Floats]:
        scores = _unpacked(codewords[piece]) @ chosen
        kept = np.argpartition(-scores, min(SHORTLIST, len(scores)) - 1, axis=0)[:SHORTLIST]
        return kept + piece.start, np.take_along_axis(scores, kept, axis=0)

    indices, scores = (np.concatenate(each) for each in zip(*in_order(best, pieces), strict=True))
    kept = np.argpartition(-scores, SHORTLIST - 1, axis=0)[:SHORTLIST]
    return np.unique(np.take_along_axis(indices, kept, axis=0))


def signs_of(codewords: NDArray[np.uint8]) -> Floats:
    """Unpack codewords to signs, +1 for a 1."""
    return _unpacked(codewords) * np.float32(2) - np.float32(1)


def _unpacked(codewords: NDArray[np.uint8]) -> Floats:
    return np.unpackbits(codewords, axis=1).astype(np.float32)
