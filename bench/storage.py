"""How fast seconds become rows, against what the database does at its barest.

From the stream to the commit: Redis holds the seconds of 500 calls; the service's own writer reads,
decodes, stores and acknowledges them, with segments and roll-ups kept up at the same time. The
bare measurement inserts the same rows, already made, into the same tables with the same indexes, in
transactions of the same size: `executemany` on SQLite, COPY on PostgreSQL. Both run in turns, in
databases of their own.

`sqlite_ratio` and `postgres_ratio` are the writer's rows per second over the bare ones;
`rows_per_second` (SQLite) is also how many live tracks one machine stores, a row a second each.
`query_p95_ms` and `timeline_ms`: see `storage_queries.py`.
"""

import asyncio
import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

import storage_queries
from support import stack
from support.figures import arguments, report
from support.postgres import postgres
from support.seconds import seconds, sessions
from tonewatch.shared.broker import Delivery, Entry, Outgoing, RedisBroker
from tonewatch.shared.broker.codec import encode
from tonewatch.shared.clock import utc_now
from tonewatch.shared.database import close_engine, create_engine, sqlite_url
from tonewatch.shared.messages import Score
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import SCORES
from tonewatch.storage import rows
from tonewatch.storage.columns import Values
from tonewatch.storage.database import Database, driver_of
from tonewatch.storage.disk import DiskWatch
from tonewatch.storage.incoming import Item, item_of
from tonewatch.storage.partitions import Partitions
from tonewatch.storage.rollups import Rollups
from tonewatch.storage.settings import StorageOptions
from tonewatch.storage.store import Store, Written
from tonewatch.storage.writer import GROUP, STREAMS, Writer

CALLS = 500
PARTITIONS = 16
LIMIT_SECONDS = 300
OPTIONS = StorageOptions()


@dataclass(frozen=True)
class Speed:
    """Rows per second: bare, and of the writer; and what a row takes on disk with its indexes."""

    bare: float
    writer: float
    row_bytes: float

    @property
    def ratio(self) -> float:
        """Of the writer to the bare insert."""
        return self.writer / self.bare


async def bare(url: str, load: Sequence[Outgoing]) -> float:
    """Rows made beforehand, inserted as the driver does it fastest."""
    database = Database(url)
    await database.prepare()
    values = Values(database.dialect)
    now = utc_now()
    await Partitions(database).make_sure(getattr(out.message, "captured_at", now) for out in load)
    stored_at = values.moment(now)
    made = [
        _made(n, outgoing, values, stored_at=stored_at) for n, outgoing in enumerate(load, start=1)
    ]
    started = time.perf_counter()
    for batch in _batches(made):
        async with database.write() as connection:
            await connection.exec_driver_sql("SELECT 1")
            records, steps = zip(*batch, strict=True)
            await _insert(connection, "emotion_records", rows.RECORD_COLUMNS, records)
            await _insert(connection, "emotion_steps", rows.STEPS_COLUMNS, steps)
    elapsed = time.perf_counter() - started
    await database.close()
    return len(made) / elapsed


async def _insert(
    connection: AsyncConnection, table: str, columns: Sequence[str], values: Sequence[Any]
) -> None:
    """`executemany` or COPY."""
    if connection.dialect.name == "sqlite":
        into = f"{table} ({', '.join(columns)})"
        insertion = f"INSERT INTO {into} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - ours
        await connection.exec_driver_sql(insertion, list(values))
        return
    driver = await driver_of(connection)
    await driver.copy_records_to_table(table, records=values, columns=columns)


class CountingStore(Store):
    """Knows how many records it has written."""

    records = 0

    async def write(self, items: Sequence[Item]) -> Written:
        """Store the items, and count."""
        written = await super().write(items)
        self.records += written["emotion_records"]
        return written


async def writer(url: str, broker: RedisBroker, load: Sequence[Outgoing]) -> float:
    """The same seconds from the stream, until all are stored, acknowledged and rolled up."""
    database, metrics = Database(url), Metrics()
    await database.prepare()
    disk = DiskWatch(None, metrics, low_mb=0, critical_mb=0)
    store = CountingStore(database)
    storing = Writer(broker, store, metrics, OPTIONS, consumer="bench", disk=disk)
    rollups = Rollups(database, every_seconds=OPTIONS.rollup_seconds)
    await broker.setup(STREAMS)
    for batch in _batches(load, 2000):
        await broker.publish(batch)
    stop = asyncio.Event()
    started = time.perf_counter()
    tasks = [asyncio.create_task(storing.run(stop)), asyncio.create_task(rollups.run(stop))]
    async with asyncio.timeout(LIMIT_SECONDS):
        while store.records < len(load) or not await _all_settled(broker):  # noqa: ASYNC110 - Redis, too
            await asyncio.sleep(0.01)
    await rollups.catch_up()
    elapsed = time.perf_counter() - started
    stop.set()
    await asyncio.gather(*tasks)
    await database.close()
    return len(load) / elapsed


