"""A host on loopback that misbehaves in every way that tests ask for."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

DRIP = 0.05
"""Seconds between the bytes of a slow host."""


@dataclass(frozen=True)
class Web:
    """A host.

    Parameters
    ----------
    port : int
    asked : list of str
        Paths that it was asked for, in order.
    """

    port: int
    asked: list[str]

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Name something there."""
        return f"http://{host}:{self.port}/{path}"


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Web]:
    """Serve files, and beside them every trap of `_TRAPS`, until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    web = Web(listening.getsockname()[1], [])
    over = threading.Event()

    def accept() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                threads.append(threading.Thread(target=answer, args=(connection,), daemon=True))
                threads[-1].start()

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            request = b""
            while b"\r\n\r\n" not in request:
                received = connection.recv(4096)
                if not received:
                    return
                request += received
            path = request.split()[1].decode().lstrip("/")
            web.asked.append(path)
            name, _, argument = path.partition("?")
            if name in files:
                connection.sendall(_head(200, f"Content-Length: {len(files[name])}") + files[name])
            elif name in _TRAPS:
                _TRAPS[name](connection, argument, over)
            else:
                connection.sendall(_head(404, "Content-Length: 0"))

    threads = [threading.Thread(target=accept, daemon=True)]
    threads[0].start()
    try:
        yield web
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for thread in threads:
            thread.join(10)


def _head(status: int, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} so it is", "Connection: close", *lines, "", ""]).encode()


def _redirect(connection: socket.socket, target: str, _: threading.Event) -> None:
    connection.sendall(_head(302, f"Location: {target}", "Content-Length: 0"))


def _drip(connection: socket.socket, _: str, over: threading.Event) -> None:
    connection.sendall(_head(200, "Content-Length: 50000"))
    while not over.wait(DRIP):
        connection.sendall(b"x")


def _drip_in_the_head(connection: socket.socket, _: str, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 fine\r\nX-Slow: ")
    while not over.wait(DRIP):
        connection.sendall(b"x")


def _short(connection: socket.socket, _: str, __: threading.Event) -> None:
    connection.sendall(_head(200, "Content-Length: 5000") + b"only this")


def _long(connection: socket.socket, _: str, __: threading.Event) -> None:
    connection.sendall(_head(200, "Content-Length: 4") + b"four and much more")


def _endless(connection: socket.socket, _: str, over: threading.Event) -> None:
    connection.sendall(_head(200, "Transfer-Encoding: chunked"))
    while not over.is_set():
        connection.sendall(b"8000\r\n" + bytes(0x8000) + b"\r\n")


def _without_length(connection: socket.socket, _: str, over: threading.Event) -> None:
    connection.sendall(_head(200))
    while not over.is_set():
        connection.sendall(bytes(0x8000))


def _stated(connection: socket.socket, length: str, _: threading.Event) -> None:
    connection.sendall(_head(200, f"Content-Length: {length}") + b"something")


def _packed(connection: socket.socket, encoding: str, _: threading.Event) -> None:
    connection.sendall(_head(200, f"Content-Encoding: {encoding}", "Content-Length: 9") + b"something")


def _broken_chunks(connection: socket.socket, _: str, __: threading.Event) -> None:
    connection.sendall(_head(200, "Transfer-Encoding: chunked") + b"zz\r\nsomething\r\n")


def _no_http(connection: socket.socket, _: str, __: threading.Event) -> None:
    connection.sendall(b"\x00\x01 this is no HTTP at all\r\n\r\n")


def _many_heads(connection: socket.socket, _: str, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 fine\r\n")
    while not over.is_set():
        connection.sendall(b"X-More: " + bytes([97]) * 1000 + b"\r\n")


_TRAPS: dict[str, Callable[[socket.socket, str, threading.Event], None]] = {
    "redirect": _redirect,
    "drip": _drip,
    "drip-in-the-head": _drip_in_the_head,
    "short": _short,
    "long": _long,
    "endless": _endless,
    "without-length": _without_length,
    "stated": _stated,
    "packed": _packed,
    "broken-chunks": _broken_chunks,
    "no-http": _no_http,
    "many-heads": _many_heads,
}
