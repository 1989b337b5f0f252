"""Turn what FFmpeg and the operating system complain of into one line that helps."""

from __future__ import annotations

import errno
import struct
from pathlib import Path

from tracemark.errors import MediaError


def unreadable(path: Path, error: Exception) -> MediaError:
    """Say why a file that exists cannot be opened as video or picture.

    Parameters
    ----------
    path : Path
    error : Exception
        What FFmpeg raised.

    Returns
    -------
    MediaError
        To be raised by the caller.
    """
    if isinstance(error, PermissionError):
        return MediaError(f"{path.name}: this file may not be read", "check its permissions")
    if _lost_its_index(path):
        return MediaError(
            f"{path.name} was cut off before its index (moov) was written, and cannot be read without it",
            "get the complete file, or a screenshot of it being played",
        )
    return MediaError(
        f"{path.name} is not a video or picture that can be read", "the file is damaged or of another kind"
    )


def unwritable(target: Path, error: Exception) -> MediaError:
    """Say why a file cannot be written to its end.

    Parameters
    ----------
    target : Path
        The name that the user gave.
    error : Exception
        What FFmpeg or the operating system raised.

    Returns
    -------
    MediaError
        To be raised by the caller.
    """
    match getattr(error, "errno", None):
        case errno.ENOSPC | errno.EDQUOT:
            return MediaError(f"{target}: the disk is full", "nothing was written; make room, or write elsewhere")
        case errno.EFBIG:
            return MediaError(f"{target}: the file grew over the size that this system allows", "nothing was written")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return MediaError(f"{target.parent} does not let you write", "choose another folder")
        case _:
            reason = str(getattr(error, "strerror", None) or error).lower()
            return MediaError(f"{target.name} could not be written: {reason}", "nothing was written")


def _lost_its_index(path: Path) -> bool:
    """Whether a file is an ISO media file (mp4, mov) whose moov box is missing.

    Walks the top-level boxes: a 32-bit size and a type of four letters each (ISO/IEC 14496-12, section 4.2).
    """
    seen = set()
    try:
        with path.open("rb") as file:
            while len(header := file.read(8)) == 8:  # size and type
                size, kind = struct.unpack(">I4s", header)
                seen.add(kind)
                if size == 1:
                    size = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0] - 8
                if size < 8:  # runs to the end of the file, or is no box
                    break
                file.seek(size - 8, 1)
    except OSError:
        return False
    return b"ftyp" in seen and b"mdat" in seen and b"moov" not in seen
