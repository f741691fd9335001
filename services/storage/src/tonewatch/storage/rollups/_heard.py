"""What was heard in the records of one pass, by run of an emotion, in a temporary table.

Segments, track roll-ups and hours are all made of it, so that the records, which are many and wide,
are read and sorted once.
"""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.storage.models import POSTERIOR, PROBABILITY_SUMS
from tonewatch.storage.rollups._span import WITHIN, Span

HEARD: Final = "heard_in_pass"
"""The table; on the connection of the pass only, and only until its end."""

_HOUR: Final = {
    "sqlite": "substr(timestamp, 1, 13) || ':00:00.000000'",
    "postgresql": "date_trunc('hour', timestamp, 'UTC')",
}
_ON_COMMIT: Final = {"sqlite": "", "postgresql": "ON COMMIT DELETE ROWS"}
_KEY: Final = "session_id, speaker, emotion, hour, agent_id, queue"
_SUMS: Final = ", ".join(
    f"COALESCE(SUM({column}), 0) AS {total}"
    for column, total in zip(POSTERIOR, PROBABILITY_SUMS, strict=True)
)


def _runs(dialect: str, condition: str) -> str:
    # a run of consecutive numbers keeps its distance to their rank ("gaps and islands")
    return f"""
SELECT {_KEY}, run, MIN(seq) AS first_seq, MAX(seq) AS last_seq, MIN(source_id) AS source_id,
       MIN(timestamp) AS started_at, MIN(start_ms) AS start_ms, MAX(end_ms) AS end_ms,
       SUM(confidence) AS confidence_sum, MAX(confidence) AS peak,
       COUNT(*) AS seconds, COUNT(p_angry) AS speech_seconds, {_SUMS}
FROM (SELECT *, seq - ROW_NUMBER() OVER (PARTITION BY {_KEY} ORDER BY seq) AS run
      FROM (SELECT session_id, speaker, emotion, seq, source_id, agent_id, queue, timestamp,
                   start_ms, end_ms, confidence, {", ".join(POSTERIOR)}, {_HOUR[dialect]} AS hour
            FROM emotion_records WHERE {condition} AND granularity = 'frame') AS heard) AS numbered
GROUP BY {_KEY}, run"""  # noqa: S608 - names of our own columns


_CREATE: Final = {
    dialect: f"CREATE TEMPORARY TABLE IF NOT EXISTS {HEARD} {on_commit} "
    f"AS {_runs(dialect, '1 = 0')}"
    for dialect, on_commit in _ON_COMMIT.items()
}
_EMPTY: Final = f"DELETE FROM {HEARD}"  # noqa: S608 - our own name
_FILL: Final = {
    dialect: text(f"INSERT INTO {HEARD} {_runs(dialect, WITHIN)}") for dialect in _ON_COMMIT
}


async def gather(connection: AsyncConnection, span: Span) -> None:
    """Put the runs of the span's seconds into the table; runs end with the hour, too."""
    dialect = connection.dialect.name
    await connection.exec_driver_sql(_CREATE[dialect])
    await connection.exec_driver_sql(_EMPTY)
    await connection.execute(_FILL[dialect], span.bounds)