async def measure(urls: tuple[str, str], redis_url: str, count: int, rounds: int) -> Speed:
    """The best of some rounds of each, in turns; a machine that others use is never faster."""
    start = utc_now()
    load = list(seconds(CALLS, count, start=start))
    gc.freeze()  # the load is no garbage, and must not be looked through again and again
    best = {"bare": 0.0, "writer": 0.0}
    for _ in range(rounds):
        client = create_redis(RedisOptions(url=redis_url), "bench")
        broker = RedisBroker(client, partitions=PARTITIONS)
        await client.flushall()
        await broker.setup(STREAMS)
        await broker.publish(list(sessions(CALLS, start)))
        await _empty(urls[0])
        best["bare"] = max(best["bare"], await bare(urls[0], load))
        await _empty(urls[1])
        best["writer"] = max(best["writer"], await writer(urls[1], broker, load))
        await broker.close()
    row_bytes = await _size(urls[1]) / len(load)
    return Speed(best["bare"], best["writer"], row_bytes)


def _made(number: int, outgoing: Outgoing, values: Values, *, stored_at: Any) -> tuple[Any, Any]:
    """The record and the matrix of a second, as the driver takes them."""
    item = item_of(Delivery(SCORES, 0, GROUP, Entry("1-0", encode(outgoing))))
    cells = rows.record_cells(cast("Score", item.message), values)
    record = rows.record_row(cells, record_id=number, marked=False, stored_at=stored_at)
    return record, rows.steps_row(record, item.steps or b"")


def _batches(load: Sequence[Any], size: int = OPTIONS.batch_rows) -> Iterator[Sequence[Any]]:
    return (load[at : at + size] for at in range(0, len(load), size))


async def _all_settled(broker: RedisBroker) -> bool:
    states = [state for state in await broker.group_states(SCORES) if state.group == GROUP]
    return all(state.oldest_unsettled_ms is None for state in states)


async def _empty(url: str) -> None:
    """No tables; an SQLite file goes altogether."""
    file = Database(url).file
    if file is not None:
        for each in file.parent.glob(f"{file.name}*"):
            each.unlink()
        return
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await close_engine(engine)


async def _size(url: str) -> float:
    """Bytes of the database."""
    engine = create_engine(url)
    async with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
            size = pages * (await connection.exec_driver_sql("PRAGMA page_size")).scalar_one()
        else:
            total = text("SELECT pg_database_size(current_database())")
            size = (await connection.execute(total)).scalar_one()
    await close_engine(engine)
    return float(size)


async def main() -> None:
    """Measure, and print the table."""
    options = arguments(__doc__ or "")
    count, rounds = (20, 1) if options.quick else (100, 3)
    with stack.scratch() as folder, stack.redis(folder) as redis_url, postgres(folder) as pg:
        urls = sqlite_url(folder / "bare.db"), sqlite_url(folder / "ours.db")
        sqlite = await measure(urls, redis_url, count, rounds)
        server = await measure((pg, pg), redis_url, count, rounds) if pg else None
    asked = await storage_queries.both(quick=options.quick)
    table = [*_lines("SQLite", sqlite)]
    if server is not None:
        table += _lines("PostgreSQL", server)
    table += storage_queries.tables(asked)
    report(
        table,
        {
            "sqlite_ratio": sqlite.ratio,
            "postgres_ratio": server.ratio if server else None,
            "rows_per_second": sqlite.writer,
            "bytes_per_stream_hour": 3600 * sqlite.row_bytes,
            **storage_queries.figures(asked),
        },
        options.json,
    )


def _lines(name: str, speed: Speed) -> Iterator[tuple[str, str]]:
    yield f"{name}: bare insert", f"{speed.bare:,.0f} rows/s"
    yield f"{name}: from the stream to the commit", f"{speed.writer:,.0f} rows/s"
    yield f"{name}: ratio", f"{speed.ratio:.2f}"
    yield f"{name}: an hour of a track", f"{3600 * speed.row_bytes / 1e6:.1f} MB"


if __name__ == "__main__":
    asyncio.run(main())
