"""What a child is told to do with one file, and what is told of its end; all of it plain enough for JSON."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tracemark.patrol.limits import Limits

if TYPE_CHECKING:
    from tracemark.video import Effort

READY = "ready"
"""What a nursery says once, before any job."""


@dataclass(frozen=True)
class Take:
    """Read a file once, for its digests.

    Parameters
    ----------
    path : str
    limits : Limits
    """

    path: str
    limits: Limits


@dataclass(frozen=True)
class Fetch:
    """Download a file.

    Parameters
    ----------
    url : str
    target : str
        File to write; it has its name when it is complete.
    allowed : tuple of str
        Networks that may be reached although they are not public.
    limits : Limits
    """

    url: str
    target: str
    allowed: tuple[str, ...]
    limits: Limits


@dataclass(frozen=True)
class Look:
    """Look at a file's pictures.

    Parameters
    ----------
    path : str
    stamp : str
        What the file was when it was taken; if it has changed, its digests are another file's.
    keys : tuple of str
        Key files. Keys themselves never travel.
    effort : {'fast', 'normal', 'max'} or None
        How long to look for a mark; not at all if None.
    samples : int
        Frames to fingerprint.
    limits : Limits
    own : bool, optional
        Whether it is an own recording, which others will be compared with.
    known : str or None, optional
        File of the members whom it is compared with; see `tracemark.patrol.known`.
    """

    path: str
    stamp: str
    keys: tuple[str, ...]
    effort: Effort | None
    samples: int
    limits: Limits
    own: bool = False
    known: str | None = None


Job = Take | Fetch | Look

_KINDS: dict[str, type[Take | Fetch | Look]] = {kind.__name__: kind for kind in (Take, Fetch, Look)}


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Parameters
    ----------
    report : dict or None
        What it said; None if it did not come to that.
    why : str
        In words, if it did not: the limit that it ran into, or the signal that killed it. Empty otherwise.
    cpu, wall : float
        Seconds that it took.
    memory : int
        Bytes that were resident at most, the program's own among them.
    """

    report: dict[str, Any] | None
    why: str = ""
    cpu: float = 0.0
    wall: float = 0.0
    memory: int = 0


def to_plain(job: Job) -> dict[str, Any]:
    """Write a job as plain values."""
    return {"kind": type(job).__name__, **asdict(job)}


def from_plain(plain: dict[str, Any]) -> Job:
    """Read what `to_plain` wrote."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
    values["limits"] = Limits(**plain["limits"])
    kind = _KINDS[plain["kind"]]
    del values["kind"]
    return kind(**values)


def stamp_of(status: os.stat_result) -> str:
    """Write down what tells one state of a file from another."""
    return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
