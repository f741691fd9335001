"""Who pushes now, kept in the database: encoders stay connected while ingest restarts."""

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tonewatch.ingest.live.push import Publish
from tonewatch.ingest.tables import rtmp_publishes
from tonewatch.shared.clock import utc_now


class PublishRepository:
    """The publishers that nginx-rtmp has accepted on our word."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def all(self) -> list[Publish]:
        """All publishers, oldest first; each counts as seen now."""
        query = select(rtmp_publishes).order_by(rtmp_publishes.c.since)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        now = utc_now()
        return [
            Publish(
                row.client_id,
                row.source_id,
                row.stream,
                row.since,
                now,
                labels=row.labels,
                reported=row.reported,
                resumed=True,
            )
            for row in rows
        ]

    async def put(self, publish: Publish) -> None:
        """Note a publisher. After a restart of nginx its connection numbers begin anew."""
        async with self._engine.begin() as connection:
            await connection.execute(
                delete(rtmp_publishes).where(rtmp_publishes.c.client_id == publish.client_id)
            )
            await connection.execute(
                insert(rtmp_publishes).values(
                    client_id=publish.client_id,
                    source_id=publish.source_id,
                    stream=publish.stream,
                    since=publish.since,
                    labels=publish.labels,
                    reported=publish.reported,
                )
            )

    async def remove(self, client_id: str) -> None:
        """Forget a publisher."""
        async with self._engine.begin() as connection:
            await connection.execute(
                delete(rtmp_publishes).where(rtmp_publishes.c.client_id == client_id)
            )
