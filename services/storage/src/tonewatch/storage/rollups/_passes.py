"""The loop that keeps roll-ups up to date."""

import asyncio
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.shared.runtime import wait_for_stop
from tonewatch.storage.database import Database
from tonewatch.storage.locks import lock_records
from tonewatch.storage.rollups import _heard, _segments, _sums
from tonewatch.storage.rollups._span import Span

PASS_RECORDS: Final = 10_000
"""One transaction takes this many, so that no batch of the writer waits long behind it."""

_POSITION: Final = "SELECT record_id FROM rollup_positions WHERE name = 'records'"
_MOVE: Final = "UPDATE rollup_positions SET record_id = :last WHERE name = 'records'"


class Rollups:
    """Maintains segments, utterances, track roll-ups and emotion hours of one database."""

    def __init__(self, database: Database, *, every_seconds: float = 5.0) -> None:
        self._database = database
        self._every_seconds = every_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Pass after pass until `stop`."""
        while not stop.is_set():
            if not await self.advance():
                await wait_for_stop(stop, self._every_seconds)

    async def catch_up(self) -> None:
        """Return when everything that was stored before this call is in the roll-ups."""
        top = await self._top()
        while await self.advance(top):
            pass

    async def advance(self, top: int | None = None) -> bool:
        """One pass up to record `top`; says whether more is left to do.

        Raises:
            DatabaseUnavailableError: not now; nothing was added.
        """
        if top is None:
            top = await self._top()
        async with self._database.write() as connection:
            position = await _position(connection)
            last = min(top, position + PASS_RECORDS)
            if last <= position:
                return False
            span = Span(position, last)
            await _heard.gather(connection, span)
            await _sums.add(connection, span)
            await _segments.add(connection)
            await connection.execute(text(_MOVE), {"last": last})
        return last < top

    async def _top(self) -> int:
        """The greatest id, once no transaction is left that could still commit a smaller one."""
        async with self._database.write() as connection:
            await lock_records(connection, alone=True)
            found = await connection.exec_driver_sql("SELECT MAX(id) FROM emotion_records")
            return found.scalar_one() or 0


async def _position(connection: AsyncConnection) -> int:
    lock = " FOR UPDATE" if connection.dialect.name == "postgresql" else ""
    return int((await connection.exec_driver_sql(_POSITION + lock)).scalar_one())
