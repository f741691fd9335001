# ruff: noqa: S608, ISC004 - SQL of our own names, a statement to an item
"""A month of calls, made by the database itself: quicker than any client could send them.

Fifty calls of two tracks at once, six times a day, five minutes each, and one call of an hour at
the end. Rows lie in the order of time, as they would have come.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.shared.emotions import EMOTIONS
from tonewatch.storage.database import Database
from tonewatch.storage.models import POSTERIOR
from tonewatch.storage.partitions import Partitions
from tonewatch.storage.rollups import Rollups, _passes
from tonewatch.storage.rows import RECORD_COLUMNS

TRACKS: Final = 100
BLOCK_SECONDS: Final = 300
BLOCKS_A_DAY: Final = 6
HOUR_CALL: Final = "call-hour"
CHUNK: Final = 500_000

_MOMENT: Final = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', {epoch}, 'unixepoch')",
    "postgresql": "to_timestamp({epoch})",
}
_NUMBERS: Final = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers "
    "WHERE n < :last)",
    "postgresql": "WITH numbers(n) AS (SELECT generate_series(CAST(:first AS bigint), "
    "CAST(:last AS bigint)))",
}
_CALL: Final = {
    "sqlite": "printf('call-%06d', {number})",
    "postgresql": "'call-' || to_char({number}, 'FM000000')",
}
_LABELS: Final = {"sqlite": "{json}", "postgresql": "CAST({json} AS jsonb)"}
_MOODS: Final = (
    *((3000, "no_speech"), (8000, "neutral"), (8600, "happy"), (9100, "sad"), (9600, "angry")),
    *((9800, "surprised"), (9900, "fearful"), (9950, "other"), (9995, "unknown")),
)


def days(records: int) -> int:
    """How many days so many records last."""
    return -(-records // (TRACKS * BLOCK_SECONDS * BLOCKS_A_DAY))


async def fill(database: Database, records: int) -> None:
    """Fill an empty database with about so many records, and all that follows from them."""
    await database.prepare()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight - timedelta(days=days(records))
    await Partitions(database).make_sure(
        begin + timedelta(days=day) for day in range(days(records) + 1)
    )
    for first in range(0, records, CHUNK):
        async with database.write() as connection:
            await _records(connection, begin, first, min(first + CHUNK, records) - 1)
    async with database.write() as connection:
        await _hour_call(connection, midnight, records)
        await _sessions(connection, begin, -(-records // (TRACKS * BLOCK_SECONDS)) * TRACKS // 2)
        await _alerts(connection)
    usual, _passes.PASS_RECORDS = _passes.PASS_RECORDS, 100_000  # type: ignore[misc]
    await Rollups(database).catch_up()
    _passes.PASS_RECORDS = usual  # type: ignore[misc]


async def _records(connection: AsyncConnection, begin: datetime, first: int, last: int) -> None:
    await connection.execute(
        text(_insert(connection.dialect.name, "places", _PLACES)),
        {"first": first, "last": last, "begin": int(begin.timestamp())},
    )


_PLACES: Final = f"""
times AS (SELECT n, n / {TRACKS} AS t, n % {TRACKS} AS k FROM numbers),
places AS (SELECT n + 1 AS id, t % {BLOCK_SECONDS} AS seq, k,
  (t / {BLOCK_SECONDS}) * {TRACKS // 2} + k / 2 AS number,
  :begin + (t / {BLOCK_SECONDS} / {BLOCKS_A_DAY}) * 86400
    + (t / {BLOCK_SECONDS} % {BLOCKS_A_DAY}) * 3600 + 32400 + t % {BLOCK_SECONDS} AS epoch,
  ((t / 7) * 31 + k * 17 + (t / {BLOCK_SECONDS}) * 13) * 7919 % 10000 AS mood FROM times)
"""


async def _hour_call(connection: AsyncConnection, begin: datetime, after: int) -> None:
    places = (
        "places AS (SELECT n + :after + 1 AS id, n / 2 AS seq, n % 2 AS k, -1 AS number, "
        ":begin + n / 2 AS epoch, ((n / 14) * 31 + (n % 2) * 17) * 7919 % 10000 AS mood "
        "FROM numbers)"
    )
    await connection.execute(
        text(_insert(connection.dialect.name, "places", places)),
        {"first": 0, "last": 7199, "begin": int(begin.timestamp()), "after": after},
    )


def _insert(dialect: str, source: str, places: str) -> str:
    moods = " ".join(f"WHEN mood < {top} THEN '{name}'" for top, name in _MOODS)
    call = _CALL[dialect].format(number="number")
    session = f"CASE WHEN number < 0 THEN '{HOUR_CALL}' ELSE {call} END"
    agent = "CAST(1000 + k / 2 AS text)"
    queue = "CASE (k / 2) % 3 WHEN 0 THEN 'sales' WHEN 1 THEN 'support' ELSE 'vip' END"
    json = f"""'{{"agent_id": "' || {agent} || '", "queue": "' || {queue} || '"}}'"""
    moment = _MOMENT[dialect].format(epoch="epoch")
    silent = "emotion = 'no_speech'"
    values = {
        "id": "id",
        "timestamp": moment,
        "audio_id": session,
        "emotion": "emotion",
        "confidence": f"CASE WHEN {silent} THEN 0.0 ELSE peak END",
        "granularity": "'frame'",
        "embedding_path": "NULL",
        "alert_triggered": "seq BETWEEN 20 AND 24 AND number % 4 = 0",
        "session_id": session,
        "source_id": f"'line-' || {agent}",
        "speaker": "CASE k % 2 WHEN 0 THEN 'customer' ELSE 'agent' END",
        "seq": "seq",
        "start_ms": "seq * 1000",
        "end_ms": "seq * 1000 + 1000",
        "speech": f"CASE WHEN {silent} THEN 0.0 ELSE 0.9 END",
        "level_dbfs": "-20.5",
        "window_seconds": "3.0",
        "hop_seconds": "1",
        "engine": "'emotion2vec'",
        "model": "'emotion2vec_plus_large'",
        "revision": "'v2.0.5'",
        "labels": _LABELS[dialect].format(json=json),
        "agent_id": agent,
        "queue": queue,
        "published_at": moment,
        "scored_at": moment,
        "stored_at": moment,
    } | {
        column: f"CASE WHEN {silent} THEN NULL WHEN emotion = '{label}' THEN peak "
        "ELSE (1 - peak) / 8 END"
        for column, label in zip(POSTERIOR, EMOTIONS, strict=True)
    }
    chosen = ", ".join(values[name] for name in RECORD_COLUMNS)
    return (
        f"""
INSERT INTO emotion_records ({", ".join(RECORD_COLUMNS)})
{_NUMBERS[dialect]}, {places},
heard AS (SELECT p.*, CASE {moods} ELSE 'disgusted' END AS emotion,
          0.4 + ((id * 7919) % 1000) * 0.00055 AS peak FROM {source} AS p)
SELECT {chosen} FROM heard"""
        if dialect == "sqlite"
        else f"""
{_NUMBERS[dialect]}, {places},
heard AS (SELECT p.*, CASE {moods} ELSE 'disgusted' END AS emotion,
          0.4 + ((id * 7919) % 1000) * 0.00055 AS peak FROM {source} AS p)
INSERT INTO emotion_records ({", ".join(RECORD_COLUMNS)})
SELECT {chosen} FROM heard"""
    )


async def _sessions(connection: AsyncConnection, begin: datetime, calls: int) -> None:
    """One row for each call; every hundredth carries a label that no other has."""
    dialect = connection.dialect.name
    moment = _MOMENT[dialect].format(
        epoch=f":begin + n / {TRACKS // 2} / {BLOCKS_A_DAY} * 86400 "
        f"+ n / {TRACKS // 2} % {BLOCKS_A_DAY} * 3600 + 32400"
    )
    agent = f"CAST(1000 + n % {TRACKS // 2} AS text)"
    queue = f"CASE n % {TRACKS // 2} % 3 WHEN 0 THEN 'sales' WHEN 1 THEN 'support' ELSE 'vip' END"
    tier = "CASE WHEN n % 100 = 0 THEN 'gold' ELSE 'plain' END"
    json = (
        f"""'{{"agent_id": "' || {agent} || '", "queue": "' || {queue} || '", "order_id": "' """
        f"""|| CAST(n AS text) || '", "customer_tier": "' || {tier} || '"}}'"""
    )
    columns = (
        "session_id, source_id, name, kind, lane, speakers, labels, agent_id, queue, state, "
        "started_at, ended_at, frames, reason"
    )
    speakers = _LABELS[dialect].format(json="""'["customer", "agent"]'""")
    rows = (
        f"SELECT {_CALL[dialect].format(number='n')}, 'line-' || {agent}, "
        f"'客服热线 ' || CAST(n AS text), 'pull', 'live', {speakers}, "
        f"{_LABELS[dialect].format(json=json)}, {agent}, {queue}, 'ended', {moment}, {moment}, "
        f"{BLOCK_SECONDS}, 'hung up' FROM numbers"
    )
    insert = f"INSERT INTO sessions ({columns})"
    numbers = _NUMBERS[dialect]
    statement = (
        f"{insert} {numbers} {rows}" if dialect == "sqlite" else f"{numbers} {insert} {rows}"
    )
    begins = int(begin.timestamp())
    await connection.execute(text(statement), {"first": 0, "last": calls - 1, "begin": begins})
    await connection.execute(
        text(
            f"INSERT INTO sessions ({columns}) SELECT '{HOUR_CALL}', source_id, 'an hour', kind, "
            f"lane, speakers, labels, agent_id, queue, state, "
            f"(SELECT MIN(timestamp) FROM emotion_records WHERE session_id = '{HOUR_CALL}'), "
            "ended_at, 3600, reason FROM sessions LIMIT 1"
        )
    )


async def _alerts(connection: AsyncConnection) -> None:
    """An alert in every fourth call, each with its two transitions, half of them judged."""
    json = {"sqlite": "'[\"angry\"]'", "postgresql": "CAST('[\"angry\"]' AS jsonb)"}
    emotions = json[connection.dialect.name]
    hour = {
        "sqlite": "substr(started_at, 1, 13) || ':00:00.000000'",
        "postgresql": "date_trunc('hour', started_at, 'UTC')",
    }[connection.dialect.name]
    for statement in (
        "INSERT INTO alerts (alert_id, state, rule, priority, session_id, source_id, speaker, "
        "labels, agent_id, queue, channels, emotions, value, threshold, first_seq, last_seq, "
        "started_at, fired_at, resolved_at, decided_at, message, verdict, verdict_by) "
        "SELECT 'alert-' || session_id, 'resolved', 'angry customer', 'high', session_id, "
        f"source_id, 'customer', labels, agent_id, queue, {emotions}, {emotions}, 0.8, 0.7, 20, "
        "24, started_at, started_at, started_at, started_at, '客户 ' || name || ' 愤怒', "
        "CASE WHEN session_id LIKE '%4' THEN 'right' WHEN session_id LIKE '%8' "
        "THEN 'false_alarm' END, 'qa' FROM sessions WHERE session_id LIKE '%0' "
        "OR session_id LIKE '%4' OR session_id LIKE '%8'",
        "INSERT INTO alert_transitions (alert_id, session_id, speaker, state, at, decided_at, "
        "value, first_seq, last_seq, message) SELECT alert_id, session_id, speaker, state, "
        "started_at, started_at, value, first_seq, last_seq, message FROM alerts",
        "INSERT INTO alert_hours (hour, rule, agent_id, queue, alerts, right_verdicts, "
        f"false_alarm_verdicts, needs_coaching_verdicts) SELECT {hour}, rule, agent_id, queue, "
        "COUNT(*), SUM(CASE verdict WHEN 'right' THEN 1 ELSE 0 END), "
        "SUM(CASE verdict WHEN 'false_alarm' THEN 1 ELSE 0 END), 0 "
        "FROM alerts GROUP BY 1, 2, 3, 4",
    ):
        await connection.execute(text(statement))
