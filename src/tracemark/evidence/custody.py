"""The custody log: who did what when, each line chained to the one before it.

A line is a JSON object in canonical form (`tracemark.evidence.canonical`) with ``number``, ``time``, ``who``, ``what``,
``about`` (an object of its own), ``previous`` (the hash of the line before, 64 zeros for the first) and ``hash``: the
SHA-256 of the line's canonical form without ``hash`` and ``signature``. Lines that are added after the bundle was
sealed carry a ``signature`` of their hash by the key that sealed it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tracemark.errors import EvidenceError
from tracemark.evidence.canonical import moment, read, stamp, written
from tracemark.evidence.signing import PublicKey, SigningKey

NAME = "custody.log"

BEGINNING = "0" * 64
"""What the first line has for the hash before it."""

SIGNED_FOR = b"tracemark custody entry\n"
"""Put before a hash that is signed, so that no signature of a line can stand for one of anything else."""

_FIELDS = frozenset({"number", "time", "who", "what", "about", "previous", "hash"})


@dataclass(frozen=True)
class Entry:
    """One line.

    Parameters
    ----------
    number : int
        From 0.
    time : str
        See `tracemark.evidence.canonical.stamp`.
    who, what : str
    about : dict
    previous : str
    signature : str or None
        In hexadecimal.
    """

    number: int
    time: str
    who: str
    what: str
    about: Mapping[str, object]
    previous: str
    signature: str | None = None

    @property
    def hash(self) -> str:
        """SHA-256 of all but hash and signature."""
        return hashlib.sha256(written(self._bare())).hexdigest()

    def line(self) -> bytes:
        """Write the line, its end included."""
        whole = {**self._bare(), "hash": self.hash}
        if self.signature is not None:
            whole["signature"] = self.signature
        return written(whole) + b"\n"

    def _bare(self) -> dict[str, object]:
        return {
            "number": self.number,
            "time": self.time,
            "who": self.who,
            "what": self.what,
            "about": dict(self.about),
            "previous": self.previous,
        }


def follow(before: Entry | None, time: datetime, who: str, what: str, about: Mapping[str, object]) -> Entry:
    """Make the line that comes after another.

    Parameters
    ----------
    before : Entry or None
        None to begin a log.
    time : datetime
    who, what : str
    about : mapping
        Of what JSON can hold.

    Returns
    -------
    Entry
    """
    number, previous = (before.number + 1, before.hash) if before else (0, BEGINNING)
    return Entry(number, stamp(time), who, what, about, previous)


@dataclass(frozen=True)
class Log:
    """A log as it was read.

    Parameters
    ----------
    entries : tuple of Entry
        Lines that could be read.
    faults : tuple of str
        What is wrong with it by itself: lines that cannot be read, broken links, times that run backwards.
    """

    entries: tuple[Entry, ...]
    faults: tuple[str, ...]

    @property
    def head(self) -> str | None:
        """Hash of the newest line; None if there is none."""
        return self.entries[-1].hash if self.entries else None

    def later(self, count: int) -> tuple[Entry, ...]:
        """Lines after the first `count`."""
        return self.entries[count:]


def parse(content: bytes) -> Log:
    """Read a log and check its chain.

    Parameters
    ----------
    content : bytes
        Of the file.

    Returns
    -------
    Log
    """
    entries: list[Entry] = []
    faults: list[str] = []
    if content and not content.endswith(b"\n"):
        faults.append("the last line is cut off")
    for number, line in enumerate(content.split(b"\n")[: content.count(b"\n")]):
        name = f"line {number + 1}"
        try:
            entry, told = _entry(line)
        except (ValueError, KeyError, TypeError):
            faults.append(f"{name} cannot be read")
            continue
        if told != entry.hash or entry.line() != line + b"\n":
            faults.append(f"{name} was changed: it does not have the hash that it tells")
        before = entries[-1] if entries else None
        if entry.number != number:
            faults.append(f"{name} says that it is number {entry.number + 1}")
        if entry.previous != (before.hash if before else BEGINNING):
            faults.append(f"{name} does not follow from the line before it: the chain is broken")
        if before and moment(entry.time) < moment(before.time):
            faults.append(f"{name} is earlier than the line before it: a clock was changed")
        entries.append(entry)
    return Log(tuple(entries), tuple(faults))


def _entry(line: bytes) -> tuple[Entry, object]:
    """Read one line, and the hash that it tells."""
    value = read(line)
    if set(value) - {"signature"} != _FIELDS:
        raise ValueError("not the fields of an entry")
    moment(value["time"])
    number, about, signature = value["number"], value["about"], value.get("signature")
    texts = [value[name] for name in ("time", "who", "what", "previous")]
    if not isinstance(number, int) or not isinstance(about, dict) or not isinstance(signature, str | None):
        raise TypeError
    time, who, what, previous = (text if isinstance(text, str) else _refuse() for text in texts)
    return Entry(number, time, who, what, about, previous, signature), value["hash"]


def _refuse() -> str:
    raise TypeError


def signed_by(entry: Entry, key: PublicKey) -> bool:
    """Whether a key signed a line."""
    try:
        signature = bytes.fromhex(entry.signature or "")
    except ValueError:
        return False
    return key.signed(signature, SIGNED_FOR + entry.hash.encode())


def append(folder: Path, key: SigningKey, *, time: datetime, who: str, what: str, about: Mapping[str, object]) -> None:
    """Add a signed line to the log of a sealed bundle.

    Parameters
    ----------
    folder : Path
        The bundle.
    key : SigningKey
        Must be the one that sealed it, or verification will refuse the line.
    time : datetime
    who, what : str
    about : mapping
        Of what JSON can hold.

    Raises
    ------
    EvidenceError
        If the log is not whole, or cannot be written.
    """
    path = folder / NAME
    try:
        log = parse(path.read_bytes())
        if log.faults or not log.entries:
            raise EvidenceError(f"{path} is not whole", "see 'tracemark verify'; nothing was added")
        entry = follow(log.entries[-1], time, who, what, about)
        signature = key.sign(SIGNED_FOR + entry.hash.encode()).hex()
        whole = Entry(entry.number, entry.time, who, what, about, entry.previous, signature)
        with path.open("ab") as file:
            file.write(whole.line())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise EvidenceError(f"cannot add to {path}: {(error.strerror or str(error)).lower()}") from error
