"""Sums of the records of one pass: per track, per hour, and the utterances among them."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.storage.models import POSTERIOR, PROBABILITY_SUMS, SECONDS_OF
from tonewatch.storage.rollups._heard import HEARD
from tonewatch.storage.rollups._span import WITHIN, Span

_COUNTS: Final = [
    f"SUM(CASE WHEN emotion = '{label}' THEN seconds ELSE 0 END)" for label in SECONDS_OF
]
_ADDED: Final = ("seconds", "speech_seconds", *SECONDS_OF.values(), *PROBABILITY_SUMS)
_SUMMED: Final = ", ".join(
    (
        "SUM(seconds)",
        "SUM(speech_seconds)",
        *_COUNTS,
        *(f"SUM({name})" for name in PROBABILITY_SUMS),
    )
)
# the greater of two is MAX on SQLite and GREATEST on PostgreSQL; CASE is on both
_TRACKS: Final = f"""
INSERT INTO track_rollups (session_id, speaker, {", ".join(_ADDED)}, last_seq, end_ms)
SELECT session_id, speaker, {_SUMMED}, MAX(last_seq), MAX(end_ms)
FROM {HEARD} WHERE TRUE GROUP BY session_id, speaker
ON CONFLICT (session_id, speaker) DO UPDATE SET
{", ".join(f"{name} = track_rollups.{name} + excluded.{name}" for name in _ADDED)},
last_seq = CASE WHEN excluded.last_seq > track_rollups.last_seq
           THEN excluded.last_seq ELSE track_rollups.last_seq END,
end_ms = CASE WHEN excluded.end_ms > track_rollups.end_ms
         THEN excluded.end_ms ELSE track_rollups.end_ms END
"""  # noqa: S608 - names of our own columns
_HOURS: Final = f"""
INSERT INTO emotion_hours (hour, agent_id, queue, speaker, {", ".join(_ADDED)})
SELECT hour, COALESCE(agent_id, ''), COALESCE(queue, ''), speaker, {_SUMMED}
FROM {HEARD} WHERE TRUE GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
ON CONFLICT (hour, agent_id, queue, speaker) DO UPDATE SET
{", ".join(f"{name} = emotion_hours.{name} + excluded.{name}" for name in _ADDED)}
"""  # noqa: S608 - names of our own columns
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
    """Add what was gathered to track roll-ups and hours, and the span's utterances."""
    await connection.exec_driver_sql(_TRACKS)
    await connection.exec_driver_sql(_HOURS)
    await connection.execute(_UTTERANCES, span.bounds)
