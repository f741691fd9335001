"""What is kept for different times lies apart; roll-ups, holds and the audit log come in.

Sums, segments and utterances of the seconds already stored are not made here: their position
begins at 0, so the service catches up by itself, in small batches, while it serves.
"""

from alembic import op

from tonewatch.storage.migrations import _v0002_postgresql, _v0002_sqlite, _v0002_tables

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables, move the matrices to their own, and partition by day on PostgreSQL."""
    _v0002_tables.create()
    kind = _v0002_postgresql if op.get_bind().dialect.name == "postgresql" else _v0002_sqlite
    kind.move_records()
    _v0002_tables.fill(hour=kind.HOUR)


def downgrade() -> None:
    """There is no way back: the first schema has no place for what was added."""
    raise NotImplementedError("restore the backup that was made before the migration")
