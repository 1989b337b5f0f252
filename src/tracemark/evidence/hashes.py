"""Fingerprints of files: exact ones that name evidence, and one that recognises a picture."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CHUNK = 1 << 20
"""Bytes read at once."""


@dataclass(frozen=True)
class Digests:
    """What is told of a file's bytes.

    Parameters
    ----------
    size : int
        In bytes.
    sha256, md5 : str
        In hexadecimal. SHA-256 proves; MD5 is only there for those who compare by it: StopNCII and other hash lists
        share videos by their MD5.
    """

    size: int
    sha256: str
    md5: str


def digests(path: Path) -> Digests:
    """Read a file once for all its digests.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Digests
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
    return Digests(size, sha256.hexdigest(), md5.hexdigest())


@dataclass(frozen=True)
class Pdq:
    """Perceptual hash of a picture.

    Parameters
    ----------
    bits : str
        256 bits as 64 hex digits, the first bit first: the order in which ThreatExchange writes them.
    quality : int
        From 0 to 100; hashes under 50 are of pictures too plain to be recognised by.
    """

    bits: str
    quality: int


def pdq(picture: NDArray[np.uint8]) -> Pdq:
    """Hash a picture so that small changes of it change few bits.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
        RGB, as it is displayed.

    Returns
    -------
    Pdq

    References
    ----------
    Facebook, 2019, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm".
    """
    # an optional dependency, and only of reports on pictures
    import pdqhash  # noqa: PLC0415

    bits, quality = pdqhash.compute(np.ascontiguousarray(picture))
    return Pdq(np.packbits(np.asarray(bits, np.uint8)).tobytes().hex(), int(quality))
