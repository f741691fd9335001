"""How fast the query API answers over five million seconds, while a writer stores 500 a second.

The real service, as a process of its own, over a month of calls (see `support/archive.py`). A
client asks one documented question after the other, over HTTP, with other agents, times and labels
each time, while scores of 500 live tracks are published, a second's worth every second.

`query_p95_ms` is the p95 of the slowest kind of question; `timeline_ms` the p95 of the timeline of
a call of an hour, as 300 points of each of its two tracks. `missed_batches` counts the seconds of
scores that were not stored, all of them, within `LATE_SECONDS`. `export_mb`: see
`storage_export.py`.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import text

import storage_export
from support import stack
from support.archive import HOUR_CALL, days, fill
from support.figures import arguments, percentile, report
from support.postgres import postgres
from support.seconds import seconds
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.database import close_engine, create_engine, sqlite_url
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import SCORES
from tonewatch.storage.database import Database

RECORDS: Final = 5_000_000
QUICK_RECORDS: Final = 200_000
LIVE_TRACKS: Final = 500
SPREAD: Final = 25
LATE_SECONDS: Final = 2.0
ROUNDS: Final = 60
LONGEST_SECONDS: Final = 100.0
"""Of asking one database; on a slow machine there are fewer rounds."""
TIMELINE: Final = "timeline of an hour"
SQLITE: Final = "SQLite"
POSTGRESQL: Final = "PostgreSQL"


@dataclass
class Answers:
    """Milliseconds of every kind of question, and what became of the scores meanwhile."""

    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    published: int = 0
    missed_batches: int = 0
    slowest_batch_seconds: float = 0.0
    exports: storage_export.Exports = field(default_factory=dict)

    def p95(self, name: str) -> float:
        """Of one kind of question."""
        return percentile(self.milliseconds[name], 0.95) or 0.0

    @property
    def slowest(self) -> str:
        """The kind of question with the greatest p95."""
        return max(self.milliseconds, key=self.p95)


Asked = dict[str, Answers]
"""What was measured, by database."""


def questions(turn: int, last_day: datetime, span_days: int) -> Iterator[tuple[str, str]]:
    """The documented questions, as (name, path); no two turns ask quite the same."""
    agent = 1000 + turn * 7 % 50
    day = last_day - timedelta(days=1 + turn % max(1, span_days - 1))
    one_day = f"from={day:%Y-%m-%d}&to={day + timedelta(days=1):%Y-%m-%d}"
    month = f"from={last_day - timedelta(days=span_days):%Y-%m-%d}"
    shanghai = "tz=Asia/Shanghai"
    call = f"call-{turn * 37 % (span_days * 250):06d}"
    yield "newest records", "/v1/records?limit=100"
    yield "records of a day", f"/v1/records?{one_day}&{shanghai}&order=asc"
    yield "records of an agent", f"/v1/records?agent_id={agent}"
    yield "records of an agent, one day", f"/v1/records?agent_id={agent}&{one_day}"
    yield "records of a call", f"/v1/records?session_id={call}&order=asc"
    yield "records, rare emotion", "/v1/records?emotion=disgusted"
    yield "records, three emotions", "/v1/records?emotion=angry&emotion=sad&emotion=fearful"
    yield "records, sure of anger", f"/v1/records?emotion=angry&confidence_min=0.9&{one_day}"
    yield "records of a queue", "/v1/records?queue=vip"
    yield "records of no queue", "/v1/records?queue=closed"
    yield "records, frequent label", "/v1/records?label=customer_tier:gold"
    yield "records, rare label", f"/v1/records?label=order_id:{turn * 13}"
    yield "records of alerts", f"/v1/records?alert_triggered=true&{one_day}"
    yield "angriest segments", "/v1/segments?emotion=angry&sort=peak"
    yield "long anger of customers", "/v1/segments?emotion=angry&speaker=customer&seconds_min=3"
    yield "segments of an agent, one day", f"/v1/segments?agent_id={agent}&{one_day}&seconds_min=7"
    yield "sessions of a day", f"/v1/sessions?{one_day}&{shanghai}"
    yield "sessions of an agent", f"/v1/sessions?agent_id={agent}"
    yield "sessions with an alert", "/v1/sessions?alerted=true&queue=vip"
    yield "sessions by name", "/v1/sessions?sort=name&order=asc"
    yield "one session", f"/v1/sessions/{call}"
    yield "alerts of an agent today", f"/v1/alerts?agent_id={agent}&{one_day}&{shanghai}"
    yield "alerts of a rule", f"/v1/alerts?rule={quote('angry customer')}&sort=value"
    yield "alerts not judged", "/v1/alerts?verdict=none"
    yield TIMELINE, f"/v1/sessions/{HOUR_CALL}/timeline?points=300"
    yield "timeline of a call", f"/v1/sessions/{call}/timeline?points=300"
    yield "emotions of a month", f"/v1/stats/emotions?{month}"
    yield "emotions of a queue's week", f"/v1/stats/emotions?{one_day}&queue=vip"
    yield "emotions of a label", "/v1/stats/emotions?label=customer_tier:gold"
    yield "agents", f"/v1/stats/agents?{month}&{shanghai}"
    yield "heat map", f"/v1/stats/heatmap?{month}&{shanghai}"
    yield "trend", f"/v1/stats/trend?{month}&{shanghai}&queue=vip"
    yield "precision of rules", f"/v1/stats/alerts?{month}"
    yield "search, two characters", f"/v1/search?q={quote('愤怒')}"
    yield "search, a name", f"/v1/search?q={quote(f'客服热线 {turn * 37}')}"


async def prepare(urls: Iterable[str], records: int) -> None:
    """Fill the databases, all at once."""
    databases = {url: Database(url) for url in urls}
    for (
        database
    ) in databases.values():  # one after the other: Alembic knows one migration at a time
        await database.prepare()
    await asyncio.gather(*(fill(database, records) for database in databases.values()))
    for url, database in databases.items():
        await database.close()
        await _analyze(url)


async def measure(
    folder: Path, redis_url: str, url: str, records: int, rounds: int, *, exported: int = 0
) -> Answers:
    """Ask a filled database while it is written to; then export so many rows of it."""
    redis = create_redis(RedisOptions(url=redis_url), "bench")
    await redis.flushall()
    await redis.aclose()
    answers = Answers()
    async with AsyncExitStack() as running:
        base, service = await running.enter_async_context(
            stack.service_process("storage", folder, redis_url, database_url=url)
        )
        client = await running.enter_async_context(create_client(base_url=base))
        command = [sys.executable, __file__, "--publish", redis_url]
        with stack.process(command, folder / "publish.log"):
            await _ask(client, answers, rounds, days(records))
        await _judge(url, redis_url, answers)
        if exported:
            answers.exports = await storage_export.exports(client, service.pid, _today(), exported)
    return answers


async def _ask(client: AsyncClient, answers: Answers, rounds: int, span_days: int) -> None:
    today, began = _today(), time.perf_counter()
    for turn in range(-1, rounds):
        if time.perf_counter() - began > LONGEST_SECONDS:
            return
        for name, path in questions(turn % rounds, today, span_days):
            started = time.perf_counter()
            answer = await client.get(path)
            elapsed = 1000 * (time.perf_counter() - started)
            answer.raise_for_status()
            if turn >= 0:  # before it, the service has just started
                answers.milliseconds.setdefault(name, []).append(elapsed)


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def publish(redis_url: str) -> None:
    """Scores of all live tracks, spread over each second as calls are, until the process ends.

    A process of its own: what it costs must not slow down the client that measures.
    """
    broker = RedisBroker(create_redis(RedisOptions(url=redis_url), "bench"), partitions=16)
    clock = asyncio.get_running_loop().time
    due = clock()
    for second in itertools.count():
        now = datetime.now(UTC)
        batch = list(seconds(LIVE_TRACKS, 1, start=now, prefix=f"live{second}"))
        for first in range(0, LIVE_TRACKS, SPREAD):
            await broker.publish(batch[first : first + SPREAD])
            due += SPREAD / LIVE_TRACKS
            await asyncio.sleep(max(0.0, due - clock()))


async def _judge(url: str, redis_url: str, answers: Answers) -> None:
    """Wait until all is stored, and see which seconds were late."""
    redis = create_redis(RedisOptions(url=redis_url), "bench")
    answers.published = sum([await redis.xlen(SCORES.key(partition)) for partition in range(16)])
    await redis.aclose()
    engine = create_engine(url)
    count = text("SELECT COUNT(*) FROM emotion_records WHERE session_id LIKE 'live%'")
    async with engine.connect() as connection, asyncio.timeout(60):
        while (await connection.execute(count)).scalar_one() < answers.published:
            await connection.rollback()
            await asyncio.sleep(0.2)
        lag = {
            "sqlite": "(julianday(stored_at) - julianday(timestamp)) * 86400",
            "postgresql": "EXTRACT(EPOCH FROM stored_at - timestamp)",
        }[connection.dialect.name]
        rows = await connection.execute(
            text(
                f"SELECT substr(session_id, 1, length(session_id) - 6), MAX({lag}) "  # noqa: S608
                "FROM emotion_records WHERE session_id LIKE 'live%' GROUP BY 1"
            )
        )
        lags = [float(lag) for _, lag in rows]
    await close_engine(engine)
    answers.slowest_batch_seconds = max(lags)
    answers.missed_batches = sum(lag > LATE_SECONDS for lag in lags)


async def _analyze(url: str) -> None:
    """What the upkeep of both databases does in time by itself."""
    engine = create_engine(url)
    async with engine.connect() as connection:
        await connection.execute(text("ANALYZE"))
        await connection.commit()
    await close_engine(engine)


def lines(name: str, answers: Answers) -> Iterator[tuple[str, str]]:
    """The table of one database, slowest question first."""
    for question in sorted(answers.milliseconds, key=answers.p95, reverse=True):
        median = percentile(answers.milliseconds[question], 0.5) or 0.0
        yield f"{name}: {question}", f"p95 {answers.p95(question):6.1f} ms, median {median:6.1f} ms"
    stored = f"{answers.published // LIVE_TRACKS}, of which {answers.missed_batches} missed"
    slowest = f"the slowest stored after {answers.slowest_batch_seconds:.1f} s"
    yield f"{name}: batches of 500 rows/s", f"{stored}; {slowest}"


def tables(asked: Asked) -> Iterator[tuple[str, str]]:
    """The tables of all databases."""
    for name, answers in asked.items():
        yield from lines(name, answers)
        yield from storage_export.lines(answers.exports)


def figures(asked: Asked) -> dict[str, float]:
    """The figures that the documentation quotes; those of PostgreSQL have its name before them."""
    found: dict[str, float] = {}
    for name, answers in asked.items():
        prefix = "" if name == SQLITE else "postgres_"
        found[f"{prefix}query_p95_ms"] = answers.p95(answers.slowest)
        found[f"{prefix}timeline_ms"] = answers.p95(TIMELINE)
        found[f"{prefix}missed_batches"] = float(answers.missed_batches)
        found |= storage_export.figures(answers.exports)
    return found


async def both(*, quick: bool) -> Asked:
    """Fill SQLite and, where it is installed, PostgreSQL side by side; then ask each alone."""
    records, rounds = (QUICK_RECORDS, 4) if quick else (RECORDS, ROUNDS)
    exported = QUICK_RECORDS // 2 if quick else storage_export.ROWS
    with stack.scratch() as folder, stack.redis(folder) as redis_url, postgres(folder) as pg:
        urls = {SQLITE: sqlite_url(folder / "queries.db"), POSTGRESQL: pg}
        there = {name: url for name, url in urls.items() if url is not None}
        await prepare(there.values(), records)
        return {
            name: await measure(
                *(folder, redis_url, url, records, rounds), exported=exported * (name == SQLITE)
            )
            for name, url in there.items()
        }


async def main() -> None:
    """Measure, and print the tables."""
    if "--publish" in sys.argv:
        await publish(sys.argv[-1])
    options = arguments(__doc__ or "")
    asked = await both(quick=options.quick)
    report(list(tables(asked)), figures(asked), options.json)


if __name__ == "__main__":
    asyncio.run(main())
