"""The ledger in the database: turns, the alerts that a step needs, and what a step has changed.

All that a step decides is written in the transaction that holds the turn. So two replicas never
both do what is due, nothing is decided on what somebody else is about to change, and a replica that
is killed leaves everything as it was before its step.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.alerting.notices import policy
from tonewatch.alerting.notices.book import Book
from tonewatch.alerting.notices.model import Event, HoldReason, NoticeKind
from tonewatch.alerting.notices.rows import PEOPLES, entry_of, values_of
from tonewatch.alerting.notices.silences import active_silences
from tonewatch.alerting.notices.tables import (
    AlertRow,
    EventRow,
    MarkRow,
    SilenceRow,
    ToldRow,
)
from tonewatch.alerting.notices.turn import taking_turn
from tonewatch.alerting.settings import NoticeOptions
from tonewatch.shared.database import Database
from tonewatch.shared.messages import Alert, AlertSubject

MOST_DUE: Final = 500
"""Due alerts of one step; the rest is left to the next."""

MOST_COMPANIONS: Final = 5000
"""Alerts that are decided about with them; databases bound the parameters of a query."""

LONGEST_COOLDOWN_MS: Final = 7 * 86_400_000
"""What was told before that holds nothing back."""


class Ledger:
    """Reads and writes the alerts of the notices stage."""

    def __init__(self, database: Database, options: NoticeOptions) -> None:
        self._database = database
        self.options = options

    def turn(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction in which nobody else decides anything.

        Raises:
            UnavailableError: the database is away.
        """
        return taking_turn(self._database)

    async def load(self, session: AsyncSession, alerts: Sequence[Alert], now: int) -> Book:
        """The alerts that are due or mentioned, and those that decide about them."""
        due = await session.scalars(
            select(AlertRow)
            .where(AlertRow.look_ms <= now)
            .order_by(AlertRow.look_ms, AlertRow.alert_id)
            .limit(MOST_DUE)
        )
        rows = _by_id(due)
        mentioned = await session.scalars(
            select(AlertRow).where(AlertRow.alert_id.in_([alert.alert_id for alert in alerts]))
        )
        companions = await session.scalars(
            select(AlertRow)
            .where(AlertRow.look_ms.is_not(None), or_(*self._companions(alerts, rows.values())))
            .order_by(AlertRow.look_ms, AlertRow.alert_id)
            .limit(MOST_COMPANIONS)
        )
        rows |= _by_id(mentioned) | _by_id(companions)
        scope = set(rows)
        context = await session.scalars(
            select(AlertRow).where(or_(*self._context(alerts, rows.values(), now)))
        )
        rows = _by_id(context) | rows
        sent = await _first_sent(session, [row for row in rows.values() if row.told_ms is not None])
        return Book(
            options=self.options,
            entries={name: entry_of(row, sent.get(name)) for name, row in rows.items()},
            scope=scope,
            silences=await active_silences(session, now),
            marks=await self._marks(
                session, alerts, [row for name, row in rows.items() if name in scope], now
            ),
        )

    def _companions(
        self, alerts: Iterable[Alert], due: Iterable[AlertRow]
    ) -> Iterator[ColumnElement[bool]]:
        """What is decided about together with these: their groups, what they or their caps hold."""
        ids = {alert.alert_id for alert in alerts}
        groups = {policy.group_of(alert, self.options) for alert in alerts}
        groups |= {row.group_key for row in due}
        caps = {row.hold_by for row in due if row.hold_reason == HoldReason.FLOOD and row.hold_by}
        yield AlertRow.group_key.in_(groups)
        yield AlertRow.hold_by.in_(ids | caps)

    def _context(
        self, alerts: Iterable[Alert], rows: Iterable[AlertRow], now: int
    ) -> Iterator[ColumnElement[bool]]:
        """What decides about these: the firing of their calls and sources, what was told lately."""
        sessions = {alert.session_id for alert in alerts} | {row.session_id for row in rows}
        sources = {alert.source_id for alert in alerts} | {row.source_id for row in rows}
        cooldowns = {policy.cooldown_key_of(alert, self.options) for alert in alerts}
        cooldowns |= {row.cooldown_key for row in rows}
        is_firing = AlertRow.resolved_ms.is_(None)
        is_stream = AlertRow.subject == AlertSubject.STREAM
        yield AlertRow.session_id.in_(sessions) & is_firing
        yield AlertRow.source_id.in_(sources) & is_firing & is_stream
        yield AlertRow.cooldown_key.in_(cooldowns) & (AlertRow.told_ms > now - LONGEST_COOLDOWN_MS)

    async def _marks(
        self, session: AsyncSession, alerts: Iterable[Alert], rows: Iterable[AlertRow], now: int
    ) -> dict[str, list[int]]:
        about = {(alert.rule, policy.agent_of(alert, self.options)) for alert in alerts}
        about |= {(row.rule, row.agent) for row in rows}
        caps = {cap for rule, agent in about for cap in policy.caps_on(rule, agent, self.options)}
        marks: dict[str, list[int]] = {key: [] for key, _, _ in caps}
        if not caps:
            return marks
        longest = max(period for _, period, _ in caps)
        found = await session.execute(
            select(MarkRow.cap_key, MarkRow.at_ms)
            .where(MarkRow.cap_key.in_(marks), MarkRow.at_ms > now - longest)
            .order_by(MarkRow.at_ms, MarkRow.id)
        )
        for key, at_ms in found:
            marks[key].append(at_ms)
        return marks

    async def save(self, session: AsyncSession, book: Book) -> None:
        """Write down what a step has changed."""
        if book.changed:
            values = [values_of(entry, self.options) for entry in book.changed.values()]
            is_postgres = session.get_bind().dialect.name == "postgresql"
            build = (postgresql.insert if is_postgres else sqlite.insert)(AlertRow)
            kept = {"alert_id"} | PEOPLES
            changed = {
                column.name: build.excluded[column.name]
                for column in AlertRow.__table__.columns
                if column.name not in kept
            }
            statement = build.on_conflict_do_update(index_elements=["alert_id"], set_=changed)
            await session.execute(statement, [{**item, "version": 1} for item in values])
        if book.events:
            await session.execute(insert(EventRow), list(map(event_values, book.events)))
        if book.new_marks:
            marks = [{"cap_key": key, "at_ms": at_ms} for key, at_ms in book.new_marks]
            await session.execute(insert(MarkRow), marks)

    async def next_look_ms(self) -> int | None:
        """When the first alert is to be looked at."""
        async with self._database.reading() as session:
            return await session.scalar(select(func.min(AlertRow.look_ms)))

    async def forget(self, now: int, before_ms: int) -> None:
        """Delete alerts that ended long ago, with their histories, and marks that count no more."""
        old = select(AlertRow.alert_id).where(
            AlertRow.fired_ms < before_ms,
            AlertRow.look_ms.is_(None),
            AlertRow.resolved_ms.is_not(None),
        )
        async with self.turn() as session:
            for table in (EventRow, ToldRow):
                await session.execute(delete(table).where(table.alert_id.in_(old)))
            await session.execute(delete(AlertRow).where(AlertRow.alert_id.in_(old)))
            await session.execute(delete(SilenceRow).where(SilenceRow.ends_ms < before_ms))
            await session.execute(delete(MarkRow).where(MarkRow.at_ms < now - policy.HOUR_MS))


def event_values(event: Event) -> dict[str, Any]:
    """The values of an event's row."""
    return {
        "alert_id": event.alert_id,
        "at_ms": event.at_ms,
        "kind": event.kind.value,
        "by": event.by,
        "detail": dict(event.detail),
    }


def _by_id(rows: Iterable[AlertRow]) -> dict[str, AlertRow]:
    return {row.alert_id: row for row in rows}


async def _first_sent(session: AsyncSession, rows: Sequence[AlertRow]) -> dict[str, int]:
    """When each alert that somebody was told of was first sent with success."""
    if not rows:
        return {}
    found = await session.execute(
        select(ToldRow.alert_id, func.min(DeliveryRow.first_sent_ms))
        .join(DeliveryRow, DeliveryRow.id == ToldRow.delivery_id)
        .where(
            ToldRow.alert_id.in_([row.alert_id for row in rows]),
            ToldRow.kind == NoticeKind.FIRING,
            DeliveryRow.first_sent_ms.is_not(None),
        )
        .group_by(ToldRow.alert_id)
    )
    return {alert_id: sent_ms for alert_id, sent_ms in found if sent_ms is not None}
