"""JSON whose bytes are the same whoever writes it, and times to the millisecond."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Tells the time, in UTC."""


def now() -> datetime:
    """Tell the time in UTC."""
    return datetime.now(UTC)


def written(value: object) -> bytes:
    """Write JSON in one line, its keys sorted, in UTF-8.

    Parameters
    ----------
    value : object
        Of what JSON can hold; no NaN.

    Returns
    -------
    bytes
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def read(content: bytes) -> dict[str, object]:
    """Read one JSON object strictly.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If it is no JSON object in UTF-8, or a key stands twice, which two readers could understand differently.
    """
    value = json.loads(content.decode("utf-8"), object_pairs_hook=_unique)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - of what was read, not of an argument
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def stamp(time: datetime) -> str:
    """Write a time in UTC to the millisecond, as RFC 3339 has it.

    Parameters
    ----------
    time : datetime
        Aware of its zone.

    Returns
    -------
    str
        Such as ``2026-11-25T02:07:50.123Z``.
    """
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: object) -> datetime:
    """Read a time that `stamp` wrote.

    Parameters
    ----------
    text : object

    Returns
    -------
    datetime
        In UTC.

    Raises
    ------
    ValueError
        If it is none, or not in UTC.
    """
    if not isinstance(text, str) or not text.endswith("Z"):
        raise ValueError("not a time in UTC")
    return datetime.fromisoformat(text)
