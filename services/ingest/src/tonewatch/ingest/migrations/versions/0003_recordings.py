"""Recordings: how long they say they are, and which files of watched folders were taken."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the column, unknown so far, and the table."""
    op.add_column("uploads", sa.Column("stated_seconds", sa.Float))
    op.create_table(
        "folder_files",
        sa.Column("path", sa.String(1024), primary_key=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger, nullable=False),
        sa.Column("session_id", sa.String(128), nullable=False),
        sa.Column("error", sa.String(512)),
        sa.Column("taken_at", sa.String(40), nullable=False),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("folder_files")
    op.drop_column("uploads", "stated_seconds")
