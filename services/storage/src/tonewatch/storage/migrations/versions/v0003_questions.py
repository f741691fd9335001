"""What the query API asks for: indexes, evidence clips, and search of names and comments."""

import sqlalchemy as sa
from alembic import op

from tonewatch.storage.migrations import _v0003_search

revision = "0003"
down_revision = "0002"

_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_INDEXES = (
    ("emotion_records", "emotion", "timestamp"),
    ("segments", "emotion", "peak"),
    ("segments", "peak"),
    ("utterances", "emotion", "started_at"),
    ("utterances", "confidence"),
    ("sessions", "name", "session_id"),
    ("alerts", "queue", "started_at"),
    ("alerts", "value", "alert_id"),
)


def upgrade() -> None:
    """Add indexes, the table of clips, and the texts that are searched."""
    for table, *columns in _INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    _clips()
    _v0003_search.create()


def downgrade() -> None:
    """There is no way back, as from the schema before."""
    raise NotImplementedError("restore the backup that was made before the migration")


def _clips() -> None:
    op.create_table(
        "evidence_clips",
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=128), nullable=False),
        sa.Column("speaker", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("first_seq", _INTEGER, nullable=False),
        sa.Column("last_seq", _INTEGER, nullable=False),
        sa.Column("started_at", _MOMENT, nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("encrypted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("size_bytes", _INTEGER, nullable=False),
        sa.Column("detail", sa.String(length=512), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name="pk_evidence_clips"),
    )
    op.create_index("ix_evidence_clips_session_id", "evidence_clips", ["session_id"])
    op.create_index("ix_evidence_clips_created_at", "evidence_clips", ["created_at"])
