"""Access logs of nginx: every request of a segment or playlist says that its viewer was there.

Requests that follow each other within a gap make one visit: a join at the first, a leave at the last.

References
----------
nginx documentation, ngx_http_log_module (`combined`, `escape=json`) and ngx_http_core_module (variables).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, unquote, urlsplit

from tracemark.errors import RegistryError
from tracemark.registry.accesses import Access
from tracemark.registry.importing.lines import Bad, Choices, Other, Read, json_of, port_of
from tracemark.registry.times import to_ms

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_COMBINED = re.compile(rf"(\S+) \S+ (.*?) \[([^\]]+)\] {_QUOTED} (\d{{3}}) \S+(?: {_QUOTED} {_QUOTED})?.*", re.DOTALL)
_TIME_LOCAL = "%d/%b/%Y:%H:%M:%S %z"
_NOBODY = ("", "-")


@dataclass(frozen=True)
class Request:
    """A line of the log.

    Parameters
    ----------
    at : int
        UTC in milliseconds; whole seconds in the combined format.
    ip, user, agent : str
        Empty where the log has none.
    port : int or None
    uri : str
        Path and query.
    status : int
    """

    at: int
    ip: str
    port: int | None
    user: str
    uri: str
    status: int
    agent: str

    @property
    def query(self) -> dict[str, str]:
        """The query's arguments, the first of each name."""
        return arguments(urlsplit(self.uri).query)


def read_nginx(lines: Iterable[str], choices: Choices) -> Iterator[Read]:
    """Read an access log in nginx's combined format, or with one JSON object a line that is named like its variables.

    Session and member are those of the caller's pattern, the query's `session` and `member`, or the caller's session
    and the user who was logged in. Lines that name no viewer, and requests that were not answered, are passed over.

    Raises
    ------
    RegistryError
        If the pattern is none.
    """
    pattern = _compiled(choices.pattern)
    visits = _Visits(choices.gap)
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            request = request_of(text)
            seen = _viewer(request, pattern, choices)
            if seen is None:
                yield Other(number)
            else:
                yield from visits.see(seen)
        except (RegistryError, ValueError) as error:
            yield Bad(number, str(error))
    yield from visits.rest()


def request_of(text: str) -> Request:
    """Read a line of the log.

    Raises
    ------
    RegistryError
        If it is none.
    """
    if text.lstrip().startswith("{"):
        return _of_variables(json_of(text))
    match = _COMBINED.fullmatch(text.strip())
    if match is None:
        raise RegistryError("this is no line of nginx's combined format")
    ip, user, time, request, status, _, agent = match.groups()
    return Request(
        at=_local(time),
        ip=_known(ip),
        port=None,
        user=_known(user),
        uri=_uri(request),
        status=int(status),
        agent=_known(agent or ""),
    )


def arguments(query: str) -> dict[str, str]:
    """Take a query apart; the first of each name."""
    return {name: values[0] for name, values in parse_qs(query, errors="surrogateescape").items()}


def _of_variables(said: Mapping[str, object]) -> Request:
    text = {name: str(value) for name, value in said.items() if value is not None}
    if "msec" in text or "time_iso8601" in text:
        at = to_ms(text.get("msec") or text["time_iso8601"])
    elif "time_local" in text:
        at = _local(text["time_local"])
    else:
        raise RegistryError("there is no time", "log msec, time_iso8601 or time_local")
    uri = text.get("request_uri") or _uri(text.get("request", ""))
    status = text.get("status", "200")
    if not (status.isascii() and status.isdecimal()):
        raise RegistryError(f"{status[:20]!r} is no status")
    return Request(
        at=at,
        ip=_known(text.get("remote_addr", "")),
        port=port_of(_known(text.get("remote_port", ""))),
        user=_known(text.get("remote_user", "")),
        uri=uri,
        status=int(status),
        agent=_known(text.get("http_user_agent", "")),
    )


def _viewer(request: Request, pattern: re.Pattern[str] | None, choices: Choices) -> Access | None:
    """Who a request is of; None if it is nobody's, or was refused."""
    if not 200 <= request.status < 400:
        return None
    query = request.query
    groups: dict[str, str] = {}
    if pattern is not None:
        match = pattern.search(unquote(urlsplit(request.uri).path))
        if match is None:
            return None
        groups = {name: value for name, value in match.groupdict().items() if value}
    session = choices.session or groups.get("session") or query.get("session")
    member = groups.get("member") or query.get("member") or request.user
    if not session or not member:
        return None
    ip = "" if request.ip.startswith("unix:") else request.ip
    return Access(
        session,
        member,
        "join",
        request.at,
        connection=f"{ip} {request.agent}",
        ip=ip,
        port=request.port,
        agent=request.agent,
    )


class _Visits:
    """Requests put together."""

    def __init__(self, gap: float) -> None:
        self._gap = round(gap * 1000)
        self._last: dict[tuple[str, str, str], tuple[Access, int]] = {}

    def see(self, request: Access) -> Iterator[Access]:
        whose = request.session, request.member, request.connection
        held = self._last.get(whose)
        if held is None or request.at - held[1] > self._gap:
            if held is not None:
                yield _leave(*held)
            yield request
            self._last[whose] = request, request.at
        else:
            self._last[whose] = held[0], max(held[1], request.at)

    def rest(self) -> Iterator[Access]:
        for held in self._last.values():
            yield _leave(*held)


def _leave(first: Access, last: int) -> Access:
    return Access(
        first.session,
        first.member,
        "leave",
        last,
        connection=first.connection,
        ip=first.ip,
        port=first.port,
        agent=first.agent,
    )


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise RegistryError(f"the pattern is no regular expression: {error}") from None
    if not {"session", "member"} & set(compiled.groupindex):
        raise RegistryError("the pattern has neither a group 'session' nor 'member'", "write (?P<member>[^/]+)")
    return compiled


def _local(time: str) -> int:
    try:
        return int(datetime.strptime(time, _TIME_LOCAL).timestamp()) * 1000  # noqa: DTZ007 - it has the zone
    except ValueError:
        raise RegistryError(f"{time[:40]!r} is no time of nginx's") from None


def _uri(request: str) -> str:
    """Path and query of a request line: method, URI, protocol."""
    words = request.split(" ")
    return words[1] if len(words) >= 2 else ""


def _known(text: str) -> str:
    return "" if text in _NOBODY else text
