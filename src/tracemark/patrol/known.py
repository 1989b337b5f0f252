"""Known members on their way to the children: a file of numbers, which a nursery reads once for all its children."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from tracemark.errors import PatrolError
from tracemark.keys import Key
from tracemark.recovery import Candidates

SUFFIX = ".known.npy"
"""Of a file of known members."""


def write(candidates: Candidates, folder: Path) -> str | None:
    """Write down whom leaks are to be compared with: payloads alone, no names.

    Parameters
    ----------
    candidates : Candidates
    folder : Path
        The patrol's own.

    Returns
    -------
    str or None
        The file, named after what it holds: a list that has changed is another file. None if there is nobody.

    Raises
    ------
    PatrolError
        If it cannot be written.
    """
    if not len(candidates):
        return None
    digest = hashlib.sha256(candidates.payloads.tobytes()).hexdigest()[:16]
    target = folder / f"{digest}{SUFFIX}"
    part = target.with_suffix(".part")
    try:
        with part.open("wb") as file:  # in a folder that is its owner's alone
            np.save(file, candidates.payloads, allow_pickle=False)
        part.replace(target)
    except OSError as error:
        raise PatrolError(f"{target} cannot be written: {error.strerror}", "make room, or check the disk") from error
    return str(target)


@lru_cache(maxsize=1)
def read(path: str) -> Candidates:
    """Read what `write` wrote; the last list is kept.

    Raises
    ------
    OSError, ValueError
        If it is not there, or something else.
    """
    return Candidates(np.load(path, allow_pickle=False))


def encode(path: str, keys: Sequence[str]) -> None:
    """Encode a list under keys, before children are forked that all need that.

    Parameters
    ----------
    path : str
    keys : sequence of str
        Key files.

    Raises
    ------
    OSError, ValueError, KeyFileError
        If a file cannot be read.
    """
    _encoded(path, tuple(keys))


@lru_cache(maxsize=1)
def _encoded(path: str, keys: tuple[str, ...]) -> None:
    for key in keys:
        read(path).codewords(Key.load(key))
