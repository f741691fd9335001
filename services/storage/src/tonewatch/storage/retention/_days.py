"""Whole days dropped at once on PostgreSQL, where a day is a partition."""

from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.shared.logging import get_logger
from tonewatch.storage.database import Database
from tonewatch.storage.models import EmotionRecord, RollupPosition, Session
from tonewatch.storage.partitions import day_bounds, existing, partition_name
from tonewatch.storage.retention._options import Kind
from tonewatch.storage.retention._tables import is_held

LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '2s'"
"""Dropping waits for queries on the table, and whoever comes after waits behind it."""
_TABLES: Final = {
    Kind.STEPS: ("emotion_steps",),
    Kind.SECONDS: ("emotion_steps", "emotion_records"),
}

log = get_logger(__name__)


async def drop_days(database: Database, kind: Kind, before: datetime) -> int:
    """Drop the partitions of days that ended before; says how many days.

    A day with a session under a legal hold, or with records that no roll-up has seen, stays: its
    other rows are removed one by one.

    Raises:
        DatabaseUnavailableError: the tables were too busy; the next sweep tries again.
    """
    if database.dialect != "postgresql":
        return 0
    async with database.read() as session:
        days = await existing(await session.connection(), _TABLES[kind][-1])
    dropped = 0
    for day in sorted(days):
        if day_bounds(day)[1] > before.astimezone(UTC):
            break
        async with database.write() as connection:
            await connection.execute(text(LOCK_TIMEOUT))
            if await _must_stay(connection, day):
                continue
            for table in _TABLES[kind]:
                name = partition_name(table, day)
                await connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        dropped += 1
        log.info("dropped a day", kind=kind.value, day=day.isoformat())
    return dropped


async def _must_stay(connection: AsyncConnection, day: date) -> bool:
    begin, end = day_bounds(day)
    of_day = (EmotionRecord.timestamp >= begin) & (EmotionRecord.timestamp < end)
    held = (
        select(EmotionRecord.id)
        .join(Session, Session.session_id == EmotionRecord.session_id)
        .where(of_day, is_held())
        .limit(1)
    )
    if (await connection.execute(held)).first() is not None:
        return True
    newest = select(func.max(EmotionRecord.id)).where(of_day)
    position = select(RollupPosition.record_id).where(RollupPosition.name == "records")
    top = (await connection.execute(newest)).scalar()
    return top is not None and top > (await connection.execute(position)).scalar_one()
