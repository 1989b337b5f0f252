"""A verdict in words for people, and in JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tracemark.payload import Payload
from tracemark.telling.soft_binding import LABEL, soft_binding
from tracemark.telling.words import clock_time, placing, printable

if TYPE_CHECKING:
    from tracemark.recovery import Decoding
    from tracemark.recovery.verdict import Disagreement, Member, VisibleCode
    from tracemark.registry import Identity

Identities: TypeAlias = "Mapping[Payload, Identity | None]"
"""Whom a registry knows behind payloads; None for a payload that nobody was given."""


def as_json(
    leak: Path,
    sha256: str,
    decoding: Decoding,
    identities: Identities | None = None,
    *,
    algorithm: str | None = None,
) -> str:
    """Write a verdict as one line of JSON.

    Parameters
    ----------
    leak : Path
        As the user named it.
    sha256 : str
        Of the file, in hexadecimal.
    decoding : Decoding
    identities : mapping, optional
        Whom the registry knows behind the payloads.
    algorithm : str, optional
        Name under which C2PA lists the operator's mark.

    Returns
    -------
    str
    """
    return json.dumps(as_fields(leak, sha256, decoding, identities, algorithm=algorithm), allow_nan=False)


def as_fields(
    leak: Path | str,
    sha256: str,
    decoding: Decoding,
    identities: Identities | None = None,
    *,
    algorithm: str | None = None,
) -> dict[str, object]:
    """List what is told of a verdict in JSON.

    Parameters
    ----------
    leak, sha256, decoding, identities, algorithm
        As in `as_json`; a leak on the net has its URL as name.

    Returns
    -------
    dict
    """
    payload, named = decoding.payload, decoding.named
    nobody = {"session": None, "member": None}
    return {
        "file": str(leak),
        "sha256": sha256,
        "verdict": decoding.verdict,
        **(_who(payload, identities) if payload else nobody),
        "p_false": decoding.p_false,
        "p_mistaken": decoding.p_mistaken,
        "method": decoding.method,
        "runner_up": _who(named.runner_up, identities) if named and named.runner_up else None,
        "margin": named.margin if named else None,
        "contradiction": named.contradiction if named else None,
        "key_id": decoding.key_id,
        "frames_used": decoding.frames_used,
        "seconds_used": round(decoding.seconds_used, 3),
        "media_time": decoding.media_time,
        "speed": decoding.speed,
        "geometry": {"matrix": decoding.geometry.matrix, "flipped": decoding.geometry.flipped},
        "members": [_as_object(member, identities) for member in decoding.members],
        "visible_code": _code(decoding.visible_code, identities) if decoding.visible_code else None,
        "visible_codes": [_code(each, identities) for each in decoding.visible_codes],
        "disagreements": [_disagreement(each, identities) for each in decoding.disagreements],
        "reasons": decoding.reasons,
        LABEL: soft_binding(decoding, algorithm, identities),
    }


def _who(payload: Payload, identities: Identities | None) -> dict[str, object]:
    """Session and member: numbers, or with a registry names, and what it has to say of them."""
    numbers: dict[str, object] = {"session": payload.session, "member": payload.member}
    if identities is None:
        return numbers
    identity = identities.get(payload)
    if identity is None:
        return numbers | {"registered": False}
    return {
        "session": identity.session,
        "member": identity.member,
        "registered": True,
        "pseudonym": identity.pseudonym,
        "erased": identity.erased_at,
        "payload": [payload.session, payload.member],
        "contradictions": identity.contradictions,
    }


def _as_object(member: Member, identities: Identities | None) -> dict[str, object]:
    geometry = member.geometry
    return {
        **_who(member.payload, identities),
        "p_false": member.p_false,
        "p_mistaken": member.p_mistaken,
        "method": member.method,
        "label": member.label,
        "runner_up": _who(member.runner_up, identities) if member.runner_up else None,
        "margin": member.margin,
        "contradiction": member.contradiction,
        "key_id": member.key_id,
        "start": member.start,
        "end": member.end,
        "media_time": member.media_time,
        "speed": member.speed,
        "geometry": {"matrix": geometry.matrix, "flipped": geometry.flipped, "outline": geometry.outline},
    }


def _code(code: VisibleCode, identities: Identities | None) -> dict[str, object]:
    return {
        "code": code.code,
        **_who(code.payload, identities),
        "key_id": code.key_id,
        "confidence": code.confidence,
        "start": code.start,
        "end": code.end,
        "outline": code.outline,
    }


def _disagreement(odd: Disagreement, identities: Identities | None) -> dict[str, object]:
    marks = [_who(each.payload, identities) for each in odd.invisible]
    return {"visible": _code(odd.visible, identities), "invisible": marks, "start": odd.start, "end": odd.end}


def as_text(leak: Path, decoding: Decoding, identities: Identities | None = None) -> str:
    """Write a verdict for people: a few lines, and if there are several members a block of them for each.

    Parameters
    ----------
    leak : Path
        As the user named it.
    decoding : Decoding
    identities : mapping, optional
        Whom the registry knows behind the payloads.

    Returns
    -------
    str
    """
    members = decoding.members
    count = f", {len(members)} members" if len(members) > 1 else ""
    lines = [f"{leak}: {decoding.verdict}{count}"]
    if members:
        for number, member in enumerate(members):
            lines += [""] if number else []
            lines += _named(member.payload, identities)
            lines += _block(member, decoding, identities, several=len(members) > 1)
        lines += [""] if len(members) > 1 else []
    else:
        lines += [_p_false(decoding.p_false)]
        lines += [f"  key       {decoding.key_id}"] if decoding.key_id else []
    lines += [_code_line(code, decoding, identities) for code in decoding.visible_codes]
    video = f"{decoding.frames_used} frames, {decoding.seconds_used:.1f} s"
    lines += [f"  read      {video if decoding.seconds_used else 'one picture'}"]
    lines += [f"  reason    {reason}" for reason in decoding.reasons]
    return "\n".join(lines)


def _named(payload: Payload, identities: Identities | None) -> list[str]:
    identity = identities.get(payload) if identities is not None else None
    if identity is None:
        lines = [f"  session   {payload.session}", f"  member    {payload.member}"]
        return lines if identities is None else [*lines, "  registry  nobody in the registry was given this payload"]
    lines = [f"  session   {printable(identity.session)}", f"  member    {_member(identity)}"]
    return [*lines, *(f"  against   {line}" for line in identity.contradictions)]


def _member(identity: Identity) -> str:
    if identity.member is None:
        return f"erased member {identity.pseudonym} (erased {identity.erased_at})"
    return printable(identity.member)


def _called(payload: Payload, identities: Identities | None) -> str:
    """Session and member within a line."""
    identity = identities.get(payload) if identities is not None else None
    if identity is None:
        return f"session {payload.session}, member {payload.member}"
    return f"session {printable(identity.session)}, member {_member(identity)}"


def _block(member: Member, decoding: Decoding, identities: Identities | None, *, several: bool) -> list[str]:
    lines = [f"  called    {printable(member.label)}"] if member.label else []
    lines += [f"  against   {member.contradiction}"] if member.contradiction else []
    lines += [_p_false(member.p_false)]
    lines += [f"  mistaken  {member.p_mistaken:.2g}  (chance that the mark is another member's)"]
    if member.method == "registry":
        lines += ["  method    recognised among the known members; blind decoding alone would not name them"]
    if member.runner_up and member.margin is not None:
        second = _called(member.runner_up, identities)
        lines += [f"  next      {second}: fits worse by {member.margin:.1f} deviations"]
    lines += [f"  key       {member.key_id}"]
    if several and decoding.seconds_used:
        lines += [f"  seen      from {clock_time(member.start)} to {clock_time(member.end)} of the leak"]
    if member.media_time is not None:
        lines += [f"  time      {clock_time(member.media_time)} from the start of the stream"]
    lines += [f"  picture   {placing(member.geometry, decoding.size)}"]
    if member.speed is not None and member.speed != 1:
        lines += [f"  speed     {member.speed:.4g} times the stream's"]
    return lines


def _code_line(code: VisibleCode, decoding: Decoding, identities: Identities | None) -> str:
    when = f", {clock_time(code.start)} to {clock_time(code.end)}" if decoding.seconds_used else ""
    if any(odd.visible == code for odd in decoding.disagreements):
        agrees = "; DISAGREES with the mark"
    elif any((code.payload, code.key_id) == (each.payload, each.key_id) for each in decoding.members):
        agrees = "; agrees with the mark"
    else:
        agrees = ""
    return f"  code      {code.code} on screen: {_called(code.payload, identities)}{when}{agrees}"


def _p_false(probability: float) -> str:
    return f"  p_false   {probability:.2g}  (chance that unmarked or foreign material scores as well)"
