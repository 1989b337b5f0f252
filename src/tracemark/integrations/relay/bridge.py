"""Streams of protocols that PyAV's FFmpeg lacks, brought here and away by the program ffmpeg.

The program passes bytes on as they are; what they mean is PyAV's to say, as for any other stream.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import time
from contextlib import suppress
from functools import cache
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import av

from tracemark.errors import MediaError
from tracemark.integrations.relay.address import DATAGRAM

if TYPE_CHECKING:
    from threading import Event

    from tracemark.integrations.relay.address import Address

LOOK_UP_SECONDS = 0.2
"""How long to wait for bytes before looking whether they are wanted."""

ENDING_SECONDS = 3.0
"""How long the program may take to send what it still holds."""


class SilentError(MediaError):
    """A source says nothing for too long."""


def bridged(address: Address) -> bool:
    """Tell whether an address has to be reached by the program, and can be.

    Parameters
    ----------
    address : Address

    Returns
    -------
    bool
    """
    return address.protocol.optional and not _spoken(address.scheme) and program(address.scheme) is not None


@cache
def _spoken(scheme: str) -> bool:
    """Whether the FFmpeg inside PyAV has a protocol."""
    try:
        av.open(f"{scheme}://")  # an address of nowhere: nothing is opened
    except av.ProtocolNotFoundError:
        return False
    except (av.FFmpegError, OSError, ValueError):
        pass
    return True


@cache
def program(scheme: str) -> str | None:
    """Find a program ffmpeg that has a protocol.

    Parameters
    ----------
    scheme : str

    Returns
    -------
    str or None
        Its path.
    """
    if os.name != "posix":  # elsewhere nobody can wait for a pipe with a time limit
        return None
    path = shutil.which("ffmpeg")
    if path is None:
        return None
    words = [path, "-hide_banner", "-protocols"]
    told = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - the user's own ffmpeg
    return path if scheme in told.stdout.split() else None


class _Bridge:
    """The program at work, until it is closed."""

    def __init__(self, scheme: str, words: list[str], *, stdin: int, stdout: int) -> None:
        path = program(scheme)
        assert path  # whoever builds a bridge has asked; tells mypy
        words = [path, "-hide_banner", "-nostdin", "-loglevel", "error", *words]
        # in a session of its own: Ctrl-C is for the relay, which then lets it finish
        self._said = TemporaryFile()  # noqa: SIM115 - closed with the bridge; a pipe that nobody reads would fill up
        self._process = subprocess.Popen(  # noqa: S603 - no shell; the address is one word
            words, stdin=stdin, stdout=stdout, stderr=self._said, start_new_session=True
        )

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            if pipe:
                with suppress(OSError):  # what was not taken is flushed once more
                    pipe.close()

    def _reason(self) -> str:
        """Say why it ended: the last it said, without the address in front, which may hold a secret."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING_SECONDS)
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1].rpartition(": ")[2].rstrip(".").lower() if lines else ""


class Inlet(_Bridge):
    """Brings the bytes of a source; PyAV reads it as a file.

    Parameters
    ----------
    source : Address
    options : dict of str to str
        For the source, by FFmpeg's names.
    opening, silent : float
        Seconds that the first bytes and any later ones may be waited for.
    stopping : threading.Event
        Where it is set, the stream has ended.
    """

    def __init__(
        self, source: Address, options: dict[str, str], opening: float, silent: float, stopping: Event
    ) -> None:
        words = [word for name, value in options.items() for word in (f"-{name}", value)]
        words = ["-f", "data", *words, "-i", source.url, "-map", "0", "-c", "copy", "-f", "data", "pipe:1"]
        super().__init__(source.scheme, words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self._patience, self._silent = opening, silent
        self._stopping = stopping

    def read(self, size: int) -> bytes:
        """Return what has come, at most so many bytes; none at the stream's end.

        Parameters
        ----------
        size : int

        Returns
        -------
        bytes

        Raises
        ------
        SilentError
            If nothing comes for too long.
        MediaError
            If the program has failed.
        """
        assert self._process.stdout  # a pipe; tells mypy
        end = time.monotonic() + self._patience
        while not select.select([self._process.stdout], [], [], LOOK_UP_SECONDS)[0]:
            if self._stopping.is_set():
                return b""
            if time.monotonic() > end:
                raise SilentError("it is silent")
        got = os.read(self._process.stdout.fileno(), size)
        if not got and (reason := self._reason()):
            raise MediaError(reason)
        self._patience = self._silent
        return got


class Outlet(_Bridge):
    """Takes the bytes for a target; PyAV writes to it as to a file.

    Parameters
    ----------
    target : Address
    """

    def __init__(self, target: Address) -> None:
        words = ["-f", "data", "-raw_packet_size", str(DATAGRAM), "-i", "pipe:0", "-map", "0", "-c", "copy"]
        # not flushed: a message goes when it is full
        words += ["-flush_packets", "0", "-f", "data", target.target_url]
        super().__init__(target.scheme, words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._process.stdin  # a pipe; tells mypy
        return self._process.stdin

    def write(self, data: bytes) -> int:
        """Send bytes.

        Parameters
        ----------
        data : bytes

        Returns
        -------
        int
            Their number.

        Raises
        ------
        MediaError
            If the target takes nothing.
        """
        try:
            self._pipe.write(data)
            self._pipe.flush()
        except OSError as error:
            raise MediaError(self._reason() or str(error.strerror).lower()) from error
        return len(data)

    def finish(self) -> None:
        """Let the program send what it still holds.

        Raises
        ------
        MediaError
            If the target did not take it all.
        """
        try:
            self._pipe.close()
            failed = self._process.wait(ENDING_SECONDS)
        except OSError as error:
            raise MediaError(self._reason() or str(error.strerror).lower()) from error
        except subprocess.TimeoutExpired:
            raise MediaError("it does not read on") from None
        if failed:
            raise MediaError(self._reason())
