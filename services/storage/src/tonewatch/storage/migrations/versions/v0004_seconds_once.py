"""On PostgreSQL a second is there once whatever its timestamp says.

A key of a partitioned table must hold the column by which it is partitioned. A key of each
partition need not, so that is where it lies from now on; between days the writer looks itself.
"""

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"

_TABLE = "emotion_records"
_KEY = "session_id, speaker, seq, granularity"


def upgrade() -> None:
    """Remove seconds that are there twice (the first stays), and bring in the keys."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_constraint("uq_emotion_records_session_id_speaker_seq_granularity", _TABLE)
    partitions = op.get_bind().execute(
        text(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = :table ::regclass"
        ),
        {"table": _TABLE},
    )
    for partition in partitions.scalars().all():
        op.execute(
            f"DELETE FROM {partition} WHERE id IN (SELECT id FROM ("  # noqa: S608 - our own names
            f"SELECT id, ROW_NUMBER() OVER (PARTITION BY {_KEY} ORDER BY id) AS copy "
            f"FROM {partition}) AS numbered WHERE copy > 1)"
        )
        op.execute(f"CREATE UNIQUE INDEX uq_{partition}_second ON {partition} ({_KEY})")


def downgrade() -> None:
    """There is no way back, as from the schema before."""
    raise NotImplementedError("restore the backup that was made before the migration")
