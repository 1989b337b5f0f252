"""The manifest: what a bundle holds, and the bytes that are signed and stamped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tracemark.evidence import custody
from tracemark.evidence.canonical import moment, read, written

NAME = "manifest.json"
SIGNATURE = "manifest.sig"
STAMP = "manifest.tsr"
PUBLIC_KEY = "signing-key.pub"
AUTHORITIES = "tsa-certificates.pem"
"""Certificates that the time stamp was checked with when it came."""

UNLISTED = frozenset({NAME, SIGNATURE, STAMP, custody.NAME})
"""Files that the manifest cannot list: itself, what is made from it, and the log, which grows."""

FORMAT = "tracemark-evidence"
VERSION = 1
"""Of the bundle's layout. Readers refuse later ones and read all earlier ones."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read.

    Parameters
    ----------
    version : int
    created : str
        See `tracemark.evidence.canonical.stamp`.
    leak : mapping
        ``file`` (its path in the bundle), ``name``, ``bytes``, ``sha256``, ``md5``, of pictures ``pdq``.
    files : mapping
        From paths in the bundle, with slashes, to ``bytes`` and ``sha256``.
    custody : mapping
        ``entries`` and ``head``: length of the log and hash of its last line when the bundle was sealed.
    signing_key : str or None
        Id of the key that the operator meant to sign with.
    time_stamp : str or None
        Address of the authority that stamped the signature; None if there is no stamp.
    whole : mapping
        All that the file says.
    """

    version: int
    created: str
    leak: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]
    custody: Mapping[str, Any]
    signing_key: str | None
    time_stamp: str | None
    whole: Mapping[str, Any]


def make(whole: Mapping[str, object]) -> bytes:
    """Write a manifest.

    Parameters
    ----------
    whole : mapping
        All but ``format`` and ``version``.

    Returns
    -------
    bytes
    """
    return written({"format": FORMAT, "version": VERSION, **whole}) + b"\n"


def parse(content: bytes) -> Manifest:
    """Read a manifest.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    Manifest

    Raises
    ------
    ValueError
        If it is not one: the words say why.
    """
    try:
        whole: dict[str, Any] = read(content)
        if whole["format"] != FORMAT or not isinstance(whole["version"], int):
            raise ValueError("it is of another format")
        moment(whole["created"])
        for name, file in whole["files"].items():
            _check(name, file)
        leak, kept = whole["leak"], whole["custody"]
        if leak["file"] not in whole["files"] or not _SHA256.fullmatch(leak["sha256"]) or len(leak["md5"]) != 32:
            raise ValueError("it does not say which file is the leak")
        if not isinstance(kept["entries"], int) or not _SHA256.fullmatch(kept["head"]):
            raise ValueError("it does not say where the custody log stood")
        return Manifest(
            version=whole["version"],
            created=whole["created"],
            leak=leak,
            files=whole["files"],
            custody=kept,
            signing_key=whole.get("signing_key"),
            time_stamp=whole.get("time_stamp"),
            whole=whole,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("something is missing in it") from error


def _check(name: str, file: Mapping[str, Any]) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name or name in UNLISTED:
        raise ValueError(f"it lists a file that cannot be in a bundle: {name!r}")
    if not isinstance(file["bytes"], int) or not _SHA256.fullmatch(file["sha256"]):
        raise ValueError(f"it does not say what {name} should be")


def listed(folder: Path) -> list[str]:
    """Name the files in a folder that a manifest lists.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of str
        Paths with slashes, sorted.
    """
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return sorted(name for name in names if name not in UNLISTED)
