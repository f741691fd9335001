"""Rows that later messages complete: sessions, sources and alerts."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Table, bindparam, case, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from tonewatch.shared.messages import Alert as AlertMessage
from tonewatch.shared.messages import Granularity, SessionEvent, SessionState
from tonewatch.storage import merging, rows
from tonewatch.storage.models import (
    Alert,
    AlertHour,
    AlertTransition,
    Base,
    EmotionRecord,
    Session,
    Source,
)
from tonewatch.storage.rows import Row

INSERTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""How each kind of database inserts what may be there already."""

_SESSION_COLUMNS: Final = [c.name for c in Session.__table__.columns if not c.primary_key]
_COMPLETE_SESSION: Final = (
    update(Session)
    .where(Session.session_id == bindparam("of_session_id"))
    .values({name: bindparam(f"new_{name}") for name in _SESSION_COLUMNS})
)


def _merge_source(dialect: str) -> Any:
    """Several sessions of a source leave the same row, whichever comes first."""
    statement = INSERTS[dialect](Source)
    told = statement.excluded
    is_newest = told.last_seen_at >= Source.last_seen_at
    newest = {
        name: case((is_newest, told[name]), else_=getattr(Source, name))
        for name in ("name", "kind", "labels", "last_seen_at")
    }
    first = case(
        (told.first_seen_at < Source.first_seen_at, told.first_seen_at),
        else_=Source.first_seen_at,
    )
    return statement.on_conflict_do_update(
        index_elements=[Source.source_id], set_={**newest, "first_seen_at": first}
    )


_MERGE_SOURCE: Final = {dialect: _merge_source(dialect) for dialect in INSERTS}


async def insert(connection: AsyncConnection, model: type[Base], new: list[Row]) -> int:
    """Insert rows that are not there yet; says how many were not."""
    if not new:
        return 0
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - for the type checker
    key = next(iter(table.primary_key))
    statement = INSERTS[connection.dialect.name](table).on_conflict_do_nothing().returning(key)
    return len((await connection.execute(statement, new)).all())


async def add_events(connection: AsyncConnection, events: Sequence[SessionEvent]) -> None:
    """What starts and ends tell of their sessions (whose rows are there) and of their sources."""
    if not events:
        return
    ids = sorted({event.session_id for event in events})
    query = select(Session.__table__).where(Session.session_id.in_(ids)).with_for_update()
    found = (await connection.execute(query.order_by(Session.session_id))).mappings()
    sessions = {row["session_id"]: dict(row) for row in found}
    for event in events:
        sessions[event.session_id] = merging.merge_session(sessions[event.session_id], event)
    await connection.execute(_COMPLETE_SESSION, [_bound(row) for row in sessions.values()])
    sources: dict[str, Row] = {}
    for event in events:
        if event.state is SessionState.STARTED:
            merging.merge_source(sources, rows.source_row(event))
    if sources:
        statement = _MERGE_SOURCE[connection.dialect.name]
        await connection.execute(statement, [sources[key] for key in sorted(sources)])


async def add_alert(connection: AsyncConnection, alert: AlertMessage) -> int:
    """One transition: the alert's row, the transition itself, and the marks on its seconds."""
    added = await insert(connection, Alert, [merging.new_alert_row(alert)])
    if added:
        await _count_alert(connection, alert)
    else:
        await _complete_alert(connection, alert)
    await insert(connection, AlertTransition, [rows.transition_row(alert)])
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


async def _complete_alert(connection: AsyncConnection, alert: AlertMessage) -> None:
    here = Alert.alert_id == alert.alert_id
    row = await _row(connection, Alert, here)
    await connection.execute(update(Alert).where(here).values(**merging.merge_alert(row, alert)))


def _bound(session: Row) -> Row:
    return {"of_session_id": session["session_id"]} | {
        f"new_{name}": session[name] for name in _SESSION_COLUMNS
    }


async def _count_alert(connection: AsyncConnection, alert: AlertMessage) -> None:
    statement = INSERTS[connection.dialect.name](AlertHour).values(**rows.alert_hour_row(alert))
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(AlertHour.__table__.primary_key),
            set_={"alerts": AlertHour.alerts + statement.excluded.alerts},
        )
    )


async def _row(connection: AsyncConnection, model: type[Base], where: Any) -> Row:
    found = await connection.execute(select(model.__table__).where(where).with_for_update())
    return dict(found.mappings().one())
