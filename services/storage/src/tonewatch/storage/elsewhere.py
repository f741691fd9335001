"""Seconds that lie in another day's partition already, under another timestamp (PostgreSQL).

A partition keeps a second from being there twice in one day. A second that comes again with the
timestamp of another day (a clock was set in between) is found here, without asking all partitions
for all seconds: those up to a track's newest are in its roll-up, and those that no roll-up has
seen yet are few and have the newest ids.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.storage.rows import RECORD_COLUMNS

Key = tuple[str, str, int, str]
"""Session, speaker, number, granularity."""
Rows = Sequence[tuple[Any, ...]]

_AT: Final = [
    RECORD_COLUMNS.index(name) for name in ("session_id", "speaker", "seq", "granularity")
]
_TIMESTAMP: Final = RECORD_COLUMNS.index("timestamp")
_SUMMED_UP: Final = """
SELECT session_id, speaker, last_seq, 'frame' FROM track_rollups WHERE session_id = ANY($1)
UNION ALL
SELECT session_id, speaker, MAX(number), 'utterance' FROM utterances
WHERE session_id = ANY($1) GROUP BY session_id, speaker
"""
_FRESH: Final = """
SELECT session_id, speaker, seq, granularity FROM emotion_records
WHERE id > (SELECT record_id FROM rollup_positions WHERE name = 'records')
AND session_id = ANY($1) AND (timestamp < $2 OR timestamp >= $3)
"""
_OLD: Final = """
SELECT r.session_id, r.speaker, r.seq, r.granularity
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
  AS asked (session_id, speaker, seq, granularity)
JOIN emotion_records AS r ON r.session_id = asked.session_id AND r.speaker = asked.speaker
  AND r.seq = asked.seq AND r.granularity = asked.granularity
"""


def key_of(row: tuple[Any, ...]) -> Key:
    """The key of a row of `emotion_records`."""
    session_id, speaker, seq, granularity = (row[at] for at in _AT)
    return session_id, speaker, seq, granularity


async def stored_elsewhere(connection: AsyncConnection, rows: Rows) -> set[Key]:
    """Keys of those rows whose second is there, under whatever timestamp.

    Of one day: those that only the day's own partition holds may be missing among them.
    """
    keys = [key_of(row) for row in rows]
    sessions = list({key[0] for key in keys})
    known = await _found(connection, _FRESH, sessions, *_days(rows))
    summed_up = await _found(connection, _SUMMED_UP, sessions)
    newest = {(session, speaker, kind): last for session, speaker, last, kind in summed_up}
    old = [key for key in keys if key[2] <= newest.get((key[0], key[1], key[3]), -1)]
    if old:
        known |= await _found(connection, _OLD, *map(list, zip(*old, strict=True)))
    return known


async def _found(connection: AsyncConnection, statement: str, *parameters: Any) -> set[Key]:
    result: Any = await connection.exec_driver_sql(statement, parameters)
    return {tuple(row) for row in result}


def _days(rows: Rows) -> tuple[datetime, datetime]:
    """The one day of the rows; no time at all if they are of several, so that all is looked at."""
    moments = [row[_TIMESTAMP].astimezone(UTC) for row in rows]
    begin = min(moments).replace(hour=0, minute=0, second=0, microsecond=0)
    end = begin + timedelta(days=1)
    return (begin, end) if max(moments) < end else (begin, begin)
