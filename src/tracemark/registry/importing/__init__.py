"""Access records out of files: tracemark's own, and those that servers write."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tracemark.errors import RegistryError
from tracemark.registry.accesses import Access, Recorded
from tracemark.registry.importing.lines import Bad, Choices, Other, Read, Reader
from tracemark.registry.importing.nginx import read_nginx
from tracemark.registry.importing.plain import read_csv, read_jsonl
from tracemark.registry.importing.servers import read_mediamtx, read_srs

if TYPE_CHECKING:
    from tracemark.registry.registry import Registry

__all__ = ["FORMATS", "Bad", "Choices", "Imported", "format_of", "import_file", "import_lines"]

FORMATS: dict[str, Reader] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "nginx": read_nginx,
    "mediamtx": read_mediamtx,
    "srs": read_srs,
}
"""Names of the formats, and who reads them."""


@dataclass(frozen=True)
class Imported:
    """What became of a file.

    Parameters
    ----------
    recorded : Recorded
    bad : tuple of Bad
        Lines that could not be taken, in order.
    others : int
        Lines that are sound and tell of no viewer.
    """

    recorded: Recorded
    bad: tuple[Bad, ...]
    others: int


def format_of(path: Path) -> str | None:
    """Tell a format by a file's name; None if it does not."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}.get(suffixes[-1] if suffixes else "")


def import_file(
    registry: Registry, path: Path, kind: str, choices: Choices | None = None, *, dry_run: bool = False
) -> Imported:
    """Read a file into the registry: what is new is written, bad lines are reported, and nothing else is lost.

    Parameters
    ----------
    registry : Registry
    path : Path
        ``-`` is standard input; what ends in ``.gz`` is unpacked.
    kind : str
        One of `FORMATS`.
    choices : Choices, optional
    dry_run : bool
        Only say what would be done.

    Returns
    -------
    Imported

    Raises
    ------
    RegistryError
        If the file cannot be read, or the database does not answer.
    """
    if str(path) == "-":
        return import_lines(registry, sys.stdin, kind, choices, dry_run=dry_run)
    try:
        with _opened(path) as file:
            return import_lines(registry, file, kind, choices, dry_run=dry_run)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RegistryError(f"{path} cannot be read: {reason.lower()}") from None


def import_lines(
    registry: Registry, lines: Iterable[str], kind: str, choices: Choices | None = None, *, dry_run: bool = False
) -> Imported:
    """Read lines into the registry; see `import_file`."""
    sieve = _Sieve(FORMATS[kind](lines, choices or Choices()))
    recorded = registry.record(sieve, dry_run=dry_run)
    return Imported(recorded, tuple(sieve.bad), sieve.others)


class _Sieve:
    """Lets access records through, and keeps what is none."""

    def __init__(self, read: Iterator[Read]) -> None:
        self.bad: list[Bad] = []
        self.others = 0
        self._read = read

    def __iter__(self) -> Iterator[Access]:
        for each in self._read:
            match each:
                case Access():
                    yield each
                case Bad():
                    self.bad.append(each)
                case Other():
                    self.others += 1


def _opened(path: Path) -> TextIO:
    # Bytes that are no UTF-8 come through as what no name may hold, so that their line alone is refused.
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", errors="surrogateescape", newline="")
    return path.open(encoding="utf-8", errors="surrogateescape", newline="")
