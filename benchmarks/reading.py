"""All that a decode said, in a form that can be kept: whoever it named, and where it found the picture."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Self

    from tracemark import Decoding, Payload

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Reading:
    """What the decoder said of one file.

    Attributes
    ----------
    verdict : str
        found, inconclusive or absent; error if the decoder failed.
    named : tuple of tuple
        Session, member and p_false of everyone named.
    p_false : float or None
        Of the verdict.
    evidence : float or None
        Statistic that p_false comes from.
    matrix : tuple of tuple, or None
        Homography from leak to host, normalised.
    seconds_used, seconds_taken : float
        Seconds of the leak that were read, and seconds that it took beside whatever else ran.
    reasons : tuple of str
        In the decoder's words.
    """

    verdict: str
    named: Rows = ()
    p_false: float | None = None
    evidence: float | None = None
    matrix: Rows | None = None
    seconds_used: float = 0.0
    seconds_taken: float = 0.0
    reasons: tuple[str, ...] = ()

    @classmethod
    def of(cls, decode: Callable[[], Decoding]) -> Self:
        """Decode, and take the time."""
        begin = perf_counter()
        try:
            decoding = decode()
        except Exception as error:  # noqa: BLE001 - a decoder that fails is a result, and the other files go on
            reason = str(error) or type(error).__name__
            return cls("error", seconds_taken=perf_counter() - begin, reasons=(reason,))
        named = {}
        if decoding.verdict == "found":
            # A decoder that can tell several viewers apart lists all of them.
            for one in (decoding, *getattr(decoding, "members", ())):
                if one.payload is not None:
                    named[one.payload.session, one.payload.member] = one.p_false
        return cls(
            verdict=decoding.verdict,
            named=tuple((*who, p_false) for who, p_false in named.items()),
            p_false=decoding.p_false,
            evidence=decoding.score,
            matrix=decoding.geometry.matrix,
            seconds_used=decoding.seconds_used,
            seconds_taken=perf_counter() - begin,
            reasons=tuple(decoding.reasons),
        )

    @classmethod
    def revived(cls, kept: dict[str, Any]) -> Self:
        """Make one of what `dataclasses.asdict` made of it, by way of JSON."""
        named = tuple(tuple(each) for each in kept["named"])
        matrix = None if kept["matrix"] is None else tuple(tuple(row) for row in kept["matrix"])
        return cls(**kept | {"named": named, "matrix": matrix, "reasons": tuple(kept["reasons"])})

    def names(self, viewers: Collection[Payload]) -> bool:
        """Whether it found all of these viewers, and nobody else."""
        return self.verdict == "found" and self._named() == _numbers(viewers)

    def wrong(self, viewers: Collection[Payload]) -> bool:
        """Whether it named anybody else."""
        return bool(self._named() - _numbers(viewers))

    def _named(self) -> set[tuple[float, float]]:
        return {(session, member) for session, member, _ in self.named}


def _numbers(viewers: Collection[Payload]) -> set[tuple[float, float]]:
    return {(viewer.session, viewer.member) for viewer in viewers}
