"""What the facts of a case must look like, and how they are written into a notice."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlsplit

JST = timezone(timedelta(hours=9), "JST")
"""Japan's time: providers search their logs in it."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

Check = Callable[[object], str]
"""Writes a fact as a notice has it; raises ValueError, saying what it must look like."""


def text(value: object) -> str:
    """Take any text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text")
    return value.strip()


def email(value: object) -> str:
    """Take an e-mail address."""
    told = text(value)
    if not _EMAIL.fullmatch(told):
        raise ValueError("must be an e-mail address")
    return told


def urls(value: object) -> str:
    """Take one web address, or a list of them."""
    told = [value] if isinstance(value, str) else value
    if not isinstance(told, list) or not told:
        raise ValueError("must be a list of web addresses")
    for each in told:
        parts = urlsplit(each) if isinstance(each, str) else None
        if parts is None or parts.scheme not in {"http", "https"} or not parts.netloc or re.search(r"\s", each):
            raise ValueError("must be web addresses that begin with http or https")
    return "\n".join(told)


def address(value: object) -> str:
    """Take an IP address, version 4 or 6."""
    try:
        return str(ipaddress.ip_address(text(value)))
    except ValueError:
        raise ValueError("must be an IP address") from None


def port(value: object) -> str:
    """Take a port."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 65535:
        raise ValueError("must be a number from 1 to 65535")
    return str(value)


def second(value: object) -> str:
    """Take a time with its zone, to the second; a provider's log cannot be searched with less."""
    if isinstance(value, str):
        if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", value):
            raise ValueError("must be a time to the second, such as 2026-11-25T20:15:04+09:00")
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("must be a time to the second with its zone, such as 2026-11-25T20:15:04+09:00")
    return f"{value.astimezone(JST):%Y-%m-%d %H:%M:%S} JST ({value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"


def choice(value: object) -> str:
    """Take a yes or no that somebody chose."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - of what a file says, not of an argument
    return "yes" if value else "no"


def affirmed(value: object) -> str:
    """Take a person's own word; nothing else stands for it."""
    if value is not True:
        raise ValueError("must be true, and only the complainant can say so")
    return "yes"


CHECKS: dict[str, Check] = {
    "text": text,
    "email": email,
    "urls": urls,
    "ip": address,
    "port": port,
    "second": second,
    "choice": choice,
    "affirmed": affirmed,
}
"""Checks by the names that files of fields use."""
