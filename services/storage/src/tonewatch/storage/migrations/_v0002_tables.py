"""Revision 0002: the tables and columns that are the same on both databases."""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

_INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT: Final = sa.DateTime(timezone=True)
_JSON: Final = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_EMOTIONS: Final = (
    *("angry", "disgusted", "fearful", "happy", "neutral"),
    *("other", "sad", "surprised", "unknown"),
)
_ALERT_HOURS: Final = """
INSERT INTO alert_hours (hour, rule, agent_id, queue, alerts, right_verdicts,
                         false_alarm_verdicts, needs_coaching_verdicts)
SELECT {hour}, rule, COALESCE(agent_id, ''), COALESCE(queue, ''), COUNT(*), 0, 0, 0
FROM alerts GROUP BY 1, 2, 3, 4
"""


def create() -> None:
    """Create the new tables, and add columns and indexes to those that stay."""
    _sources()
    _utterances()
    _segments()
    _track_rollups()
    _hours()
    _operations()
    _extend()


def fill(hour: str) -> None:
    """Rows that no later pass makes: sources and alert hours, of what is stored already."""
    op.execute(
        "INSERT INTO sources (source_id, name, kind, labels, first_seen_at, last_seen_at) "
        "SELECT s.source_id, s.name, s.kind, s.labels, t.first, t.last FROM sessions s JOIN ("
        "SELECT source_id, MIN(started_at) AS first, MAX(started_at) AS last "
        "FROM sessions GROUP BY source_id) t ON t.source_id = s.source_id "
        "WHERE s.session_id = (SELECT MAX(n.session_id) FROM sessions n "
        "WHERE n.source_id = s.source_id AND n.started_at = t.last)"
    )
    op.execute(_ALERT_HOURS.replace("{hour}", hour))
    op.execute("INSERT INTO rollup_positions (name, record_id) VALUES ('records', 0)")


def _sources() -> None:
    op.create_table(
        "sources",
        _key("source_id"),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("labels", _JSON, nullable=False),
        sa.Column("first_seen_at", _MOMENT, nullable=False),
        sa.Column("last_seen_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("source_id", name="pk_sources"),
    )


def _utterances() -> None:
    op.create_table(
        "utterances",
        *_track(),
        _number("number"),
        *_where_from(),
        _number("start_ms"),
        _number("end_ms"),
        sa.Column("emotion", sa.String(length=16), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        *(sa.Column(f"p_{name}", sa.Double(), nullable=True) for name in _EMOTIONS),
        sa.Column("embedding_path", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("session_id", "speaker", "number", name="pk_utterances"),
    )
    _index("utterances", "started_at")
    _index("utterances", "agent_id", "started_at")


def _segments() -> None:
    op.create_table(
        "segments",
        *_track(),
        _number("first_seq"),
        _number("last_seq"),
        sa.Column("emotion", sa.String(length=16), nullable=False),
        *_where_from(),
        _number("start_ms"),
        _number("end_ms"),
        sa.Column("confidence_sum", sa.Double(), nullable=False),
        sa.Column("peak", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "speaker", "first_seq", name="pk_segments"),
    )
    _index("segments", "started_at")
    _index("segments", "agent_id", "started_at")
    _index("segments", "emotion", "started_at")


def _track_rollups() -> None:
    op.create_table(
        "track_rollups",
        *_track(),
        *_heard(),
        _number("last_seq"),
        _number("end_ms"),
        sa.PrimaryKeyConstraint("session_id", "speaker", name="pk_track_rollups"),
    )
    op.create_table(
        "rollup_positions",
        sa.Column("name", sa.String(length=32), nullable=False),
        _number("record_id"),
        sa.PrimaryKeyConstraint("name", name="pk_rollup_positions"),
    )


def _heard() -> Iterator[sa.Column[Any]]:
    """Sums over seconds; the names of columns are those of the models of then."""
    for name in ("seconds", "speech_seconds", *(f"{name}_seconds" for name in _EMOTIONS)):
        yield _number(name)
    yield _number("no_speech_seconds")
    for name in _EMOTIONS:
        yield sa.Column(f"p_{name}_sum", sa.Double(), nullable=False)


def _hours() -> None:
    op.create_table(
        "emotion_hours",
        sa.Column("hour", _MOMENT, nullable=False),
        sa.Column("agent_id", sa.String(length=256), nullable=False),
        sa.Column("queue", sa.String(length=256), nullable=False),
        sa.Column("speaker", sa.String(length=16), nullable=False),
        *_heard(),
        sa.PrimaryKeyConstraint("hour", "agent_id", "queue", "speaker", name="pk_emotion_hours"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alert_hours",
        sa.Column("hour", _MOMENT, nullable=False),
        sa.Column("rule", sa.String(length=256), nullable=False),
        sa.Column("agent_id", sa.String(length=256), nullable=False),
        sa.Column("queue", sa.String(length=256), nullable=False),
        _number("alerts"),
        _number("right_verdicts"),
        _number("false_alarm_verdicts"),
        _number("needs_coaching_verdicts"),
        sa.PrimaryKeyConstraint("hour", "rule", "agent_id", "queue", name="pk_alert_hours"),
        sqlite_with_rowid=False,
    )


def _operations() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", _INTEGER, autoincrement=True, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        sa.Column("detail", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    _index("audit_log", "at")
    op.create_table(
        "legal_holds",
        sa.Column("hold_id", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=128), nullable=True),
        sa.Column("label_name", sa.String(length=64), nullable=True),
        sa.Column("label_value", sa.String(length=256), nullable=True),
        sa.Column("reason", sa.String(length=512), nullable=False),
        sa.Column("placed_by", sa.String(length=256), nullable=False),
        sa.Column("placed_at", _MOMENT, nullable=False),
        sa.Column("released_by", sa.String(length=256), nullable=True),
        sa.Column("released_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("hold_id", name="pk_legal_holds"),
    )


def _extend() -> None:
    _index("sessions", "queue", "started_at")
    _index("gaps", "at")
    _index("alerts", "rule", "started_at")
    short, text = sa.String(length=16), sa.String(length=256)
    for column in (
        sa.Column("action", short, server_default=sa.text("'alert'"), nullable=False),
        sa.Column("subject", short, server_default=sa.text("'emotion'"), nullable=False),
        sa.Column("verdict", short, nullable=True),
        sa.Column("verdict_by", text, nullable=True),
        sa.Column("verdict_at", _MOMENT, nullable=True),
        sa.Column("verdict_comment", sa.String(length=4096), nullable=True),
    ):
        op.add_column("alerts", column)


def _track() -> list[sa.Column[Any]]:
    return [_key("session_id"), sa.Column("speaker", sa.String(length=16), nullable=False)]


def _where_from() -> list[sa.Column[Any]]:
    return [
        _key("source_id"),
        sa.Column("agent_id", sa.String(length=256), nullable=True),
        sa.Column("queue", sa.String(length=256), nullable=True),
        sa.Column("started_at", _MOMENT, nullable=False),
    ]


def _key(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=128), nullable=False)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, _INTEGER, autoincrement=False, nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
