"""Verdicts on their way from a child to the patrol: plain values, and nothing taken on trust.

A child has read a hostile file. What it says is checked to be of the shape of a verdict before anything is done with
it; pickles, which can do anything to whoever opens them, are not accepted from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, cast, get_args

from tracemark.errors import PatrolError, TracemarkError
from tracemark.payload import Payload
from tracemark.recovery import Decoding
from tracemark.recovery.verdict import Disagreement, Geometry, Matrix, Member, Method, Verdict, VisibleCode
from tracemark.remarks import quoted

LONGEST = 2000
"""Characters of the longest text that is accepted."""

_MOST = 100  # reasons, members


def to_plain(decoding: Decoding) -> dict[str, Any]:
    """Write a verdict as plain values, without what is drawn of it."""
    plain = asdict(replace(decoding, chart=None))
    del plain["chart"], plain["why"]
    plain["reasons"] = list(decoding.reasons)
    _told(decoding.members, plain["members"])
    for odd, told in zip(decoding.disagreements, plain["disagreements"], strict=True):
        _told(odd.invisible, told["invisible"])
    return plain


def _told(members: Sequence[Member], plain: Sequence[dict[str, Any]]) -> None:
    """Put in words what speaks against members: a state may be read by versions that word it otherwise."""
    for member, told in zip(members, plain, strict=True):
        del told["against"]
        told["contradiction"] = member.contradiction


def from_plain(plain: Any) -> Decoding:
    """Read what `to_plain` wrote.

    Parameters
    ----------
    plain : dict

    Returns
    -------
    Decoding

    Raises
    ------
    PatrolError
        If it is something else.
    """
    try:
        return _decoding(plain)
    except (TypeError, ValueError, KeyError, AttributeError, TracemarkError) as error:
        raise PatrolError(f"a child told nonsense ({type(error).__name__})") from error


def _decoding(plain: dict[str, Any]) -> Decoding:
    verdict = plain["verdict"]
    if verdict not in get_args(Verdict):
        raise ValueError(verdict)
    members = tuple(_member(each) for each in plain["members"][:_MOST])
    decoding = Decoding(
        verdict=cast("Verdict", verdict),
        payload=_payload(plain["payload"]),
        p_false=_chance(plain["p_false"]),
        p_mistaken=_chance(plain["p_mistaken"]),
        method=_method(plain["method"]),
        key_id=None if plain["key_id"] is None else _text(plain["key_id"]),
        frames_used=int(plain["frames_used"]),
        seconds_used=_number(plain["seconds_used"]),
        geometry=_geometry(plain["geometry"]),
        why=tuple(quoted(_text(each)) for each in plain["reasons"][:_MOST]),
        score=_number(plain["score"]),
        trials=int(plain["trials"]),
        members=members,
        media_time=_maybe(plain["media_time"]),
        size=None if plain["size"] is None else (int(plain["size"][0]), int(plain["size"][1])),
        visible_codes=tuple(_code(each) for each in plain["visible_codes"][:_MOST]),
        disagreements=tuple(_disagreement(each) for each in plain["disagreements"][:_MOST]),
    )
    if (decoding.payload is not None) != (verdict == "found") or bool(members) != (verdict == "found"):
        raise ValueError("found, and nobody named")
    return decoding


def _member(plain: dict[str, Any]) -> Member:
    return Member(
        payload=_somebody(plain["payload"]),
        p_false=_chance(plain["p_false"]),
        p_mistaken=_chance(plain["p_mistaken"]),
        score=_number(plain["score"]),
        key_id=_text(plain["key_id"]),
        start=_number(plain["start"]),
        end=_number(plain["end"]),
        media_time=_maybe(plain["media_time"]),
        geometry=_geometry(plain["geometry"]),
        speed=_maybe(plain["speed"]),
        method=_method(plain["method"]),
        label=_maybe_text(plain["label"]),
        runner_up=_payload(plain["runner_up"]),
        margin=_maybe(plain["margin"]),
        against=None if plain["contradiction"] is None else quoted(_text(plain["contradiction"])),
    )


def _code(plain: dict[str, Any]) -> VisibleCode:
    return VisibleCode(
        code=_text(plain["code"]),
        payload=_somebody(plain["payload"]),
        key_id=_text(plain["key_id"]),
        confidence=_number(plain["confidence"]),
        start=_number(plain["start"]),
        end=_number(plain["end"]),
        outline=_points(plain["outline"]),
        seen=_points(plain["seen"]),
    )


def _disagreement(plain: dict[str, Any]) -> Disagreement:
    return Disagreement(
        visible=_code(plain["visible"]),
        invisible=tuple(_member(each) for each in plain["invisible"][:_MOST]),
        start=_number(plain["start"]),
        end=_number(plain["end"]),
    )


def _somebody(plain: dict[str, Any] | None) -> Payload:
    payload = _payload(plain)
    if payload is None:
        raise ValueError("nobody")
    return payload


def _payload(plain: dict[str, Any] | None) -> Payload | None:
    return None if plain is None else Payload(plain["session"], plain["member"])


def _geometry(plain: dict[str, Any]) -> Geometry:
    rows = [[_number(each) for each in row] for row in plain["matrix"]]
    if [len(row) for row in rows] != [3, 3, 3]:
        raise ValueError("no homography")
    return Geometry(
        cast("Matrix", tuple(tuple(row) for row in rows)), bool(plain["flipped"]), _points(plain["outline"])
    )


def _points(plain: Any) -> tuple[tuple[float, float], ...]:
    return tuple((_number(x), _number(y)) for x, y in plain)


def _method(value: Any) -> Method:
    if value not in get_args(Method):
        raise ValueError(value)
    return cast("Method", value)


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _maybe(value: Any) -> float | None:
    return None if value is None else _number(value)


def _chance(value: Any) -> float:
    chance = _number(value)
    if not 0 <= chance <= 1:
        raise ValueError(value)
    return chance


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value[:LONGEST]


def _maybe_text(value: Any) -> str | None:
    return None if value is None else _text(value)
