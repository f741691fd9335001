"""A batch of messages becomes rows in one transaction; the same batch again changes nothing.

Several processes may write to one PostgreSQL database, and a second's score and its alert may be in
the hands of two of them at the same instant. A batch with alerts therefore has the records to
itself, while batches without share them: whoever comes second sees what the first has committed, so
either the alert finds the record or the record finds the alert. (SQLite has one writer anyway.)
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import Alert as AlertMessage
from tonewatch.shared.messages import Gap as GapMessage
from tonewatch.shared.messages import Granularity, Message, Score, SessionEvent
from tonewatch.storage import completing, rows
from tonewatch.storage.columns import Values
from tonewatch.storage.database import Database
from tonewatch.storage.incoming import Item
from tonewatch.storage.locks import lock_records
from tonewatch.storage.models import Gap, Session
from tonewatch.storage.partitions import Partitions
from tonewatch.storage.records import record_table
from tonewatch.storage.trips import at_once

Written = Mapping[str, int]
"""New rows by table."""

_MessageT = TypeVar("_MessageT", bound=Message)
_Marks = dict[tuple[str, str], list[tuple[int, int]]]


# the same text for any number of sessions, so that it is compiled and prepared once
_ANY_OF: Final = {
    "sqlite": "IN (SELECT value FROM json_each(?))",
    "postgresql": "= ANY($1::text[])",
}
_KNOWN: Final = "SELECT session_id FROM sessions WHERE session_id"
_MARKED: Final = (
    "SELECT session_id, speaker, first_seq, last_seq FROM alert_transitions WHERE session_id"
)


class Store:
    """Writes batches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._partitions = Partitions(database)
        self._records = record_table(database.dialect)
        self._values = Values(database.dialect)

    def prepare(self, items: Sequence[Item]) -> None:
        """Do what can be done before a transaction; `write` does it to those that missed it."""
        for item in items:
            if item.cells is None and isinstance(item.message, Score):
                item.cells = rows.record_cells(item.message, self._values)

    async def write(self, items: Sequence[Item]) -> Written:
        """Store all of the items or none; returns how many rows were new, by table.

        Raises:
            DatabaseUnavailableError: nothing was written; try again.
            RowRefusedError: nothing was written; one of the items is to blame.
        """
        self.prepare(items)
        written: Counter[str] = Counter()
        messages = [item.message for item in items]
        scores = [item for item in items if isinstance(item.message, Score)]
        alerts = _of(messages, AlertMessage)
        await self._partitions.make_sure(score.captured_at for score in _of(messages, Score))
        async with self._database.write() as connection:
            await lock_records(connection, alone=bool(alerts))
            await _make_sessions(connection, messages)
            await completing.add_events(connection, _of(messages, SessionEvent))
            written["gaps"] = await completing.insert(
                connection, Gap, [rows.gap_row(gap) for gap in _of(messages, GapMessage)]
            )
            for alert in alerts:
                written["alerts"] += await completing.add_alert(connection, alert)
            written["emotion_records"] = await self._add_records(connection, scores)
        return written

    async def _add_records(self, connection: AsyncConnection, items: Sequence[Item]) -> int:
        if not items:
            return 0
        marks = await _marks(connection, {item.message.session_id for item in items})
        ids = await self._records.reserve(connection, len(items))
        now = self._values.moment(utc_now())
        made = [
            rows.record_row(
                item.cells or (),
                record_id=record_id,
                marked=bool(marks) and _is_marked(item.message, marks),
                stored_at=now,
            )
            for record_id, item in zip(ids, items, strict=True)
        ]
        new = await self._records.insert(connection, made)
        fine = [
            rows.steps_row(record, item.steps)
            for record, item in zip(made, items, strict=True)
            if item.steps is not None and record[0] in new
        ]
        if fine:
            await self._records.insert_steps(connection, fine)
        return len(new)


async def _make_sessions(connection: AsyncConnection, messages: list[Message]) -> None:
    """Rows of sessions that nobody has spoken of yet, always in one order."""
    implied = {message.session_id: message for message in reversed(messages)}
    missing = implied.keys() - {row[0] for row in await _found(connection, _KNOWN, implied)}
    await completing.insert(
        connection, Session, [rows.implied_session_row(implied[key]) for key in sorted(missing)]
    )


async def _marks(connection: AsyncConnection, sessions: Iterable[str]) -> _Marks:
    """The seconds of all alert transitions of these sessions, by track."""
    marks: _Marks = defaultdict(list)
    for session_id, speaker, first, last in await _found(connection, _MARKED, sessions):
        marks[session_id, speaker].append((first, last))
    return marks


async def _found(
    connection: AsyncConnection, question: str, sessions: Iterable[str]
) -> Iterable[Sequence[Any]]:
    """The rows of these sessions."""
    dialect = connection.dialect.name
    statement = f"{question} {_ANY_OF[dialect]}"
    if dialect == "sqlite":
        return await at_once(connection, statement, (json.dumps(list(sessions)),))
    return (await connection.exec_driver_sql(statement, (list(sessions),))).all()


def _is_marked(score: Message, marks: _Marks) -> bool:
    assert isinstance(score, Score)  # noqa: S101 - for the type checker
    if score.granularity is not Granularity.FRAME:
        return False  # its number counts utterances, not seconds
    ranges = marks.get((score.session_id, score.speaker.value), ())
    return any(first <= score.seq <= last for first, last in ranges)


def _of(messages: list[Message], kind: type[_MessageT]) -> list[_MessageT]:
    return [message for message in messages if isinstance(message, kind)]
