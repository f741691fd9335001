"""Who pushes now, kept in the database: encoders stay connected while ingest restarts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tonewatch.ingest.live.push import Publish
from tonewatch.ingest.tables import rtmp_publishes
from tonewatch.shared.clock import utc_now
from tonewatch.shared.database import transaction


class PublishRepository:
    """The publishers that nginx-rtmp has accepted on our word."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def all(self) -> list[Publish]:
        """All publishers, oldest first; each counts as seen now."""
        now = utc_now()
        return [_publish(row, now) for row in await self._rows()]

    async def as_noted(self) -> list[Publish]:
        """All publishers, oldest first; seen when `touch` was called last."""
        return [_publish(row, row.seen_at or row.since) for row in await self._rows()]

    async def touch(self, client_id: str) -> bool:
        """Note that a publisher is still there; False if it is not known (any more)."""
        async with transaction(self._engine) as connection:
            result = await connection.execute(
                update(rtmp_publishes)
                .where(rtmp_publishes.c.client_id == client_id)
                .values(seen_at=utc_now())
            )
        return result.rowcount > 0

    async def let_play(self, publish: Publish, player: str) -> None:
        """Note the hash of the token with which the stream may be played."""
        async with transaction(self._engine) as connection:
            await connection.execute(
                update(rtmp_publishes)
                .where(rtmp_publishes.c.client_id == publish.client_id)
                .values(player=player)
            )

    async def may_play(self, stream: str, player: str) -> bool:
        """Whether a stream may be played with the token of this hash."""
        query = select(rtmp_publishes.c.client_id).where(
            rtmp_publishes.c.stream == stream, rtmp_publishes.c.player == player
        )
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).first() is not None

    async def put(self, publish: Publish, player: str | None = None) -> None:
        """Note the one publisher of its source, and the hash of the token that may play it.

        One transaction, since encoders come back by the hundred after an outage. After a restart
        of nginx its connection numbers begin anew, so an older publisher may have the same.
        """
        table = rtmp_publishes.c
        former = (table.client_id == publish.client_id) | (table.source_id == publish.source_id)
        async with transaction(self._engine) as connection:
            await connection.execute(delete(rtmp_publishes).where(former))
            await connection.execute(
                insert(rtmp_publishes).values(
                    client_id=publish.client_id,
                    source_id=publish.source_id,
                    stream=publish.stream,
                    since=publish.since,
                    labels=publish.labels,
                    reported=publish.reported,
                    seen_at=publish.seen_at,
                    player=player,
                )
            )

    async def remove(self, client_id: str) -> None:
        """Forget a publisher."""
        async with transaction(self._engine) as connection:
            await connection.execute(
                delete(rtmp_publishes).where(rtmp_publishes.c.client_id == client_id)
            )

    async def remove_all_of(self, source_id: str) -> None:
        """Forget who pushes to a source."""
        async with transaction(self._engine) as connection:
            await connection.execute(
                delete(rtmp_publishes).where(rtmp_publishes.c.source_id == source_id)
            )

    async def _rows(self) -> Sequence[Row[Any]]:
        query = select(rtmp_publishes).order_by(rtmp_publishes.c.since)
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).all()


def _publish(row: Row[Any], seen_at: datetime) -> Publish:
    return Publish(
        row.client_id,
        row.source_id,
        row.stream,
        row.since,
        seen_at,
        labels=row.labels,
        reported=row.reported,
        resumed=True,
    )
