"""A batch of messages becomes rows in one transaction; the same batch again changes nothing.

Several processes may write to one PostgreSQL database, and a second's score and its alert may be in
the hands of two of them at the same instant. Each transaction therefore first locks the rows of the
sessions that it touches: whoever comes second sees what the first has committed, so that either the
alert finds the record or the record finds the alert. (SQLite has one writer anyway.)
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Table, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import Alert as AlertMessage
from tonewatch.shared.messages import Gap as GapMessage
from tonewatch.shared.messages import Granularity, Message, Score, SessionEvent
from tonewatch.storage import merging, rows
from tonewatch.storage.database import Database
from tonewatch.storage.incoming import Item
from tonewatch.storage.models import Alert, AlertTransition, Base, EmotionRecord, Gap, Session
from tonewatch.storage.rows import Row

Written = Mapping[str, int]
"""New rows by table."""

_INSERTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_MessageT = TypeVar("_MessageT", bound=Message)
_Seconds = tuple[int, int]
_Marks = dict[tuple[str, str], list[_Seconds]]


class Store:
    """Writes batches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, items: Sequence[Item]) -> Written:
        """Store all of the items or none; returns how many rows were new, by table.

        Raises:
            DatabaseUnavailableError: nothing was written; try again.
            RowRefusedError: nothing was written; one of the items is to blame.
        """
        written: Counter[str] = Counter()
        messages = [item.message for item in items]
        async with self._database.write() as connection:
            await self._take_sessions(connection, messages)
            for event in _of(messages, SessionEvent):
                await _complete_session(connection, event)
            written["gaps"] = await self._insert(
                connection, Gap, [rows.gap_row(gap) for gap in _of(messages, GapMessage)]
            )
            for alert in _of(messages, AlertMessage):
                written["alerts"] += await self._add_alert(connection, alert)
            written["emotion_records"] = await self._add_records(connection, items)
        return written

    async def _take_sessions(self, connection: AsyncConnection, messages: list[Message]) -> None:
        """Make sure of the rows of all sessions touched, and lock them, always in one order."""
        implied = {message.session_id: message for message in reversed(messages)}
        new = [rows.implied_session_row(implied[key]) for key in sorted(implied)]
        await self._insert(connection, Session, new)
        await connection.execute(
            select(Session.session_id)
            .where(Session.session_id.in_(implied))
            .order_by(Session.session_id)
            .with_for_update()
        )

    async def _add_alert(self, connection: AsyncConnection, alert: AlertMessage) -> int:
        added = await self._insert(connection, Alert, [merging.new_alert_row(alert)])
        if not added:
            await _complete_alert(connection, alert)
        await self._insert(connection, AlertTransition, [rows.transition_row(alert)])
        await connection.execute(
            update(EmotionRecord)
            .where(
                EmotionRecord.session_id == alert.session_id,
                EmotionRecord.speaker == alert.speaker.value,
                EmotionRecord.granularity == Granularity.FRAME.value,
                EmotionRecord.seq.between(alert.first_seq, alert.last_seq),
            )
            .values(alert_triggered=True)
        )
        return added

    async def _add_records(self, connection: AsyncConnection, items: Sequence[Item]) -> int:
        now = utc_now()
        new = [
            rows.record_row(item.message, item.steps, now)
            for item in items
            if isinstance(item.message, Score)
        ]
        marks = await _marks(connection, {row["session_id"] for row in new})
        for row in new if marks else ():
            if row["granularity"] != Granularity.FRAME.value:
                continue  # its number counts utterances, not seconds
            ranges = marks.get((row["session_id"], row["speaker"]), ())
            row["alert_triggered"] = any(first <= row["seq"] <= last for first, last in ranges)
        return await self._insert(connection, EmotionRecord, new)

    async def _insert(self, connection: AsyncConnection, model: type[Base], new: list[Row]) -> int:
        """Insert rows that are not there yet; says how many were not."""
        if not new:
            return 0
        table = model.__table__
        assert isinstance(table, Table)  # noqa: S101 - for the type checker
        key = next(iter(table.primary_key))
        statement = _INSERTS[self._database.dialect](table).on_conflict_do_nothing().returning(key)
        return len((await connection.execute(statement, new)).all())


async def _complete_session(connection: AsyncConnection, event: SessionEvent) -> None:
    here = Session.session_id == event.session_id
    row = await _row(connection, Session, here)
    await connection.execute(
        update(Session).where(here).values(**merging.merge_session(row, event))
    )


async def _complete_alert(connection: AsyncConnection, alert: AlertMessage) -> None:
    here = Alert.alert_id == alert.alert_id
    row = await _row(connection, Alert, here)
    await connection.execute(update(Alert).where(here).values(**merging.merge_alert(row, alert)))


async def _row(connection: AsyncConnection, model: type[Base], where: Any) -> Row:
    found = await connection.execute(select(model.__table__).where(where))
    return dict(found.mappings().one())


async def _marks(connection: AsyncConnection, sessions: Iterable[str]) -> _Marks:
    """The seconds of all alert transitions of these sessions, by track."""
    found = await connection.execute(
        select(
            AlertTransition.session_id,
            AlertTransition.speaker,
            AlertTransition.first_seq,
            AlertTransition.last_seq,
        ).where(AlertTransition.session_id.in_(sorted(sessions)))
    )
    marks: _Marks = defaultdict(list)
    for session_id, speaker, first, last in found:
        marks[session_id, speaker].append((first, last))
    return marks


def _of(messages: list[Message], kind: type[_MessageT]) -> list[_MessageT]:
    return [message for message in messages if isinstance(message, kind)]
