"""Revision 0002 on PostgreSQL: records and matrices are partitioned by the day of their timestamp.

A partitioned table is made beside the old one and takes over its rows, its name and its sequence.
"""

from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

HOUR: Final = "date_trunc('hour', started_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
"""The hour of an alert, as this database spells it."""

_MOMENT: Final = sa.DateTime(timezone=True)
_INDEXES: Final[dict[str, list[str]]] = {
    "ix_emotion_records_agent_id_timestamp": ["agent_id", "timestamp"],
    "ix_emotion_records_source_id_timestamp": ["source_id", "timestamp"],
    "ix_emotion_records_timestamp_id": ["timestamp", "id"],
}


def move_records() -> None:
    """Make the partitioned tables, move all rows into them, and drop the old table."""
    op.rename_table("emotion_records", "emotion_records_v1")
    op.execute("ALTER SEQUENCE emotion_records_id_seq OWNED BY NONE")
    op.execute("ALTER TABLE emotion_records_v1 ALTER COLUMN id DROP DEFAULT")
    for name in (*_INDEXES, "ix_emotion_records_alert_triggered_timestamp"):
        op.drop_index(name, "emotion_records_v1")
    for name in (
        "pk_emotion_records",
        "uq_emotion_records_session_id_speaker_seq_granularity",
    ):
        op.drop_constraint(name, "emotion_records_v1")
    _create_records()
    _create_steps()
    _create_days()
    columns = ", ".join(column.name for column in _record_columns() if column.name != "hop_seconds")
    op.execute(
        f"INSERT INTO emotion_records ({columns}) SELECT {columns} FROM emotion_records_v1"  # noqa: S608 - names of our own columns
    )
    op.execute(
        "INSERT INTO emotion_steps (id, timestamp, steps) "
        "SELECT id, timestamp, steps FROM emotion_records_v1 WHERE steps IS NOT NULL"
    )
    op.drop_table("emotion_records_v1")


def _create_records() -> None:
    op.create_table(
        "emotion_records",
        *_record_columns(),
        sa.PrimaryKeyConstraint("id", "timestamp", name="pk_emotion_records"),
        sa.UniqueConstraint(
            "session_id",
            "speaker",
            "seq",
            "granularity",
            "timestamp",
            name="uq_emotion_records_session_id_speaker_seq_granularity",
        ),
        postgresql_partition_by="RANGE (timestamp)",
    )
    op.execute("ALTER SEQUENCE emotion_records_id_seq OWNED BY emotion_records.id")
    for name, columns in _INDEXES.items():
        op.create_index(name, "emotion_records", columns)
    op.create_index(
        "ix_emotion_records_alert_triggered_timestamp",
        "emotion_records",
        ["timestamp"],
        postgresql_where=sa.text("alert_triggered"),
    )


def _create_steps() -> None:
    op.create_table(
        "emotion_steps",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("timestamp", _MOMENT, nullable=False),
        sa.Column("steps", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", "timestamp", name="pk_emotion_steps"),
        postgresql_partition_by="RANGE (timestamp)",
    )
    op.create_index("ix_emotion_steps_timestamp", "emotion_steps", ["timestamp"])
    # a matrix hardly compresses, and the second try on every row costs the writer time
    op.execute("ALTER TABLE emotion_steps ALTER COLUMN steps SET STORAGE EXTERNAL")


def _create_days() -> None:
    """A partition for each day with rows, and one for timestamps far from all others."""
    days = op.get_bind().execute(
        sa.text(
            "SELECT DISTINCT (timestamp AT TIME ZONE 'UTC')::date AS day "
            "FROM emotion_records_v1 ORDER BY day LIMIT 1000"
        )
    )
    found = [row.day for row in days]
    for table in ("emotion_records", "emotion_steps"):
        op.execute(f"CREATE TABLE {table}_other PARTITION OF {table} DEFAULT")
        for day in found:
            op.execute(
                f"CREATE TABLE {table}_{day:%Y%m%d} PARTITION OF {table} FOR VALUES "
                f"FROM ('{day} 00:00+00') TO ('{day + timedelta(days=1)} 00:00+00')"
            )


def _record_columns() -> list[sa.Column[Any]]:
    probabilities = (
        "p_angry p_disgusted p_fearful p_happy p_neutral p_other p_sad p_surprised p_unknown"
    )
    identity = sa.text("nextval('emotion_records_id_seq')")
    return [
        sa.Column("id", sa.BigInteger(), server_default=identity, nullable=False),
        sa.Column("timestamp", _MOMENT, nullable=False),
        sa.Column("audio_id", sa.String(length=128), nullable=False),
        sa.Column("emotion", sa.String(length=16), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("granularity", sa.String(length=16), nullable=False),
        sa.Column("embedding_path", sa.Text(), nullable=True),
        sa.Column("alert_triggered", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("session_id", sa.String(length=128), nullable=False),
        sa.Column("source_id", sa.String(length=128), nullable=False),
        sa.Column("speaker", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in probabilities.split()),
        sa.Column("speech", sa.Double(), nullable=False),
        sa.Column("level_dbfs", sa.Double(), nullable=False),
        sa.Column("window_seconds", sa.Double(), nullable=False),
        sa.Column("hop_seconds", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("revision", sa.String(length=128), nullable=False),
        sa.Column("labels", JSONB(), nullable=False),
        sa.Column("agent_id", sa.String(length=256), nullable=True),
        sa.Column("queue", sa.String(length=256), nullable=True),
        sa.Column("published_at", _MOMENT, nullable=False),
        sa.Column("scored_at", _MOMENT, nullable=False),
        sa.Column("stored_at", _MOMENT, nullable=False),
    ]
