"""What files look like: PDQ hashes of frames a second apart, and a library of them to look others up in.

Pictures that people would call the same differ in few of 256 bits, strangers in about half. vPDQ compares videos by the
frames that they have in common; so does this, on the same hashes.

References
----------
Facebook, 2019, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm".
Meta, 2023, "vPDQ", ThreatExchange.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import cv2
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

BITS = 256
"""Length of a hash."""

NEAR = 31
"""Bits in which hashes of the same picture may differ: ThreatExchange's recommendation for PDQ and vPDQ."""

SHOWN = 64
"""Bits in which a frame may differ from an own recording's to be worth a closer look. Some movement, a twentieth cut
off or a tilt of two degrees stay below it, strangers do not (docs/patrol.md). A mistake costs time only."""

PLAIN = 50
"""Quality below which a picture is too plain to be recognised by, as ThreatExchange has it."""

ALIKE = 0.8
"""Share of the frames of each of two files that the other must have, for them to look alike."""

APART = 1.0
"""Seconds between frames that are hashed."""

OWN_APART = 0.25
"""The same for own recordings: a leak's frames fall anywhere between theirs."""

SIDE = 512
"""Longest side of the picture that is hashed, in pixels; PDQ itself goes down to 64."""

TURNS = 8
"""Ways to turn and mirror a picture."""

RECENT = 1 << 18
"""Frames of earlier files that a file is compared with, at least; twice as many at most."""

