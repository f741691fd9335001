"""Segments: the runs of the records of one pass, joined with those that are there already."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.storage.rollups._heard import HEARD
from tonewatch.storage.rollups._many import upsert_many
from tonewatch.storage.rollups._runs import Run, changes

_Track = tuple[str, str]
_COLUMNS: Final = [field.name for field in fields(Run)]
_NEW: Final = f"SELECT {', '.join(_COLUMNS)} FROM {HEARD}"  # noqa: S608 - names of our own
_TRACKS: Final = {
    "sqlite": "SELECT value ->> 0 AS session_id, value ->> 1 AS speaker, value ->> 2 AS first, "
    "value ->> 3 AS last FROM json_each(:tracks)",
    "postgresql": "SELECT value ->> 0 AS session_id, value ->> 1 AS speaker, "
    "(value ->> 2)::bigint AS first, (value ->> 3)::bigint AS last "
    "FROM jsonb_array_elements(CAST(:tracks AS jsonb))",
}
_BEFORE: Final = {
    dialect: text(f"""
WITH tracks AS ({tracks})
SELECT {", ".join(f"s.{name}" for name in _COLUMNS)} FROM tracks AS t
JOIN segments AS s ON s.session_id = t.session_id AND s.speaker = t.speaker
AND s.first_seq <= t.last + 1 AND s.first_seq >= COALESCE(
  (SELECT MAX(p.first_seq) FROM segments AS p
   WHERE p.session_id = t.session_id AND p.speaker = t.speaker AND p.first_seq < t.first), t.first)
""")  # noqa: S608 - names of our own columns
    for dialect, tracks in _TRACKS.items()
}
_values: Final = attrgetter(*_COLUMNS)
_KEY: Final = ("session_id", "speaker", "first_seq")
_WRITE: Final = f"""
ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET
{", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _KEY)}
"""
_REMOVE: Final = text(
    "DELETE FROM segments WHERE session_id = :session_id AND speaker = :speaker "
    "AND first_seq = :first_seq"
)


async def add(connection: AsyncConnection) -> None:
    """Bring the runs that were gathered into the segments."""
    gathered: Any = await connection.exec_driver_sql(_NEW)
    new = _by_track(Run(*row) for row in gathered)
    if not new:
        return
    asked = [
        [*track, min(run.first_seq for run in runs), max(run.last_seq for run in runs)]
        for track, runs in new.items()
    ]
    statement = _BEFORE[connection.dialect.name]
    found = await connection.execute(statement, {"tracks": json.dumps(asked)})
    before = _by_track(Run(*row) for row in found)
    written, removed = [], []
    for track, runs in new.items():
        more, fewer = changes(before.get(track, ()), runs)
        written += more
        removed += fewer
    if removed:
        await connection.execute(
            _REMOVE, [{name: getattr(r, name) for name in _KEY} for r in removed]
        )
    await upsert_many(connection, "segments", _COLUMNS, _WRITE, [_values(run) for run in written])


def _by_track(runs: Iterable[Run]) -> dict[_Track, list[Run]]:
    tracks: dict[_Track, list[Run]] = defaultdict(list)
    for run in runs:
        tracks[run.session_id, run.speaker].append(run)
    return tracks
