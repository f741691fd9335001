"""Who waits for whom among processes that write to one PostgreSQL database.

Advisory locks, held to the end of the transaction. SQLite lets one transaction write at a time, so
there these do nothing.
"""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

_SHARED: Final = "SELECT pg_advisory_xact_lock_shared(hashtext('storage records'))"
_ALONE: Final = "SELECT pg_advisory_xact_lock(hashtext('storage records'))"


async def lock_records(connection: AsyncConnection, *, alone: bool) -> None:
    """Keep out of the way of those who need the records as they are; or be one of them.

    With `alone`, all transactions that added records have ended, and none adds more for now.
    """
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(_ALONE if alone else _SHARED)
