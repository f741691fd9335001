"""Sums of the records of one pass: per track, per hour, and the utterances among them."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.storage.models import POSTERIOR, PROBABILITY_SUMS, SECONDS_OF
from tonewatch.storage.rollups._span import WITHIN, Span

_LABELS: Final = tuple(SECONDS_OF)
_COUNTS: Final = [f"SUM(CASE WHEN emotion = '{label}' THEN 1 ELSE 0 END)" for label in _LABELS]
_SUMS: Final = [f"COALESCE(SUM({column}), 0)" for column in POSTERIOR]
_ADDED: Final = ("seconds", "speech_seconds", *SECONDS_OF.values(), *PROBABILITY_SUMS)
_FRAMES: Final = f"FROM emotion_records WHERE {WITHIN} AND granularity = 'frame'"
# the greater of two is MAX on SQLite and GREATEST on PostgreSQL; CASE is on both
_SUMMED: Final = f"COUNT(*), COUNT(p_angry), {', '.join(_COUNTS)}, {', '.join(_SUMS)}"
_TRACKS: Final = text(f"""
INSERT INTO track_rollups (session_id, speaker, {", ".join(_ADDED)}, last_seq, end_ms)
SELECT session_id, speaker, {_SUMMED}, MAX(seq), MAX(end_ms)
{_FRAMES} GROUP BY session_id, speaker
ON CONFLICT (session_id, speaker) DO UPDATE SET
{", ".join(f"{name} = track_rollups.{name} + excluded.{name}" for name in _ADDED)},
last_seq = CASE WHEN excluded.last_seq > track_rollups.last_seq
           THEN excluded.last_seq ELSE track_rollups.last_seq END,
end_ms = CASE WHEN excluded.end_ms > track_rollups.end_ms
         THEN excluded.end_ms ELSE track_rollups.end_ms END
""")
_HOUR: Final = {
    "sqlite": "substr(timestamp, 1, 13) || ':00:00.000000'",
    "postgresql": "date_trunc('hour', timestamp, 'UTC')",
}
_HOURS: Final = {
    dialect: text(f"""
INSERT INTO emotion_hours (hour, agent_id, queue, speaker, {", ".join(_ADDED)})
SELECT {hour}, COALESCE(agent_id, ''), COALESCE(queue, ''), speaker, {_SUMMED}
{_FRAMES} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
ON CONFLICT (hour, agent_id, queue, speaker) DO UPDATE SET
{", ".join(f"{name} = emotion_hours.{name} + excluded.{name}" for name in _ADDED)}
""")
    for dialect, hour in _HOUR.items()
}
_UTTERANCES: Final = text(f"""
INSERT INTO utterances (session_id, speaker, number, source_id, agent_id, queue, started_at,
                        start_ms, end_ms, emotion, confidence, {", ".join(POSTERIOR)},
                        embedding_path)
SELECT session_id, speaker, seq, source_id, agent_id, queue, timestamp,
       start_ms, end_ms, emotion, confidence, {", ".join(POSTERIOR)}, embedding_path
FROM emotion_records WHERE {WITHIN} AND granularity = 'utterance'
ON CONFLICT DO NOTHING
""")  # noqa: S608 - names of our own columns


async def add(connection: AsyncConnection, span: Span) -> None:
    """Add the records to track roll-ups, hours and utterances."""
    await connection.execute(_TRACKS, span.bounds)
    await connection.execute(_HOURS[connection.dialect.name], span.bounds)
    await connection.execute(_UTTERANCES, span.bounds)
