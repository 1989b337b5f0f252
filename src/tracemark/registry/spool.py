"""What could not be told to the registry yet, on this machine's disk: sealed lines that outlast a crash."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tracemark.errors import RegistryError

if TYPE_CHECKING:
    from tracemark.registry.vault import Vault

Note = Mapping[str, object]


class Spool:
    """A file of notes, each on the disk before `add` returns. One process uses it at a time; any thread may.

    Parameters
    ----------
    path : Path
        Made when there is something to write; removed when all of it was told.
    vault : Vault
        Seals each note, so that no name lies on the disk.
    """

    def __init__(self, path: Path, vault: Vault) -> None:
        self._path, self._vault = path, vault
        self._lock = threading.Lock()

    def add(self, notes: Iterable[Note]) -> None:
        """Write notes at the end.

        Raises
        ------
        RegistryError
            If they cannot be written.
        """
        lines = [base64.b64encode(self._vault.seal_line(json.dumps(note))) + b"\n" for note in notes]
        with self._lock:
            try:
                new = not self._path.exists()
                # A line that a crash has cut off must not swallow the next.
                descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(b"\n" + b"".join(lines))
                    file.flush()
                    os.fsync(descriptor)
                if new:
                    _sync_folder(self._path.parent)
            except OSError as error:
                raise RegistryError(f"the spool {self._path} cannot be written: {error.strerror}") from None

    def read(self) -> tuple[list[Note], int]:
        """Return the notes, and how much of the file they took, for `drop`.

        Lines that were cut off or are not this registry's are left out.

        Raises
        ------
        RegistryError
            If the file cannot be read.
        """
        with self._lock:
            try:
                content = self._path.read_bytes()
            except FileNotFoundError:
                return [], 0
            except OSError as error:
                raise RegistryError(f"the spool {self._path} cannot be read: {error.strerror}") from None
        return [note for line in content.splitlines() if (note := self._note(line)) is not None], len(content)

    def drop(self, size: int) -> None:
        """Forget the first bytes, which were told; what was added since stays."""
        with self._lock, contextlib.suppress(FileNotFoundError):
            left = self._path.read_bytes()[size:]
            if not left:
                self._path.unlink()
                return
            fresh = self._path.with_name(self._path.name + ".part")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(left)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)

    def _note(self, line: bytes) -> Note | None:
        try:
            text = self._vault.unseal_line(base64.b64decode(line, validate=True))
        except ValueError:
            return None
        return None if text is None else json.loads(text)


def _sync_folder(folder: Path) -> None:
    """Put a new file's name on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
