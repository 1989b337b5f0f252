"""Download one file from a host that may be hostile: never into a private network, never more than was agreed."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import Timeout, Url, parse_url

from tracemark import __version__
from tracemark.errors import PatrolError
from tracemark.evidence.hashes import Digests
from tracemark.patrol.addresses import Address, Network, checked
from tracemark.patrol.limits import Limits

CONNECT = 10.0
"""Seconds to wait for a connection."""

SILENCE = 20.0
"""Seconds to wait for the next bytes."""

CHUNK = 1 << 16
"""Bytes asked for at once."""

_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK = 200


def fetch(url: str, target: Path, limits: Limits, allowed: Sequence[Network] = ()) -> tuple[Digests, str]:
    """Download a file.

    Every host, those of redirects among them, is looked up once, refused if it is not public, and connected to at the
    address that was looked up. Nothing is unpacked: a body in another encoding than its own is refused.

    Parameters
    ----------
    url : str
    target : Path
        To write; it holds a part of the file if this fails.
    limits : Limits
    allowed : sequence of network, optional
        That may be reached although they are not public.

    Returns
    -------
    digests : Digests
    url : str
        Where it was in the end.

    Raises
    ------
    PatrolError
        One line for whatever the host did.
    """
    deadline = time.monotonic() + limits.download
    for _ in range(limits.redirects + 1):
        parsed = _parsed(url)
        with _answer(parsed, allowed) as response:
            if response.status not in _REDIRECTS:
                _check(response, limits)
                with target.open("wb") as file:
                    return _copy(response, file, limits, deadline), url
            url = urljoin(url, response.headers.get("Location", ""))
    raise PatrolError(f"more than {limits.redirects} redirects")


def _parsed(url: str) -> Url:
    try:
        parsed = parse_url(url)
    except LocationParseError:
        raise PatrolError("this is no URL") from None
    if parsed.scheme not in _PORTS or not parsed.host:
        raise PatrolError(f"only http and https are fetched, not {parsed.scheme or 'this'}")
    if parsed.auth:
        raise PatrolError("URLs with a user name in them are not fetched")
    return parsed


@contextmanager
def _answer(url: Url, allowed: Sequence[Network]) -> Iterator[urllib3.BaseHTTPResponse]:
    assert url.host
    assert url.scheme
    host, port = url.host.strip("[]"), url.port or _PORTS[url.scheme]
    failure: Exception | None = None
    for address in checked(host, port, allowed):
        with _connection(url.scheme, address, port, host) as pool:
            try:
                response = pool.urlopen(
                    "GET",
                    url.request_uri,
                    headers={
                        "Host": url.netloc or host,
                        "Accept-Encoding": "identity",
                        "User-Agent": f"tracemark/{__version__}",
                    },
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,
                )
            except (HTTPError, OSError) as error:
                failure = error
                continue
            try:
                yield response
            finally:
                response.close()
            return
    raise PatrolError(f"{host} does not answer: {_reason(failure)}")


def _connection(scheme: str, address: Address, port: int, host: str) -> urllib3.HTTPConnectionPool:
    """Prepare to connect to an address, and to be shown the certificate of the host that is meant to be there."""
    place = f"[{address}]" if address.version == 6 else str(address)
    timeout = Timeout(connect=CONNECT, read=SILENCE)
    if scheme == "http":
        return urllib3.HTTPConnectionPool(place, port, timeout=timeout)
    return urllib3.HTTPSConnectionPool(
        place,
        port,
        timeout=timeout,
        ssl_context=ssl.create_default_context(),
        server_hostname=host,
        assert_hostname=host,
    )


def _check(response: urllib3.BaseHTTPResponse, limits: Limits) -> None:
    if response.status != _OK:
        raise PatrolError(f"the host answers with status {response.status}")
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() not in ("identity", ""):
        raise PatrolError(f"the host sends the file packed ({encoding[:20]}), which it was not asked to")
    stated = response.headers.get("Content-Length", "")
    if stated.isdecimal() and int(stated) > limits.size:
        raise PatrolError(f"the file has {stated} bytes: more than {limits.size}")


def _copy(response: urllib3.BaseHTTPResponse, file: IO[bytes], limits: Limits, deadline: float) -> Digests:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    size = 0
    try:
        for chunk in _chunks(response):
            if time.monotonic() > deadline:
                raise PatrolError(f"the download was not done after {limits.download:g} s")
            size += len(chunk)
            if size > limits.size:
                raise PatrolError(f"the file has more than {limits.size} bytes")
            sha256.update(chunk)
            md5.update(chunk)
            file.write(chunk)
    except (HTTPError, OSError) as error:
        raise PatrolError(f"the download broke off after {size} bytes: {_reason(error)}") from error
    if not size:
        raise PatrolError("the file is empty")
    return Digests(size, sha256.hexdigest(), md5.hexdigest())


def _chunks(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Whatever has come, as soon as it has: a slow drip must not hide behind a full buffer."""
    if response.chunked:
        yield from response.stream(CHUNK, decode_content=False)
        return
    while chunk := response.read1(CHUNK, decode_content=False):
        yield chunk


def _reason(error: Exception | None) -> str:
    return type(error).__name__ if error else "it has no address"
