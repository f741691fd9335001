"""The registry: sources, sessions and publishes that are open, uploads."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "sources",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("url", sa.String(2048)),
        sa.Column("key_hash", sa.String(64), unique=True),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("origin", sa.String(8), nullable=False),
        sa.Column("finished", sa.String(512)),
        sa.Column("created_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "open_sessions",
        sa.Column("session_id", sa.String(128), primary_key=True),
        sa.Column("source_id", sa.String(128), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("lane", sa.String(16), nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("started_at", sa.String(40), nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("last_entry_id", sa.String(64)),
        sa.Column("seen_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "rtmp_publishes",
        sa.Column("client_id", sa.String(64), primary_key=True),
        sa.Column("source_id", sa.String(128), nullable=False),
        sa.Column("stream", sa.String(128), nullable=False),
        sa.Column("since", sa.String(40), nullable=False),
    )
    op.create_table(
        "uploads",
        sa.Column("session_id", sa.String(128), primary_key=True),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("duration_seconds", sa.Float, nullable=False),
        sa.Column("error", sa.String(512)),
        sa.Column("created_at", sa.String(40), nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("uploads", "rtmp_publishes", "open_sessions", "sources"):
        op.drop_table(table)
