"""Subscriptions with filters, second secrets, headers and rates; deliveries by notice; receivers.

The tables of deliveries are built anew and filled from copies: SQLite changes neither a column's
type nor a constraint in place, and dropping the parent first would take the attempts with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEPT = (
    "id, message_id, alert_id, rule, session_id, channel, receiver, receiver_name, payload, state, "
    "attempts, attempts_allowed, created_ms, next_attempt_ms, finished_ms, last_status, last_error"
)
ATTEMPT = "id, delivery_id, at_ms, delivered, status, latency_ms, response, error"


def upgrade() -> None:
    """Add what is new, and keep every webhook, delivery and attempt."""
    _widen_webhooks()
    for table in ("deliveries", "attempts"):
        op.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")  # noqa: S608 - constants
    op.drop_table("attempts")
    op.drop_table("deliveries")
    _create_deliveries()
    _create_attempts()
    op.create_table(
        "receivers",
        sa.Column("receiver", sa.String(64), primary_key=True),
        sa.Column("paced_until_ms", sa.BigInteger, nullable=False),
        sa.Column("failing_since_ms", sa.BigInteger, nullable=True),
    )
    op.execute(
        f"INSERT INTO deliveries ({KEPT}, notice, event_type, priority, first_sent_ms, leased_by) "  # noqa: S608 - constants
        f"SELECT {KEPT}, alert_state, "
        "CASE alert_state WHEN 'test' THEN 'test' ELSE 'alert.' || alert_state END, '', "
        "CASE state WHEN 'delivered' THEN finished_ms END, '' FROM old_deliveries"
    )
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    empty = "CAST('{}' AS JSON)" if is_postgresql else "'{}'"
    op.execute(
        f"INSERT INTO attempts ({ATTEMPT}, request_headers, joined) "  # noqa: S608 - constants
        f"SELECT {ATTEMPT}, {empty}, 1 FROM old_attempts"
    )
    if is_postgresql:
        op.execute(
            "SELECT setval(pg_get_serial_sequence('attempts', 'id'), "
            "(SELECT COALESCE(MAX(id), 0) + 1 FROM attempts), false)"
        )
    for table in ("attempts", "deliveries"):
        op.drop_table(f"old_{table}")


def _widen_webhooks() -> None:
    empty = sa.text("'{}'")
    for column in (
        sa.Column("old_secret", sa.Text, nullable=True),
        sa.Column("old_secret_until_ms", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("filter", sa.JSON, nullable=False, server_default=empty),
        sa.Column("headers", sa.JSON, nullable=False, server_default=empty),
        sa.Column("rate_per_minute", sa.Integer, nullable=True),
        sa.Column("body_format", sa.String(16), nullable=False, server_default="standard"),
    ):
        op.add_column("webhooks", column)


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("message_id", sa.String(64), nullable=False),
        sa.Column("alert_id", sa.String(64), nullable=False),
        sa.Column("notice", sa.String(64), nullable=False),
        sa.Column("event_type", sa.String(32), nullable=False),
        sa.Column("rule", sa.String(256), nullable=False),
        sa.Column("priority", sa.String(16), nullable=False),
        sa.Column("session_id", sa.String(128), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("receiver", sa.String(64), nullable=False),
        sa.Column("receiver_name", sa.String(100), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("attempts_allowed", sa.Integer, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("next_attempt_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=True),
        sa.Column("after_id", sa.String(64), nullable=True),
        sa.Column("first_sent_ms", sa.BigInteger, nullable=True),
        sa.Column("finished_ms", sa.BigInteger, nullable=True),
        sa.Column("last_status", sa.Integer, nullable=True),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("leased_by", sa.String(64), nullable=False),
        sa.UniqueConstraint("alert_id", "receiver", "notice", name="uq_deliveries_once"),
    )
    op.create_index("ix_deliveries_due", "deliveries", ["state", "receiver", "next_attempt_ms"])
    op.create_index("ix_deliveries_finished", "deliveries", ["finished_ms"])


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(
            "delivery_id",
            sa.String(64),
            sa.ForeignKey("deliveries.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("delivered", sa.Boolean, nullable=False),
        sa.Column("status", sa.Integer, nullable=True),
        sa.Column("latency_ms", sa.Integer, nullable=False),
        sa.Column("response", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("request_headers", sa.JSON, nullable=False),
        sa.Column("request_body", sa.Text, nullable=True),
        sa.Column("joined", sa.Integer, nullable=False),
    )
    op.create_index("ix_attempts_delivery_id", "attempts", ["delivery_id"])


def downgrade() -> None:
    """Not possible: notices have more names than the older schema holds."""
    raise NotImplementedError("this schema cannot be taken back; restore a backup")
