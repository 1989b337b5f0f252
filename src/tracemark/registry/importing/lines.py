"""What a line of a file becomes, whatever its format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import cast

from tracemark.errors import RegistryError
from tracemark.registry.accesses import Access, EventKind
from tracemark.registry.times import to_ms


@dataclass(frozen=True)
class Bad:
    """A line that cannot be taken.

    Parameters
    ----------
    line : int
        Its number, from 1.
    reason : str
    """

    line: int
    reason: str


@dataclass(frozen=True)
class Other:
    """A line that is sound and tells of no viewer: another request, another hook.

    Parameters
    ----------
    line : int
    """

    line: int


@dataclass(frozen=True)
class Choices:
    """What the caller said about a file.

    Parameters
    ----------
    session : str or None
        Session that all of it is about.
    pattern : str or None
        Regular expression for the paths of requests, with the groups `session` and `member`, or one of them.
    gap : float
        Seconds without a request after which a viewer has left.
    """

    session: str | None = None
    pattern: str | None = None
    gap: float = 60.0


Read = Access | Bad | Other
Reader = Callable[[Iterable[str], Choices], Iterator[Read]]
"""Takes lines of text, their ends included, and a caller's choices."""


def access_of(fields: Mapping[str, object], choices: Choices) -> Access:
    """Make an access record of named fields, as CSV and JSON lines have them.

    Parameters
    ----------
    fields : mapping
        `time`, `event`, `session`, `member`, and, if known, `media_time` (seconds), `connection`, `ip`, `port`,
        `user_agent` and `node`. Others are ignored.
    choices : Choices

    Returns
    -------
    Access

    Raises
    ------
    RegistryError
        If one is missing, or not what it should be.
    """
    said = {name: str(value).strip() for name, value in fields.items() if value is not None}
    for name in ("time", "event", "member", *(() if choices.session else ("session",))):
        if not said.get(name):
            raise RegistryError(f"there is no {name}")
    return Access(
        session=choices.session or said["session"],
        member=said["member"],
        event=cast("EventKind", said["event"]),  # Access looks at it
        at=to_ms(said["time"]),
        media=_milliseconds(said.get("media_time", "")),
        connection=said.get("connection", ""),
        ip=said.get("ip", ""),
        port=port_of(said.get("port", "")),
        agent=said.get("user_agent", ""),
        node=said.get("node", ""),
    )


def json_of(text: str) -> dict[str, object]:
    """Read a line that is one JSON object.

    Raises
    ------
    RegistryError
        If it is none.
    """
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        raise RegistryError("this is no JSON") from None
    if not isinstance(held, dict):
        raise RegistryError("this is no JSON object")
    return held


def port_of(text: str) -> int | None:
    """Read a port; None for an empty text.

    Raises
    ------
    RegistryError
        If it is no number.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        raise RegistryError(f"{text[:20]!r} is no port")
    return int(text)


def _milliseconds(seconds: str) -> int | None:
    if not seconds:
        return None
    try:
        return int(Decimal(seconds) * 1000)
    except (InvalidOperation, OverflowError, ValueError):
        raise RegistryError(f"{seconds[:20]!r} is no media time", "give seconds") from None
