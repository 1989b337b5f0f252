"""Cases: notices that were drafted, and what came of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "cases",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("opened_ms", sa.BigInteger, nullable=False),
        sa.Column("leak_sha256", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("basis", sa.String, nullable=False),
        sa.Column("draft_sha256", sa.String, nullable=False),
        sa.Column("due_hours", sa.Integer),
    )
    op.create_table(
        "case_events",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("case_id", sa.BigInteger, sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("written_ms", sa.BigInteger, nullable=False),
        sa.Column("note", sa.String, nullable=False),
    )
    op.create_index("ix_case_events_case_id", "case_events", ["case_id"])
