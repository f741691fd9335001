"""Whose sessions are open where several replicas share the registry, and who plays a publish."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the columns; what is there belongs to nobody in particular."""
    with op.batch_alter_table("open_sessions") as sessions:
        sessions.add_column(sa.Column("owner", sa.String(128)))
    with op.batch_alter_table("rtmp_publishes") as publishes:
        publishes.add_column(sa.Column("seen_at", sa.String(40)))
        publishes.add_column(sa.Column("player", sa.String(64)))


def downgrade() -> None:
    """Take them away again."""
    for column in ("player", "seen_at"):
        op.drop_column("rtmp_publishes", column)
    op.drop_column("open_sessions", "owner")