_WORDS = BITS // 64
_ROWS_AT_ONCE = 1 << 16

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What a file looks like.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (frames, turns, 4)
        Of every frame that is not too plain: as it stands, or in all its eight turns, that one first.
    seen : int
        Frames looked at, plain ones among them.
    """

    hashes: Hashes
    seen: int

    @property
    def upright(self) -> Hashes:
        """Hashes of the frames as they stand, of shape (frames, 4)."""
        return np.ascontiguousarray(self.hashes[:, 0])

    def to_text(self) -> str:
        """Write it for JSON."""
        bits = base64.b64encode(self.hashes.astype("<u8").tobytes()).decode()
        return f"{self.seen}:{self.hashes.shape[1]}:{bits}"

    @classmethod
    def from_text(cls, text: str) -> Fingerprint:
        """Read what `to_text` wrote.

        Raises
        ------
        ValueError
            If it is something else.
        """
        seen, turns, bits = text.split(":")
        hashes = np.frombuffer(base64.b64decode(bits), "<u8").astype(np.uint64).reshape(-1, int(turns), _WORDS)
        return cls(hashes, int(seen))


@dataclass
class Sampler:
    """Fingerprints frames as they pass.

    Parameters
    ----------
    most : int
        Frames to hash.
    apart : float
        Seconds between them.
    turns : int
        Ways to turn them: 8 for those that others are compared with, else 1.
    """

    most: int
    apart: float = APART
    turns: int = 1
    seen: int = field(default=0, init=False)
    _hashes: list[Hashes] = field(default_factory=list, init=False)
    _next: float = field(default=float("-inf"), init=False)

    def see(self, frame: VideoFrame, time: float) -> None:
        """Hash a frame if it is time for one."""
        if self.seen >= self.most or time < self._next:
            return
        self._next = time + self.apart
        self.seen += 1
        hashes = hashed(frame)
        if hashes is not None:
            self._hashes.append(hashes[: self.turns])

    @property
    def fingerprint(self) -> Fingerprint:
        """Of all frames so far."""
        none = np.empty((0, self.turns, _WORDS), np.uint64)
        return Fingerprint(np.stack(self._hashes) if self._hashes else none, self.seen)


def hashed(frame: VideoFrame) -> Hashes | None:
    """Hash a frame, as it is stored, in its eight turns.

    Parameters
    ----------
    frame : av.VideoFrame

    Returns
    -------
    ndarray of uint64, shape (8, 4), or None
        None if it is too plain.
    """
    # an optional dependency
    import pdqhash  # noqa: PLC0415

    pixels = frame.to_ndarray(format="rgb24")
    share = SIDE / max(pixels.shape[:2])
    if share < 1:
        size = max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[0] * share))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    bits, quality = pdqhash.compute_dihedral(np.ascontiguousarray(pixels))
    if quality < PLAIN:
        return None
    packed = np.packbits(np.asarray(bits, np.uint8), axis=-1)
    return np.ascontiguousarray(packed).view("<u8").astype(np.uint64)


def distances(these: Hashes, those: Hashes) -> NDArray[np.uint16]:
    """Count the bits in which hashes differ.

    Parameters
    ----------
    these, those : ndarray of uint64, shapes (n, 4) and (m, 4)

    Returns
    -------
    ndarray of uint16, shape (n, m)
    """
    counted = np.zeros((len(these), len(those)), np.uint16)
    for word in range(_WORDS):
        counted += np.bitwise_count(these[:, word, None] ^ those[None, :, word])
    return counted


class Library:
    """Fingerprints of many files, to be looked up by what they look like."""

    def __init__(self) -> None:
        self._hashes = np.empty((0, _WORDS), np.uint64)
        self._owners = np.empty(0, np.int64)
        self._names: list[str] = []
        self._frames: list[int] = []
        self._used = 0

    def __len__(self) -> int:
        """Count the files."""
        return len(self._names)

    @property
    def rows(self) -> int:
        """Count the hashes."""
        return self._used

    def add(self, name: str, fingerprint: Fingerprint) -> None:
        """Add a file.

        Parameters
        ----------
        name : str
            That `shows` and `like` tell.
        fingerprint : Fingerprint
            With as many turns as others are to be compared with.
        """
        added = np.ascontiguousarray(fingerprint.hashes.reshape(-1, _WORDS))
        needed = self._used + len(added)
        if needed > len(self._owners):
            room = max(needed, 2 * len(self._owners), 1024)
            self._hashes = np.resize(self._hashes, (room, _WORDS))
            self._owners = np.resize(self._owners, room)
        self._hashes[self._used : needed] = added
        self._owners[self._used : needed] = len(self._names)
        self._names.append(name)
        self._frames.append(len(added))
        self._used = needed

    def shows(self, fingerprint: Fingerprint) -> str | None:
        """Name a file of the library that shares a picture with another.

        Parameters
        ----------
        fingerprint : Fingerprint

        Returns
        -------
        str or None
        """
        for start in range(0, self._used, _ROWS_AT_ONCE):
            stop = min(start + _ROWS_AT_ONCE, self._used)
            for row in fingerprint.upright:
                near = distances(row[None], self._hashes[start:stop])[0] <= SHOWN
                if near.any():
                    return self._names[int(self._owners[start + int(near.argmax())])]
        return None

    def like(self, fingerprint: Fingerprint) -> str | None:
        """Name the first file of the library that looks like another as a whole.

        Parameters
        ----------
        fingerprint : Fingerprint

        Returns
        -------
        str or None
            None, too, if there is nothing to recognise it by.
        """
        upright = fingerprint.upright
        if not len(upright):
            return None
        mine: dict[int, int] = {}
        theirs: dict[int, set[int]] = {}
        for row in upright:
            near = np.flatnonzero(distances(row[None], self._hashes[: self._used])[0] <= NEAR)
            for owner in {int(each) for each in self._owners[near]}:
                mine[owner] = mine.get(owner, 0) + 1
            for each in near:
                theirs.setdefault(int(self._owners[each]), set()).add(int(each))
        for owner in sorted(mine):
            if mine[owner] >= ALIKE * len(upright) and len(theirs[owner]) >= ALIKE * self._frames[owner]:
                return self._names[owner]
        return None


class Recent:
    """A library that forgets what was added long ago, so that looking up never takes longer than some time.

    Parameters
    ----------
    rows : int, optional
        Hashes that it remembers, at least; twice as many at most.
    """

    def __init__(self, rows: int = RECENT) -> None:
        self._rows = rows
        self._older, self._newer = Library(), Library()

    def add(self, name: str, fingerprint: Fingerprint) -> None:
        """Add a file; see `Library.add`."""
        if self._newer.rows >= self._rows:
            self._older, self._newer = self._newer, Library()
        self._newer.add(name, fingerprint)

    def like(self, fingerprint: Fingerprint) -> str | None:
        """Name a file that looks like another as a whole; see `Library.like`."""
        return self._older.like(fingerprint) or self._newer.like(fingerprint)
