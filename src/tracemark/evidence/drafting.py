"""What drafting a notice does to files: the bundle is verified first, the draft appears whole, the log takes note."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path

from tracemark.errors import EvidenceError, NoticeError
from tracemark.evidence import custody
from tracemark.evidence.canonical import now
from tracemark.evidence.manifest import Manifest
from tracemark.evidence.signing import SigningKey
from tracemark.evidence.verification import verify
from tracemark.video.atomic import written_whole

__all__ = ["checked", "note", "now", "write"]


def checked(folder: Path, target: Path, key: SigningKey | None) -> Manifest:
    """See that a bundle is as it was sealed before anything is drafted from it.

    Parameters
    ----------
    folder : Path
        The bundle.
    target : Path
        Where the draft is to go.
    key : SigningKey or None
        The key to note the draft with, if it is to be noted.

    Returns
    -------
    Manifest

    Raises
    ------
    EvidenceError
        If the bundle has a fault, or another key sealed it.
    NoticeError
        If the draft would go into the bundle, which would spoil it.
    """
    found = verify(folder)
    if found.faults or found.manifest is None:
        first = found.faults[0]
        raise EvidenceError(
            f"{folder} is not as it was sealed ({first.file}: {first.what})",
            "no notice is drafted from it; see 'tracemark verify'",
        )
    if folder.resolve() in target.resolve().parents:
        raise NoticeError(f"{target} lies inside the evidence, which must not change", "choose another place")
    if key and found.key and found.key.id != key.public.id:
        raise EvidenceError(
            f"{folder} was not sealed with this signing key", "its custody log takes lines by that key only"
        )
    return found.manifest


def write(target: Path, text: str) -> None:
    """Write a draft; never over another file.

    Parameters
    ----------
    target : Path
    text : str

    Raises
    ------
    MediaError
        If the file exists or cannot be written.
    """
    with written_whole(target) as temporary:
        temporary.write_text(text, "utf-8")


def note(folder: Path, key: SigningKey, by: str | None, about: Mapping[str, object]) -> None:
    """Note a draft in the bundle's custody log.

    Parameters
    ----------
    folder : Path
    key : SigningKey
        The one that sealed the bundle.
    by : str or None
        Who drafted it; the login name if nobody is named.
    about : mapping

    Raises
    ------
    EvidenceError
        If the log cannot be written.
    """
    custody.append(folder, key, time=now(), who=by or getpass.getuser(), what="drafted", about=about)
