"""Moments: UTC as text, and as milliseconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tracemark.errors import RegistryError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"\d{1,11}(\.\d+)?")
_LATEST_MS = 253_402_300_799_999  # the end of the year 9999, after which datetime cannot follow


def to_ms(text: str) -> int:
    """Read a moment.

    Parameters
    ----------
    text : str
        ISO 8601 with a time zone, such as ``2026-11-25T20:15:30.250Z``, or seconds since 1970.

    Returns
    -------
    int
        Milliseconds since 1970, UTC; what is finer is cut off.

    Raises
    ------
    RegistryError
        If it is neither, says no time zone, or is before 1970.
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        whole, _, part = text.partition(".")
        return _in_range(int(whole) * 1000 + int(part[:3].ljust(3, "0")), text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RegistryError(f"{text[:60]!r} is no time", "write it as 2026-11-25T20:15:30.250Z") from None
    if moment.tzinfo is None:
        raise RegistryError(f"the time {text!r} says no time zone", "end it with Z if it is UTC")
    return _in_range((moment - _EPOCH) // timedelta(milliseconds=1), text)


def to_text(ms: int | None) -> str | None:
    """Write a moment as ISO 8601 in UTC, to the millisecond; None stays None."""
    if ms is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _in_range(ms: int, text: str) -> int:
    if not 0 <= ms <= _LATEST_MS:
        raise RegistryError(f"the time {text!r} is out of range", "times are from 1970 on")
    return ms
