"""The ledger of alerts, their history, who was told, silences, caps."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of the notices stage."""
    _create_alerts()
    op.create_table(
        "notice_events",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("alert_id", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    op.create_index("ix_notice_events_alert_id", "notice_events", ["alert_id"])
    op.create_table(
        "notice_told",
        sa.Column("alert_id", sa.String(64), primary_key=True),
        sa.Column("delivery_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("receiver", sa.String(64), nullable=False),
        sa.Column("receiver_name", sa.String(100), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("matchers", sa.JSON, nullable=False),
        sa.Column("starts_ms", sa.BigInteger, nullable=False),
        sa.Column("ends_ms", sa.BigInteger, nullable=False),
        sa.Column("author", sa.String(128), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_silences_ends", "silences", ["ends_ms"])
    op.create_table(
        "notice_marks",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("cap_key", sa.String(300), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_notice_marks_key", "notice_marks", ["cap_key", "at_ms"])
    turn = op.create_table(
        "notice_turn",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("taken", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(turn, [{"id": 1, "taken": 0}])


def _create_alerts() -> None:
    op.create_table(
        "notice_alerts",
        sa.Column("alert_id", sa.String(64), primary_key=True),
        sa.Column("rule", sa.String(256), nullable=False),
        sa.Column("priority", sa.String(16), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("session_id", sa.String(128), nullable=False),
        sa.Column("source_id", sa.String(128), nullable=False),
        sa.Column("agent", sa.String(256), nullable=False),
        sa.Column("group_key", sa.String(300), nullable=False),
        sa.Column("cooldown_key", sa.String(420), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("resolved", sa.Text, nullable=True),
        sa.Column("firing_seen", sa.Boolean, nullable=False),
        sa.Column("fired_ms", sa.BigInteger, nullable=False),
        sa.Column("resolved_ms", sa.BigInteger, nullable=True),
        sa.Column("look_ms", sa.BigInteger, nullable=True),
        sa.Column("hold_reason", sa.String(16), nullable=True),
        sa.Column("hold_by", sa.String(300), nullable=True),
        sa.Column("told_ms", sa.BigInteger, nullable=True),
        sa.Column("last_told_ms", sa.BigInteger, nullable=True),
        sa.Column("repeats", sa.Integer, nullable=False),
        sa.Column("escalations", sa.Integer, nullable=False),
        sa.Column("resolved_told", sa.Boolean, nullable=False),
        sa.Column("acknowledged_by", sa.String(128), nullable=True),
        sa.Column("acknowledged_ms", sa.BigInteger, nullable=True),
        sa.Column("assigned_to", sa.String(128), nullable=True),
        sa.Column("verdict", sa.String(16), nullable=True),
        sa.Column("closed_by", sa.String(128), nullable=True),
        sa.Column("closed_ms", sa.BigInteger, nullable=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    for name, columns in (
        ("look", ["look_ms"]),
        ("session", ["session_id"]),
        ("source", ["source_id", "resolved_ms"]),
        ("group", ["group_key", "look_ms"]),
        ("cooldown", ["cooldown_key"]),
        ("hold", ["hold_by"]),
        ("fired", ["fired_ms", "alert_id"]),
        ("rule", ["rule", "fired_ms"]),
    ):
        op.create_index(f"ix_notice_alerts_{name}", "notice_alerts", columns)


def downgrade() -> None:
    """Drop them."""
    for table in (
        "notice_turn",
        "notice_marks",
        "silences",
        "notice_told",
        "notice_events",
        "notice_alerts",
    ):
        op.drop_table(table)
