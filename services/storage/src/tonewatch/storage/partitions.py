"""The day partitions of PostgreSQL: made ahead of the rows, dropped by retention.

Timestamps far from now (a clock that was never set) go to one partition for all others, so that no
message can make a thousand tables. Where such a day comes near, its rows move to a partition of
their own.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.shared.clock import utc_now
from tonewatch.storage.database import Database

TABLES: Final = ("emotion_records", "emotion_steps")
DAYS_BACK: Final = 400
DAYS_AHEAD: Final = 2
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('storage partitions'))"


class Partitions:
    """Partitions of one database; does nothing on SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[date] = set()

    async def make_sure(self, moments: Iterable[datetime]) -> None:
        """Make the partitions in which rows of these moments belong.

        Raises:
            DatabaseUnavailableError: not now; nothing was made.
        """
        if self._database.dialect != "postgresql":
            return
        today = utc_now().date()
        near = {
            day
            for day in {moment.astimezone(UTC).date() for moment in moments} - self._known
            if -DAYS_BACK <= (day - today).days <= DAYS_AHEAD
        }
        if not near:
            return
        for table in TABLES:  # one at a time: who reads both locks them in an order of its own
            async with self._database.write() as connection:
                await connection.execute(text(_LOCK))
                for day in near - await existing(connection, table):
                    await _create(connection, table, day)
        self._known |= near

    async def make_ahead(self) -> None:
        """Make those of today and the next days, so that no batch has to."""
        now = utc_now()
        await self.make_sure(now + timedelta(days=days) for days in range(DAYS_AHEAD + 1))


async def existing(connection: AsyncConnection, table: str) -> set[date]:
    """The days that have a partition of their own."""
    rows = await connection.execute(
        text(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = :table ::regclass"
        ),
        {"table": table},
    )
    names = (name.removeprefix(f"{table}_") for name in rows.scalars())
    return {datetime.strptime(name, "%Y%m%d").date() for name in names if name.isdigit()}  # noqa: DTZ007 - a day


def partition_name(table: str, day: date) -> str:
    """How the partition of a day is called."""
    return f"{table}_{day:%Y%m%d}"


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The first moment of a day (UTC), and the first after it."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begin, begin + timedelta(days=1)


async def _create(connection: AsyncConnection, table: str, day: date) -> None:
    """Make it beside the table, take over what lay among the others, and attach it."""
    name = partition_name(table, day)
    begin, end = f"{day} 00:00+00", f"{day + timedelta(days=1)} 00:00+00"
    kept = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE"
    of_day = f"timestamp >= '{begin}' AND timestamp < '{end}'"
    moved = f"DELETE FROM {table}_other WHERE {of_day} RETURNING *"  # noqa: S608 - our own names
    key = "session_id, speaker, seq, granularity"  # which a partitioned table cannot have itself
    keyed = [f"CREATE UNIQUE INDEX uq_{name}_second ON {name} ({key})"]
    for statement in (
        f"CREATE TABLE {name} (LIKE {table} {kept})",
        *(keyed if table == "emotion_records" else ()),
        f"WITH moved AS ({moved}) INSERT INTO {name} SELECT * FROM moved",  # noqa: S608
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{begin}') TO ('{end}')",
    ):
        await connection.exec_driver_sql(statement)
