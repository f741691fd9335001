"""Revision 0002 on SQLite: the matrices move to a table of their own."""

from typing import Final

import sqlalchemy as sa
from alembic import op

HOUR: Final = "strftime('%Y-%m-%d %H:00:00.000000', started_at)"
"""The hour of an alert, as this database spells it."""


def move_records() -> None:
    """Leave records without their matrix, in place."""
    op.create_table(
        "emotion_steps",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("steps", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_emotion_steps"),
    )
    op.execute(
        "INSERT INTO emotion_steps (id, timestamp, steps) "
        "SELECT id, timestamp, steps FROM emotion_records WHERE steps IS NOT NULL ORDER BY id"
    )
    op.create_index("ix_emotion_steps_timestamp", "emotion_steps", ["timestamp"])
    op.drop_column("emotion_records", "steps")
    op.add_column(
        "emotion_records",
        sa.Column("hop_seconds", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
