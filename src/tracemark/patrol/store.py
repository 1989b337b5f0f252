"""What a patrol knows and has still to do, in an SQLite file that survives being killed at any moment.

A *place* is a path or URL; its *content* is what was there, by SHA-256. Contents are looked at once, however many
places they are found in. Everything that was finished is written down in one transaction before it is told; what is
told is noted afterwards.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from tracemark.errors import PatrolError
from tracemark.patrol.jobs import Ended
from tracemark.patrol.records import TABLES, VERSION, Content, Place

TRIES = 3
"""Times that a download is tried, once in each run."""


class Store:
    """The state of a patrol. One process at a time may have it.

    Parameters
    ----------
    path : Path
        SQLite file, made if there is none, readable by its owner only.
    asked : str
        What every content is asked; those that were asked something else are looked at again.

    Raises
    ------
    PatrolError
        If it cannot be read or written, another patrol has it, or a newer version made it.
    """

    def __init__(self, path: Path, asked: str) -> None:
        self.path, self.asked = path, asked
        self._lock = _locked(path)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        try:
            self._prepare()
        except sqlite3.Error as error:
            self.close()
            raise PatrolError(f"{path} is no state of a patrol: {error}", "name another file with --state") from None
        except PatrolError:
            self.close()
            raise

    def _prepare(self) -> None:
        self._connection.row_factory = sqlite3.Row
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise PatrolError(f"{self.path} was made by a newer tracemark", "update tracemark")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        if version == 0:
            self._connection.executescript(f"BEGIN;{TABLES}PRAGMA user_version={VERSION};COMMIT")

    def __enter__(self) -> Self:
        """Use it in a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let another process have it."""
        self._connection.close()
        os.close(self._lock)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise PatrolError(f"{self.path} cannot be written to: {error}", "make room, or check the disk") from error

    # Places

    def begin(self) -> None:
        """Start a run: what was asked something else, and downloads that failed, are to be done once more."""
        with self._writing() as now:
            stale = "SELECT sha256 FROM contents WHERE asked != ?"
            now.execute(f"UPDATE places SET outcome = NULL WHERE sha256 IN ({stale})", (self.asked,))  # noqa: S608
            now.execute("DELETE FROM contents WHERE asked != ?", (self.asked,))
            now.execute("UPDATE places SET outcome = NULL WHERE outcome = 'unfetched' AND tries < ?", (TRIES,))

    def add(self, places: Sequence[tuple[str, str]]) -> int:
        """Enter places that are new or have changed.

        Parameters
        ----------
        places : sequence of (place, stamp)
            A stamp tells one state of a place from another.

        Returns
        -------
        int
            How many there were of them.
        """
        if not places:
            return 0
        entered = 0
        with self._writing() as now:
            for place, stamp in places:
                entered += now.execute(
                    "INSERT INTO places (place, stamp) VALUES (?, ?) ON CONFLICT (place) DO UPDATE SET"
                    " stamp = excluded.stamp, sha256 = NULL, taken = NULL, kept = NULL, outcome = NULL, reason = ''"
                    " WHERE places.stamp != excluded.stamp",
                    (os.fsencode(place), stamp),
                ).rowcount
        return entered

    def refuse(self, place: str, reason: str) -> None:
        """Enter a place that is not worth opening."""
        with self._writing() as now:
            now.execute(
                "INSERT INTO places (place, stamp, outcome, reason) VALUES (?, ?, 'refused', ?)"
                " ON CONFLICT (place) DO UPDATE SET stamp = excluded.stamp, sha256 = NULL, taken = NULL, kept = NULL,"
                " outcome = excluded.outcome, reason = excluded.reason WHERE places.stamp != excluded.stamp",
                (os.fsencode(place), f"!{reason}", reason),
            )

    def waiting(self, after: int, count: int) -> list[Place]:
        """List places that are not done, in the order in which they were found, from behind a given one."""
        rows = self._connection.execute(
            "SELECT * FROM places WHERE outcome IS NULL AND id > ? ORDER BY id LIMIT ?", (after, count)
        )
        return [Place.of(row) for row in rows]

    def took(self, place: Place, report: dict[str, Any], kept: str | None) -> None:
        """Note what was found at a place."""
        with self._writing() as now:
            now.execute(
                "UPDATE places SET sha256 = ?, taken = ?, kept = ? WHERE id = ?",
                (report["sha256"], report["stamp"], kept, place.id),
            )
            now.execute(
                "INSERT OR IGNORE INTO contents (sha256, size, md5, asked) VALUES (?, ?, ?, ?)",
                (report["sha256"], report["size"], report["md5"], self.asked),
            )

    def lost(self, place: Place) -> None:
        """Note that something else is at a place by now: it has to be taken again."""
        with self._writing() as now:
            now.execute("UPDATE places SET sha256 = NULL, taken = NULL, kept = NULL WHERE id = ?", (place.id,))

    def gave_up(self, place: Place, outcome: str, reason: str) -> None:
        """Note that a place gave nothing to look at."""
        with self._writing() as now:
            now.execute(
                "UPDATE places SET outcome = ?, reason = ?, tries = tries + 1 WHERE id = ?", (outcome, reason, place.id)
            )

    # Contents

    def content(self, sha256: str) -> Content | None:
        """Tell what is known of a content."""
        row = self._connection.execute("SELECT * FROM contents WHERE sha256 = ?", (sha256,)).fetchone()
        return None if row is None else Content.of(row)

    def recent(self, count: int) -> list[Content]:
        """List the last contents that are done and of which it is known what they look like, the oldest first."""
        rows = self._connection.execute(
            "SELECT * FROM contents WHERE fingerprint IS NOT NULL AND outcome IS NOT NULL ORDER BY rowid DESC LIMIT ?",
            (count,),
        )
        return [Content.of(row) for row in rows][::-1]

    def passed(self) -> Iterator[Content]:
        """List the contents in which a first look found nothing, and that got no closer one."""
        rows = self._connection.execute(
            "SELECT * FROM contents WHERE fingerprint IS NOT NULL AND outcome IN ('absent', 'passed')"
            " AND stage IN ('print', 'fast') AND shown IS NULL"
        )
        return (Content.of(row) for row in rows)

    def looked(self, sha256: str, stage: str, ended: Ended, **known: str | None) -> None:
        """Note what a look at a content gave, and what it took.

        Parameters
        ----------
        sha256 : str
        stage : str
        ended : Ended
            Its report has ``still``, ``pdq``, ``fingerprint``, ``decoding`` and ``reason`` where there are such.
        **known : str or None
            ``shown`` and ``alike``.
        """
        report = ended.report or {}
        decoding = report.get("decoding")
        said = {
            "stage": stage,
            "still": report.get("still"),
            "pdq": report.get("pdq"),
            "fingerprint": report.get("fingerprint"),
            "decoding": None if decoding is None else json.dumps(decoding),
            "reason": report.get("reason", ""),
            **known,
        }
        told = {name: value for name, value in said.items() if value is not None}
        with self._writing() as now:
            names = ", ".join(f"{name} = ?" for name in told)
            now.execute(f"UPDATE contents SET {names} WHERE sha256 = ?", (*told.values(), sha256))  # noqa: S608
            _spend(now, sha256, ended)

    def finish(
        self, sha256: str, outcome: str, reason: str, places: Sequence[Place], ended: Ended | None = None
    ) -> None:
        """Note that nothing more is to be done for a content and the places that it was found at, and every hit.

        Parameters
        ----------
        sha256 : str
        outcome : str
            A find is a hit at each of the places.
        reason : str
        places : sequence of Place
        ended : Ended, optional
            The look that failed, if one did.
        """
        with self._writing() as now:
            if ended is not None:
                _spend(now, sha256, ended)
            now.execute("UPDATE contents SET outcome = ?, reason = ? WHERE sha256 = ?", (outcome, reason, sha256))
            for place in places:
                now.execute("UPDATE places SET outcome = ?, reason = ? WHERE id = ?", (outcome, reason, place.id))
                if outcome == "found":
                    now.execute(
                        "INSERT OR IGNORE INTO hits (place_id, sha256, asked) VALUES (?, ?, ?)",
                        (place.id, sha256, self.asked),
                    )

    def reopen(self, sha256: str, shown: str) -> None:
        """Have a content looked at more closely after all: it shows an own recording."""
        with self._writing() as now:
            now.execute("UPDATE contents SET outcome = NULL, shown = ? WHERE sha256 = ?", (shown, sha256))
            now.execute("UPDATE places SET outcome = NULL WHERE sha256 = ?", (sha256,))

    def kept(self) -> set[str]:
        """List the downloads that are still wanted: those of hits, and of what is not done."""
        rows = self._connection.execute(
            "SELECT kept FROM places WHERE kept IS NOT NULL AND (outcome IS NULL OR outcome = 'found')"
        )
        return {row["kept"] for row in rows}

    # Hits

    def untold(self) -> list[tuple[int, Place, Content, str | None]]:
        """List hits that were not told yet: number, place, content, and the first other place that has the same."""
        rows = self._connection.execute("SELECT id, place_id, sha256 FROM hits WHERE told = 0 ORDER BY id").fetchall()
        found = []
        for row in rows:
            place = self._connection.execute("SELECT * FROM places WHERE id = ?", (row["place_id"],)).fetchone()
            first = self._connection.execute(
                "SELECT place FROM hits JOIN places ON places.id = place_id WHERE hits.sha256 = ? AND hits.id < ?"
                " ORDER BY hits.id LIMIT 1",
                (row["sha256"], row["id"]),
            ).fetchone()
            content = self.content(row["sha256"])
            assert content is not None
            found.append((row["id"], Place.of(place), content, None if first is None else os.fsdecode(first["place"])))
        return found

    def told(self, hit: int) -> None:
        """Note that a hit was told."""
        with self._writing() as now:
            now.execute("UPDATE hits SET told = 1 WHERE id = ?", (hit,))

    # Own recordings

    def own(self) -> dict[str, tuple[str, str]]:
        """List own recordings: name and fingerprint by SHA-256."""
        rows = self._connection.execute("SELECT * FROM own")
        return {row["sha256"]: (os.fsdecode(row["name"]), row["fingerprint"]) for row in rows}

    def add_own(self, sha256: str, name: str, fingerprint: str) -> None:
        """Keep the fingerprint of an own recording."""
        with self._writing() as now:
            now.execute("INSERT OR REPLACE INTO own VALUES (?, ?, ?)", (sha256, os.fsencode(name), fingerprint))

    # Counts

    def duplicates(self) -> int:
        """Count places that have the same content as an earlier one."""
        count: int = self._connection.execute("SELECT count(sha256) - count(DISTINCT sha256) FROM places").fetchone()[0]
        return count

    def counts(self) -> dict[str, int]:
        """Count places by outcome; those that are not done as ``waiting``."""
        rows = self._connection.execute("SELECT coalesce(outcome, 'waiting'), count(*) FROM places GROUP BY 1")
        return dict(rows.fetchall())


def _locked(path: Path) -> int:
    """Make the file if there is none, and keep every other patrol from it for as long as this one lives."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        # SQLite has locks of its own on its file; on some network file systems they are of the same kind.
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PatrolError(f"{path}: {str(error.strerror).lower()}", "name another file with --state") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise PatrolError(f"another patrol is at work with {path}", "name another file with --state") from None
    return lock


def _spend(now: sqlite3.Connection, sha256: str, ended: Ended) -> None:
    now.execute(
        "UPDATE contents SET looks = looks + 1, cpu = cpu + ?, wall = wall + ?, memory = max(memory, ?)"
        " WHERE sha256 = ?",
        (ended.cpu, ended.wall, ended.memory, sha256),
    )
