"""What a patrol is sent over: folders with all that is in them, lists of paths and URLs, single files and URLs."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracemark.errors import PatrolError
from tracemark.patrol.jobs import stamp_of
from tracemark.patrol.records import is_remote

LIST_SUFFIXES = frozenset({".txt", ".lst", ".list", ".urls"})
"""Suffixes of files that list paths or URLs, one a line."""

LONGEST_LINE = 8192
"""Bytes of a line of a list; longer ones are no path or URL that anything could open."""

SETTLED = 2.0
"""Seconds for which a file in a watched folder must have been left alone: what is still being copied comes later."""


@dataclass(frozen=True)
class Found:
    """A place that a source names.

    Parameters
    ----------
    place : str
        Path or URL.
    stamp : str
        Tells one state of it from another; empty if it cannot be told.
    trouble : str
        Why it is not worth opening, in words; empty otherwise.
    """

    place: str
    stamp: str = ""
    trouble: str = ""


def check(sources: Sequence[str]) -> None:
    """Make sure that every source is there.

    Raises
    ------
    PatrolError
        If one is not.
    """
    for source in sources:
        if not is_remote(source) and not Path(source).exists() and not Path(source).is_symlink():
            raise PatrolError(f"{source}: there is no such file or folder")


def folders(sources: Sequence[str]) -> list[Path]:
    """List what can be watched: folders, and lists that may grow."""
    return [Path(source) for source in sources if not is_remote(source) and (Path(source).is_dir() or _is_list(source))]


def gather(sources: Sequence[str], *, settled: float = 0.0) -> Iterator[Found]:
    """List every place that the sources name.

    Parameters
    ----------
    sources : sequence of str
    settled : float, optional
        Seconds for which a file of a folder must have been left alone.

    Yields
    ------
    Found
    """
    for source in sources:
        if is_remote(source):
            yield Found(source)
        elif Path(source).is_dir():
            yield from _folder(source, time.time() - settled if settled else None)
        elif _is_list(source):
            yield from _list(Path(source))
        else:
            yield _file(source)


def _is_list(source: str) -> bool:
    return Path(source).suffix.lower() in LIST_SUFFIXES


def _folder(folder: str, before: float | None) -> Iterator[Found]:
    """Walk a folder without recursion, which a deep one would exhaust; links to folders are not followed."""
    folders = [folder]
    while folders:
        here = folders.pop()
        try:
            with os.scandir(here) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Found(here, trouble=_reason(error))
            continue
        for entry in ordered:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif not (entry.is_symlink() and Path(entry.path).is_dir()):
                found = _file(entry.path)
                if found.trouble or before is None or _left_alone(entry.path, before):
                    yield found


def _left_alone(path: str, before: float) -> bool:
    try:
        changed = Path(path).stat().st_mtime
    except OSError:
        return False
    return changed <= before or changed > time.time()  # a time in the future says nothing


def _list(path: Path) -> Iterator[Found]:
    """Read a list; a relative path in it starts from the list's folder."""
    try:
        with path.open("rb") as lines:
            while line := lines.readline(LONGEST_LINE):
                text = os.fsdecode(line.strip())
                if not text or text.startswith("#"):
                    continue
                yield Found(text) if is_remote(text) else _file(str(path.parent / text))
    except OSError as error:
        yield Found(str(path), trouble=_reason(error))


def _file(path: str) -> Found:
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:  # a line of a list may hold a null byte
        return Found(path, trouble=_reason(error))
    if not stat.S_ISREG(status.st_mode):
        return Found(path, trouble="it is no regular file")
    return Found(path, stamp_of(status))


def _reason(error: OSError | ValueError) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
