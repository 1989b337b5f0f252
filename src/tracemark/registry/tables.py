"""The registry's tables, as this version of tracemark uses them.

Every time is UTC in milliseconds since 1970; every name of a person or session is in `names` alone, sealed. Tables with
`previous` and `link` are append-only and chained (`tracemark.registry.chain`). How a database gets here from what it
was stands in `migrations/`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

VERSION = "0002"
"""Revision of the newest migration, which the tables below are the result of."""

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite keeps a row under its INTEGER key itself; any other key would be one more index."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _chained(name: str, *columns: Column[object] | Index) -> Table:
    return Table(
        name,
        metadata,
        Column("seq", NUMBER, primary_key=True, autoincrement=False),
        *columns,
        Column("previous", LargeBinary, nullable=False),
        Column("link", LargeBinary, nullable=False),
    )


about = Table(
    "about",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)

names = Table(
    "names",
    metadata,
    Column("kind", String, primary_key=True),
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("lookup", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("kind", "lookup"),
)

performers = Table(
    "performers",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("pseudonym", String, nullable=False, unique=True),
    Column("registered_ms", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("pseudonym", String, nullable=False, unique=True),
    Column("registered_ms", BigInteger, nullable=False),
    Column("performer_id", BigInteger, ForeignKey("performers.id")),
    Column("started_ms", BigInteger),
)

members = Table(
    "members",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("pseudonym", String, nullable=False, unique=True),
    Column("registered_ms", BigInteger, nullable=False),
    Column("erased_ms", BigInteger),
)

accesses = Table(
    "accesses",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("session_id", BigInteger, ForeignKey("sessions.id"), nullable=False),
    Column("member_id", BigInteger, ForeignKey("members.id"), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("event", String, nullable=False),
    Column("media_ms", BigInteger),
    Column("connection", String, nullable=False),
    Column("ip", String, nullable=False),
    Column("port", Integer),
    Column("agent", String, nullable=False),
    Column("node", String, nullable=False),
    UniqueConstraint("session_id", "member_id", "at_ms", "event", "connection"),
)

stretches = Table(
    "stretches",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("session_id", BigInteger, ForeignKey("sessions.id"), nullable=False),
    Column("member_id", BigInteger, ForeignKey("members.id"), nullable=False),
    Column("access_id", BigInteger, ForeignKey("accesses.id"), nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger),
    Column("media_start_ms", BigInteger),
    Column("media_end_ms", BigInteger),
    Column("fork", BigInteger, nullable=False),
    Column("media_fork", BigInteger),
    Index("ix_stretches_ends", "session_id", "fork", "end_ms"),
    Index("ix_stretches_starts", "session_id", "fork", "start_ms"),
    Index("ix_stretches_media_ends", "session_id", "media_fork", "media_end_ms"),
    Index("ix_stretches_media_starts", "session_id", "media_fork", "media_start_ms"),
    Index("ix_stretches_member", "session_id", "member_id"),
)

grants = _chained(
    "grants",
    Column("session_id", BigInteger, ForeignKey("sessions.id"), nullable=False),
    Column("member_id", BigInteger, ForeignKey("members.id"), nullable=False),
    Column("payload", BigInteger, nullable=False, unique=True),
    Column("key_id", String, nullable=False),
    Column("profile", SmallInteger, nullable=False),
    Column("granted_ms", BigInteger, nullable=False),
    Index("ix_grants_session_member", "session_id", "member_id"),
    Index("ix_grants_member", "member_id"),
)

detections = _chained(
    "detections",
    Column("detected_ms", BigInteger, nullable=False),
    Column("leak_sha256", String, nullable=False),
    Column("method", String, nullable=False),
    Column("payload", BigInteger, nullable=False),
    Column("grant_seq", BigInteger),
    Column("key_id", String, nullable=False),
    Column("p_false", Float, nullable=False),
    Column("media_ms", BigInteger),
    Column("contradictions", String, nullable=False),
    Column("software", String, nullable=False),
)

outcomes = _chained(
    "outcomes",
    Column("detection_seq", BigInteger, nullable=False),
    Column("outcome", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

erasures = _chained(
    "erasures",
    Column("member_id", BigInteger, nullable=False),
    Column("erased_ms", BigInteger, nullable=False),
)

heads = Table(
    "heads",
    metadata,
    Column("chain", String, primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("link", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("opened_ms", BigInteger, nullable=False),
    Column("leak_sha256", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("basis", String, nullable=False),
    Column("draft_sha256", String, nullable=False),
    Column("due_hours", Integer),
)

case_events = Table(
    "case_events",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("case_id", BigInteger, ForeignKey("cases.id"), nullable=False, index=True),
    Column("event", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("written_ms", BigInteger, nullable=False),
    Column("note", String, nullable=False),
)

CHAINS = (grants, detections, outcomes, erasures)
"""Tables that are append-only and chained."""
