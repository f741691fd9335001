"""The first schema: sessions, emotion records, gaps, alerts and their transitions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    _alert_transitions()
    _alerts()
    _emotion_records()
    _gaps()
    _sessions()


def downgrade() -> None:
    """Remove the tables, and with them all that was recorded."""
    for table in ("alert_transitions", "alerts", "emotion_records", "gaps", "sessions"):
        op.drop_table(table)


def _alert_transitions() -> None:
    op.create_table(
        "alert_transitions",
        sa.Column("id", _INTEGER, autoincrement=True, nullable=False),
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=128), nullable=False),
        sa.Column("speaker", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("decided_at", _MOMENT, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("first_seq", _INTEGER, nullable=False),
        sa.Column("last_seq", _INTEGER, nullable=False),
        sa.Column("message", sa.String(length=2048), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_transitions"),
        sa.UniqueConstraint(
            "alert_id", "state", "at", name="uq_alert_transitions_alert_id_state_at"
        ),
    )
    op.create_index(
        "ix_alert_transitions_session_id_speaker", "alert_transitions", ["session_id", "speaker"]
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("rule", sa.String(length=256), nullable=False),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("session_id", sa.String(length=128), nullable=False),
        sa.Column("source_id", sa.String(length=128), nullable=False),
        sa.Column("speaker", sa.String(length=16), nullable=False),
        sa.Column("labels", _JSON, nullable=False),
        sa.Column("agent_id", sa.String(length=256), nullable=True),
        sa.Column("queue", sa.String(length=256), nullable=True),
        sa.Column("channels", _JSON, nullable=False),
        sa.Column("emotions", _JSON, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("first_seq", _INTEGER, nullable=False),
        sa.Column("last_seq", _INTEGER, nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("fired_at", _MOMENT, nullable=True),
        sa.Column("resolved_at", _MOMENT, nullable=True),
        sa.Column("decided_at", _MOMENT, nullable=False),
        sa.Column("message", sa.String(length=2048), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_agent_id_started_at", "alerts", ["agent_id", "started_at"])
    op.create_index("ix_alerts_session_id_started_at", "alerts", ["session_id", "started_at"])
    op.create_index("ix_alerts_started_at_alert_id", "alerts", ["started_at", "alert_id"])


def _emotion_records() -> None:
    op.create_table(
        "emotion_records",
        sa.Column("id", _INTEGER, autoincrement=True, nullable=False),
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
        sa.Column("seq", _INTEGER, nullable=False),
        sa.Column("start_ms", _INTEGER, nullable=False),
        sa.Column("end_ms", _INTEGER, nullable=False),
        sa.Column("p_angry", sa.Double(), nullable=True),
        sa.Column("p_disgusted", sa.Double(), nullable=True),
        sa.Column("p_fearful", sa.Double(), nullable=True),
        sa.Column("p_happy", sa.Double(), nullable=True),
        sa.Column("p_neutral", sa.Double(), nullable=True),
        sa.Column("p_other", sa.Double(), nullable=True),
        sa.Column("p_sad", sa.Double(), nullable=True),
        sa.Column("p_surprised", sa.Double(), nullable=True),
        sa.Column("p_unknown", sa.Double(), nullable=True),
        sa.Column("steps", sa.LargeBinary(), nullable=True),
        sa.Column("speech", sa.Double(), nullable=False),
        sa.Column("level_dbfs", sa.Double(), nullable=False),
        sa.Column("window_seconds", sa.Double(), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("revision", sa.String(length=128), nullable=False),
        sa.Column("labels", _JSON, nullable=False),
        sa.Column("agent_id", sa.String(length=256), nullable=True),
        sa.Column("queue", sa.String(length=256), nullable=True),
        sa.Column("published_at", _MOMENT, nullable=False),
        sa.Column("scored_at", _MOMENT, nullable=False),
        sa.Column("stored_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_emotion_records"),
        sa.UniqueConstraint(
            "session_id",
            "speaker",
            "seq",
            "granularity",
            name="uq_emotion_records_session_id_speaker_seq_granularity",
        ),
    )
    op.create_index(
        "ix_emotion_records_agent_id_timestamp", "emotion_records", ["agent_id", "timestamp"]
    )
    op.create_index(
        "ix_emotion_records_alert_triggered_timestamp",
        "emotion_records",
        ["timestamp"],
        sqlite_where=sa.text("alert_triggered = 1"),
        postgresql_where=sa.text("alert_triggered"),
    )
    op.create_index(
        "ix_emotion_records_source_id_timestamp", "emotion_records", ["source_id", "timestamp"]
    )
    op.create_index("ix_emotion_records_timestamp_id", "emotion_records", ["timestamp", "id"])


def _gaps() -> None:
    op.create_table(
        "gaps",
        sa.Column("id", _INTEGER, autoincrement=True, nullable=False),
        sa.Column("session_id", sa.String(length=128), nullable=False),
        sa.Column("source_id", sa.String(length=128), nullable=False),
        sa.Column("speaker", sa.String(length=16), nullable=False),
        sa.Column("first_seq", _INTEGER, nullable=False),
        sa.Column("last_seq", _INTEGER, nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=512), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gaps"),
        sa.UniqueConstraint(
            "session_id",
            "speaker",
            "first_seq",
            "last_seq",
            "reason",
            name="uq_gaps_session_id_speaker_first_seq_last_seq_reason",
        ),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.String(length=128), nullable=False),
        sa.Column("source_id", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("speakers", _JSON, nullable=False),
        sa.Column("labels", _JSON, nullable=False),
        sa.Column("agent_id", sa.String(length=256), nullable=True),
        sa.Column("queue", sa.String(length=256), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("frames", _INTEGER, nullable=True),
        sa.Column("reason", sa.String(length=512), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_agent_id_started_at", "sessions", ["agent_id", "started_at"])
    op.create_index("ix_sessions_source_id_started_at", "sessions", ["source_id", "started_at"])
    op.create_index("ix_sessions_started_at_session_id", "sessions", ["started_at", "session_id"])
