"""Hooks of streaming servers, as whoever receives them writes them down.

References
----------
MediaMTX documentation, "Hooks": runOnRead and runOnUnread with MTX_PATH, MTX_QUERY, MTX_READER_TYPE and MTX_READER_ID.
SRS documentation, "HTTP Callback": on_play, on_stop and on_close with client_id, ip, vhost, app, stream and param.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import unquote

from tracemark.errors import RegistryError
from tracemark.registry.accesses import Access, EventKind
from tracemark.registry.importing.lines import Bad, Choices, Other, Read, json_of, port_of
from tracemark.registry.importing.nginx import arguments, request_of
from tracemark.registry.times import to_ms

_MEDIAMTX: dict[str, EventKind] = {"read": "join", "unread": "leave"}
_SRS: dict[str, EventKind] = {"on_play": "join", "on_stop": "leave", "on_close": "leave"}


def read_mediamtx(lines: Iterable[str], choices: Choices) -> Iterator[Read]:
    """Read hooks of MediaMTX: JSON objects, or the access log of a web server that the hooks call.

    An object has `time`, `event` (``read`` or ``unread``) and the hook's variables, with or without ``MTX_``. A call
    has the same in its query. Session and member are the arguments `session` and `member` of the reader's own query;
    without a `session` it is the path.
    """
    return _each(lines, lambda text: _mediamtx(text, choices))


def read_srs(lines: Iterable[str], choices: Choices) -> Iterator[Read]:
    """Read HTTP callbacks of SRS: JSON objects, each the callback's own with a `time` added, or under `body`.

    Session and member are the arguments `session` and `member` of `param`; without a `session` it is the stream.
    """
    return _each(lines, lambda text: _srs(text, choices))


def _each(lines: Iterable[str], take: Callable[[str], Access | None]) -> Iterator[Read]:
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            yield take(text) or Other(number)
        except (RegistryError, ValueError) as error:
            yield Bad(number, str(error))


def _mediamtx(text: str, choices: Choices) -> Access | None:
    if text.lstrip().startswith("{"):
        said = _text(json_of(text))
        at = to_ms(_needed(said, "time"))
    else:
        request = request_of(text)
        said, at = request.query, request.at
    said = {name.removeprefix("MTX_").lower(): value for name, value in said.items()}
    event = _MEDIAMTX.get(said.get("event", ""))
    if event is None:
        return None
    query = said.get("query", "")
    # Newer versions of MediaMTX escape the variable, older ones do not.
    asked = arguments(query if "=" in query else unquote(query))
    return Access(
        session=choices.session or asked.get("session") or _needed(said, "path"),
        member=_member(asked),
        event=event,
        at=at,
        connection=said.get("reader_id", ""),
        ip=said.get("ip", ""),
        agent=said.get("user_agent", ""),
        node=said.get("node", ""),
    )


def _srs(text: str, choices: Choices) -> Access | None:
    outer = json_of(text)
    inner = outer.get("body", outer)
    if not isinstance(inner, dict):
        raise RegistryError("the body is no JSON object")
    said = _text(inner)
    event = _SRS.get(said.get("action", ""))
    if event is None:
        return None
    asked = arguments(said.get("param", "").lstrip("?"))
    if said["action"] == "on_close" and "member" not in asked:
        return None  # of a connection that played nothing, or whose stop was told already
    return Access(
        session=choices.session or asked.get("session") or _needed(said, "stream"),
        member=_member(asked),
        event=event,
        at=to_ms(_needed(_text(outer), "time")),
        connection=said.get("client_id", ""),
        ip=said.get("ip", ""),
        port=port_of(said.get("port", "")),
        node=said.get("server_id", ""),
    )


def _text(said: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in said.items() if value is not None}


def _needed(said: Mapping[str, str], name: str) -> str:
    if not said.get(name):
        raise RegistryError(f"there is no {name}")
    return said[name]


def _member(asked: Mapping[str, str]) -> str:
    if not asked.get("member"):
        raise RegistryError("the viewer's address names no member", "give viewers addresses that end in ?member=NAME")
    return asked["member"]
