"""Two speakers in one source, labels from an encoder's query, and who changed what."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the columns with what was true before, and the audit log."""
    with op.batch_alter_table("sources") as sources:
        sources.add_column(
            sa.Column("layout", sa.String(32), nullable=False, server_default="mixed")
        )
        sources.add_column(sa.Column("unmonitored", sa.JSON, nullable=False, server_default="[]"))
        sources.add_column(
            sa.Column("permitted_labels", sa.JSON, nullable=False, server_default="[]")
        )
    with op.batch_alter_table("open_sessions") as sessions:
        sessions.add_column(
            sa.Column("speakers", sa.JSON, nullable=False, server_default='["mixed"]')
        )
    with op.batch_alter_table("rtmp_publishes") as publishes:
        publishes.add_column(sa.Column("labels", sa.JSON, nullable=False, server_default="{}"))
        publishes.add_column(
            sa.Column("reported", sa.Boolean, nullable=False, server_default=sa.true())
        )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("source_id", sa.String(128), nullable=False, index=True),
        sa.Column("details", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("audit")
    for column in ("reported", "labels"):
        op.drop_column("rtmp_publishes", column)
    op.drop_column("open_sessions", "speakers")
    for column in ("permitted_labels", "unmonitored", "layout"):
        op.drop_column("sources", column)
