"""Alerts as people read them: lists with filters, and one alert with all that happened to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, select, tuple_

from tonewatch.alerting.delivery.database import require
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.alerting.notices.model import AlertVerdict, HoldReason
from tonewatch.alerting.notices.people import shown_person
from tonewatch.alerting.notices.tables import AlertRow, EventRow, ToldRow
from tonewatch.shared.clock import iso_of, iso_utc, ms_of
from tonewatch.shared.database import Database
from tonewatch.shared.errors import InvalidInputError
from tonewatch.shared.messages import Alert, AlertState, Priority


class Telling(StrEnum):
    """Where an alert stands with those who are to be told."""

    WAITING = "waiting"
    TOLD = "told"
    HELD = "held"


class AlertQuery(BaseModel):
    """What a list of alerts is narrowed to."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    state: AlertState | None = None
    telling: Telling | None = Field(default=None, description="waiting, told or held")
    held: HoldReason | None = Field(default=None, description="Held for this reason")
    rule: str | None = None
    priority: Priority | None = None
    session_id: str | None = None
    source_id: str | None = None
    agent: str | None = None
    acknowledged: bool | None = None
    assigned_to: str | None = None
    verdict: AlertVerdict | Literal["none"] | None = None
    begin: AwareDatetime | None = Field(default=None, alias="from")
    end: AwareDatetime | None = Field(default=None, alias="to")
    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """An alert, its history, and the deliveries that tell of it with their states."""

    row: AlertRow
    events: Sequence[EventRow]
    told: Sequence[tuple[ToldRow, str | None]]


class AlertList:
    """Reads alerts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: AlertQuery) -> tuple[Sequence[AlertRow], str | None]:
        """Alerts, the newest first, and the cursor of the next page if there is one.

        Raises:
            InvalidInputError: the cursor is none.
        """
        statement = (
            select(AlertRow)
            .where(*_conditions(query))
            .order_by(AlertRow.fired_ms.desc(), AlertRow.alert_id.desc())
            .limit(query.limit + 1)
        )
        async with self._database.reading() as session:
            rows = (await session.scalars(statement)).all()
        page = rows[: query.limit]
        more = len(rows) > query.limit
        return page, f"{page[-1].fired_ms}.{page[-1].alert_id}" if more else None

    async def story(self, alert_id: str) -> Story:
        """One alert with all that happened to it.

        Raises:
            NotFoundError: there is no such alert.
        """
        async with self._database.reading() as session:
            row = await require(session, AlertRow, alert_id, "alert")
            events = await session.scalars(
                select(EventRow).where(EventRow.alert_id == alert_id).order_by(EventRow.id)
            )
            told = await session.execute(
                select(ToldRow, DeliveryRow.state)
                .join(DeliveryRow, DeliveryRow.id == ToldRow.delivery_id, isouter=True)
                .where(ToldRow.alert_id == alert_id)
                .order_by(ToldRow.at_ms, ToldRow.delivery_id)
            )
            return Story(row, events.all(), [(item, state) for item, state in told])


def shown_alert(row: AlertRow) -> dict[str, Any]:
    """An alert as lists show it."""
    facts = Alert.model_validate_json(row.facts)
    return {
        "alert_id": row.alert_id,
        "state": AlertState.FIRING if row.resolved_ms is None else AlertState.RESOLVED,
        "rule": row.rule,
        "priority": row.priority,
        "action": row.action,
        "subject": row.subject,
        "session_id": row.session_id,
        "source_id": row.source_id,
        "speaker": facts.speaker,
        "labels": facts.labels,
        "emotions": facts.emotions,
        "value": facts.value,
        "threshold": facts.threshold,
        "message": facts.message,
        "started_at": iso_utc(facts.started_at),
        "fired_at": iso_of(row.fired_ms) if row.firing_seen else None,
        "resolved_at": iso_of(row.resolved_ms),
        "telling": telling_of(row),
        "told_at": iso_of(row.told_ms),
        "held": {"reason": row.hold_reason, "by": row.hold_by or None} if row.hold_reason else None,
        "repeats": row.repeats,
        "escalations": row.escalations,
        "acknowledged": shown_person(row.acknowledged_by, row.acknowledged_ms),
        "assigned_to": row.assigned_to,
        "verdict": row.verdict,
        "closed": shown_person(row.closed_by, row.closed_ms),
        "version": row.version,
    }


def shown_story(story: Story) -> dict[str, Any]:
    """An alert with its history and deliveries."""
    return {
        **shown_alert(story.row),
        "timeline": [
            {
                "at": iso_of(event.at_ms),
                "kind": event.kind,
                "by": event.by or None,
                **event.detail,
            }
            for event in story.events
        ],
        "deliveries": [
            {
                "delivery_id": told.delivery_id,
                "notice": told.kind,
                "channel": told.channel,
                "receiver": told.receiver,
                "receiver_name": told.receiver_name,
                "at": iso_of(told.at_ms),
                "state": state,
            }
            for told, state in story.told
        ],
    }


def telling_of(row: AlertRow) -> Telling:
    """Where an alert stands with those who are to be told."""
    if row.told_ms is not None:
        return Telling.TOLD
    return Telling.WAITING if row.hold_reason is None else Telling.HELD


def _conditions(query: AlertQuery) -> Iterator[ColumnElement[bool]]:
    for name in ("rule", "priority", "session_id", "source_id", "agent", "assigned_to"):
        wanted = getattr(query, name)
        if wanted is not None:
            yield getattr(AlertRow, name) == wanted
    yield from _standing_conditions(query)
    if query.begin is not None:
        yield AlertRow.fired_ms >= ms_of(query.begin)
    if query.end is not None:
        yield AlertRow.fired_ms < ms_of(query.end)
    if query.cursor is not None:
        yield tuple_(AlertRow.fired_ms, AlertRow.alert_id) < _position(query.cursor)


def _standing_conditions(query: AlertQuery) -> Iterator[ColumnElement[bool]]:
    if query.state is not None:
        is_firing = query.state is AlertState.FIRING
        yield AlertRow.resolved_ms.is_(None) if is_firing else AlertRow.resolved_ms.is_not(None)
    if query.telling is not None:
        yield from _telling_conditions(query.telling)
    if query.held is not None:
        yield AlertRow.hold_reason == query.held
    if query.acknowledged is not None:
        is_open = AlertRow.acknowledged_ms.is_(None)
        yield ~is_open if query.acknowledged else is_open
    if query.verdict is not None:
        none = query.verdict == "none"
        yield AlertRow.verdict.is_(None) if none else AlertRow.verdict == query.verdict


def _telling_conditions(telling: Telling) -> Iterator[ColumnElement[bool]]:
    if telling is Telling.TOLD:
        yield AlertRow.told_ms.is_not(None)
        return
    yield AlertRow.told_ms.is_(None)
    is_free = AlertRow.hold_reason.is_(None)
    yield is_free if telling is Telling.WAITING else ~is_free


def _position(cursor: str) -> Any:
    fired_ms, _, alert_id = cursor.partition(".")
    if not (fired_ms.isascii() and fired_ms.isdigit() and alert_id):
        raise InvalidInputError("cursor: pass the `next_cursor` of the page before, unchanged")
    return tuple_(int(fired_ms), alert_id)
