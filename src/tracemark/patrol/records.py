"""What the state of a patrol holds: places, contents, and the tables that they are kept in."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass
from typing import Any

VERSION = 1
"""Of the tables below."""

TABLES = """
CREATE TABLE places (
    id INTEGER PRIMARY KEY, place BLOB NOT NULL UNIQUE, stamp TEXT NOT NULL, sha256 TEXT, taken TEXT, kept TEXT,
    outcome TEXT, reason TEXT NOT NULL DEFAULT '', tries INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX places_waiting ON places (id) WHERE outcome IS NULL;
CREATE INDEX places_sha256 ON places (sha256);
CREATE TABLE contents (
    sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, md5 TEXT NOT NULL, asked TEXT NOT NULL, outcome TEXT,
    reason TEXT NOT NULL DEFAULT '', stage TEXT, still INTEGER, pdq TEXT, fingerprint TEXT, decoding TEXT, shown TEXT,
    alike TEXT, looks INTEGER NOT NULL DEFAULT 0, cpu REAL NOT NULL DEFAULT 0, wall REAL NOT NULL DEFAULT 0,
    memory INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE hits (
    id INTEGER PRIMARY KEY, place_id INTEGER NOT NULL REFERENCES places (id), sha256 TEXT NOT NULL,
    asked TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0, UNIQUE (place_id, sha256, asked)
);
CREATE INDEX hits_untold ON hits (id) WHERE told = 0;
CREATE TABLE own (sha256 TEXT PRIMARY KEY, name BLOB NOT NULL, fingerprint TEXT NOT NULL);
"""
"""Places, contents, hits, and own recordings."""


@dataclass(frozen=True)
class Place:
    """Where something is.

    Parameters
    ----------
    id : int
    place : str
        Path or URL.
    sha256 : str or None
        Of what is there, once it was taken.
    taken : str or None
        Stamp of the file as it was then.
    kept : str or None
        Where a download is kept.
    """

    id: int
    place: str
    sha256: str | None
    taken: str | None
    kept: str | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> Place:
        """Read a row of its table."""
        return cls(row["id"], os.fsdecode(row["place"]), row["sha256"], row["taken"], row["kept"])

    @property
    def remote(self) -> bool:
        """Whether it has to be downloaded."""
        return is_remote(self.place)

    @property
    def path(self) -> str:
        """File to look at."""
        return self.kept or self.place


@dataclass(frozen=True)
class Content:
    """What is known of some bytes.

    Parameters
    ----------
    sha256, md5 : str
    outcome : str or None
        None until nothing more is to be done.
    reason : str
    stage : str or None
        The last look that was finished.
    still : bool
    pdq : str or None
        Of a still on which a mark was found.
    fingerprint : str or None
    decoding : dict or None
    shown : str or None
        Name of an own recording that it shows.
    alike : str or None
        SHA-256 of an earlier content that it looks like.
    """

    sha256: str
    md5: str
    outcome: str | None
    reason: str
    stage: str | None
    still: bool
    pdq: str | None
    fingerprint: str | None
    decoding: dict[str, Any] | None
    shown: str | None
    alike: str | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> Content:
        """Read a row of its table."""
        return cls(
            sha256=row["sha256"],
            md5=row["md5"],
            outcome=row["outcome"],
            reason=row["reason"],
            stage=row["stage"],
            still=bool(row["still"]),
            pdq=row["pdq"],
            fingerprint=row["fingerprint"],
            decoding=None if row["decoding"] is None else json.loads(row["decoding"]),
            shown=row["shown"],
            alike=row["alike"],
        )


def is_remote(place: str) -> bool:
    """Whether a place is a URL, and no path."""
    return place.lower().startswith(("http://", "https://"))
