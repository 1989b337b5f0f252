"""A file or a folder appears under its name when it is complete, or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tracemark.errors import MediaError
from tracemark.video.errors import unwritable


@contextlib.contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Lend a temporary name beside `target`; give the file its name when the block ends well.

    The temporary file lies in the same folder, so that the last step is a rename within one file system. It is removed
    on any error, on a full disk and on Ctrl-C.

    Parameters
    ----------
    target : Path
        Must not exist yet, and its folder must.

    Yields
    ------
    Path
        Empty file to write to; it has the target's suffix, by which FFmpeg knows the container.

    Raises
    ------
    MediaError
        If the target exists, before or after the writing, or its folder does not exist or cannot be written to.
    """
    if os.path.lexists(target):  # a dangling link is somebody's, too
        raise _existing(target)
    if not target.parent.is_dir():
        raise MediaError(f"the folder {target.parent} does not exist", "make it first, or check the name")
    temporary = target.with_name(f".{target.stem[:64]}.{secrets.token_hex(4)}.part{target.suffix}")
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise unwritable(target, error) from error
    try:
        yield temporary
        _give_name(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_written_whole(target: Path) -> Iterator[Path]:
    """Lend a temporary folder beside `target`; give it its name when the block ends well.

    The folder is its owner's alone (mode 0700) unless the block changes that. It is removed with all it holds on any
    error and on Ctrl-C.

    Parameters
    ----------
    target : Path
        Must not exist yet or be an empty folder; its parent must exist.

    Yields
    ------
    Path
        Empty folder to write to.

    Raises
    ------
    MediaError
        If the target is taken, before or after the writing, or its parent does not exist or cannot be written to.
    """
    if os.path.lexists(target) and (not target.is_dir() or any(target.iterdir())):
        raise MediaError(f"{target} exists already and is not empty", "choose another name, or remove it")
    if not target.parent.is_dir():
        raise MediaError(f"the folder {target.parent} does not exist", "make it first, or check the name")
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise unwritable(target, error) from error
    try:
        yield work
        try:
            work.rename(target)  # fails if something was put there meanwhile
        except OSError as error:
            raise _existing(target) if os.path.lexists(target) else unwritable(target, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _give_name(temporary: Path, target: Path) -> None:
    """Put the file's bytes on the disk, then its name; never over another file."""
    try:
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        try:
            # Unlike a rename, a link fails if the name was taken meanwhile; the old name is removed by the caller.
            os.link(temporary, target)
        except FileExistsError:
            raise _existing(target) from None
        except OSError:  # a file system without hard links
            if os.path.lexists(target):
                raise _existing(target) from None
            temporary.rename(target)
    except OSError as error:
        raise unwritable(target, error) from error


def _existing(target: Path) -> MediaError:
    """Refuse to overwrite."""
    return MediaError(f"{target} exists already", "tracemark never overwrites: choose another name, or remove it")
