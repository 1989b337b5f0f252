"""The first tables.

Written out and not taken from `tracemark.registry.tables`, which will go on changing: a step is what it was.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _required(name: str, kind: type[sa.types.TypeEngine[Any]]) -> sa.Column[object]:
    return sa.Column(name, kind, nullable=False)


def _owned() -> list[sa.Column[object]]:
    return [
        sa.Column("session_id", sa.BigInteger, sa.ForeignKey("sessions.id"), nullable=False),
        sa.Column("member_id", sa.BigInteger, sa.ForeignKey("members.id"), nullable=False),
    ]


def _chained(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        *columns,
        _required("previous", sa.LargeBinary),
        _required("link", sa.LargeBinary),
    )


def _people(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("id", _NUMBER, primary_key=True),
        _required("pseudonym", sa.String),
        _required("registered_ms", sa.BigInteger),
        *columns,
        sa.UniqueConstraint("pseudonym"),
    )


def upgrade() -> None:
    """Make every table of the first version."""
    op.create_table("about", sa.Column("name", sa.String, primary_key=True), _required("value", sa.String))
    op.create_table(
        "names",
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("owner_id", sa.BigInteger, primary_key=True, autoincrement=False),
        _required("lookup", sa.LargeBinary),
        _required("sealed", sa.LargeBinary),
        sa.UniqueConstraint("kind", "lookup"),
    )
    _people("performers")
    _people(
        "sessions",
        sa.Column("performer_id", sa.BigInteger, sa.ForeignKey("performers.id")),
        sa.Column("started_ms", sa.BigInteger),
    )
    _people("members", sa.Column("erased_ms", sa.BigInteger))
    op.create_table(
        "accesses",
        sa.Column("id", _NUMBER, primary_key=True),
        *_owned(),
        _required("at_ms", sa.BigInteger),
        _required("event", sa.String),
        sa.Column("media_ms", sa.BigInteger),
        _required("connection", sa.String),
        _required("ip", sa.String),
        sa.Column("port", sa.Integer),
        _required("agent", sa.String),
        _required("node", sa.String),
        sa.UniqueConstraint("session_id", "member_id", "at_ms", "event", "connection"),
    )
    op.create_table(
        "stretches",
        sa.Column("id", _NUMBER, primary_key=True),
        *_owned(),
        sa.Column("access_id", sa.BigInteger, sa.ForeignKey("accesses.id"), nullable=False),
        _required("start_ms", sa.BigInteger),
        sa.Column("end_ms", sa.BigInteger),
        sa.Column("media_start_ms", sa.BigInteger),
        sa.Column("media_end_ms", sa.BigInteger),
        _required("fork", sa.BigInteger),
        sa.Column("media_fork", sa.BigInteger),
    )
    op.create_index("ix_stretches_ends", "stretches", ["session_id", "fork", "end_ms"])
    op.create_index("ix_stretches_starts", "stretches", ["session_id", "fork", "start_ms"])
    op.create_index("ix_stretches_media_ends", "stretches", ["session_id", "media_fork", "media_end_ms"])
    op.create_index("ix_stretches_media_starts", "stretches", ["session_id", "media_fork", "media_start_ms"])
    op.create_index("ix_stretches_member", "stretches", ["session_id", "member_id"])
    _chained(
        "grants",
        *_owned(),
        sa.Column("payload", sa.BigInteger, nullable=False, unique=True),
        _required("key_id", sa.String),
        _required("profile", sa.SmallInteger),
        _required("granted_ms", sa.BigInteger),
    )
    op.create_index("ix_grants_session_member", "grants", ["session_id", "member_id"])
    op.create_index("ix_grants_member", "grants", ["member_id"])
    _chained(
        "detections",
        _required("detected_ms", sa.BigInteger),
        _required("leak_sha256", sa.String),
        _required("method", sa.String),
        _required("payload", sa.BigInteger),
        sa.Column("grant_seq", sa.BigInteger),
        _required("key_id", sa.String),
        _required("p_false", sa.Float),
        sa.Column("media_ms", sa.BigInteger),
        _required("contradictions", sa.String),
        _required("software", sa.String),
    )
    _chained(
        "outcomes",
        _required("detection_seq", sa.BigInteger),
        _required("outcome", sa.String),
        _required("at_ms", sa.BigInteger),
    )
    _chained("erasures", _required("member_id", sa.BigInteger), _required("erased_ms", sa.BigInteger))
    op.create_table(
        "heads",
        sa.Column("chain", sa.String, primary_key=True),
        _required("length", sa.BigInteger),
        _required("link", sa.LargeBinary),
        _required("seal", sa.LargeBinary),
    )
