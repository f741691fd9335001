"""Verdicts that storage has not been told of yet."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark; storage is told of the verdicts that are there already."""
    column = sa.Column("verdict_waits", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("notice_alerts", column)
    op.create_index("ix_notice_alerts_verdict_waits", "notice_alerts", ["verdict_waits"])
    table = sa.table("notice_alerts", sa.column("verdict"), sa.column("verdict_waits"))
    op.execute(table.update().where(table.c.verdict.is_not(None)).values(verdict_waits=True))
