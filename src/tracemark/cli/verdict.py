"""A verdict in words for people, and in JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracemark.recovery import Decoding


def as_json(leak: Path, sha256: str, decoding: Decoding) -> str:
    """Write a verdict as one line of JSON.

    Parameters
    ----------
    leak : Path
        As the user named it.
    sha256 : str
        Of the file, in hexadecimal.
    decoding : Decoding

    Returns
    -------
    str
    """
    payload = decoding.payload
    return json.dumps(
        {
            "file": str(leak),
            "sha256": sha256,
            "verdict": decoding.verdict,
            "session": payload.session if payload else None,
            "member": payload.member if payload else None,
            "p_false": decoding.p_false,
            "p_mistaken": decoding.p_mistaken,
            "method": decoding.method,
            "key_id": decoding.key_id,
            "frames_used": decoding.frames_used,
            "seconds_used": round(decoding.seconds_used, 3),
            "geometry": {"matrix": decoding.geometry.matrix, "flipped": decoding.geometry.flipped},
            "reasons": decoding.reasons,
        },
        allow_nan=False,
    )


def as_text(leak: Path, decoding: Decoding) -> str:
    """Write a verdict for people, in a few lines.

    Parameters
    ----------
    leak : Path
        As the user named it.
    decoding : Decoding

    Returns
    -------
    str
    """
    lines = [f"{leak}: {decoding.verdict}"]
    if decoding.payload:
        lines += [f"  session   {decoding.payload.session}", f"  member    {decoding.payload.member}"]
    lines += [f"  p_false   {decoding.p_false:.2g}  (chance that unmarked or foreign material scores as well)"]
    if decoding.payload:
        lines += [f"  mistaken  {decoding.p_mistaken:.2g}  (chance that the mark is another member's)"]
    if decoding.key_id:
        lines += [f"  key       {decoding.key_id}"]
    video = f"{decoding.frames_used} frames, {decoding.seconds_used:.1f} s"
    lines += [f"  read      {video if decoding.seconds_used else 'one picture'}"]
    lines += [f"  reason    {reason}" for reason in decoding.reasons]
    return "\n".join(lines)
