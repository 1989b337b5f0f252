"""The one ffmpeg binary every benchmark uses: the build that the imageio-ffmpeg wheel carries.

A pinned wheel instead of whatever the machine has, so that two people who measure get the same encoders.
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING

import imageio_ffmpeg

from tracemark.errors import TracemarkError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

THREADS = 2
"""Threads given to encoders and to libvmaf; a count, because the result of some encoders depends on it."""


class FfmpegError(TracemarkError):
    """Raised when the ffmpeg binary fails; carries the last line it wrote."""


@cache
def executable() -> str:
    """Path of the ffmpeg binary."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@cache
def version() -> str:
    """First words of ``ffmpeg -version``, for the header of a table."""
    text = subprocess.run([executable(), "-version"], capture_output=True, text=True, check=True).stdout
    match = re.match(r"ffmpeg version (\S+)", text)
    return match.group(1) if match else "unknown"


def command(arguments: Sequence[str | Path]) -> list[str]:
    """Full command line: quiet, never waiting for a key, overwriting its output."""
    return [executable(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *map(str, arguments)]


def run(arguments: Sequence[str | Path]) -> None:
    """Run ffmpeg to its end.

    Raises
    ------
    FfmpegError
        If it exits with a status other than 0.
    """
    done = subprocess.run(command(arguments), check=False, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise failure(done.stderr)


def failure(stderr: str) -> FfmpegError:
    """Make an error of what ffmpeg wrote to its standard error."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    return FfmpegError(f"ffmpeg failed: {lines[-1] if lines else 'it said nothing'}")
