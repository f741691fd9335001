"""Parameters as conditions on tables.

Labels and queues belong to sessions, of which there are hundreds of times fewer than seconds. So
the sessions are found first: if they are few, their seconds are looked up one session after the
other; if they are many, the list is walked in its order, since it meets one of them soon.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import ColumnElement, String, cast, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.storage.api.filters import (
    AlertChoice,
    Filter,
    HeardFilter,
    RecordChoice,
    SegmentChoice,
    SessionFilter,
)
from tonewatch.storage.models import Alert, EmotionRecord, Segment, Session, Utterance

Condition = ColumnElement[bool]

FEW_SESSIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows of a table are wanted."""

    conditions: Sequence[Condition]
    few: bool = False  # those of a few sessions: better sorted than looked for in the list's order


async def choose_records(session: AsyncSession, asked: RecordChoice) -> Choice:
    """Rows of `emotion_records`, emotion apart (see `listing`)."""
    model = EmotionRecord
    return await _heard(
        session,
        asked,
        model,
        *within(asked, model.timestamp),
        *_range(model.confidence, asked.confidence_min, asked.confidence_max),
        *_equal(asked, model, "granularity", "alert_triggered"),
    )


async def choose_segments(session: AsyncSession, asked: SegmentChoice) -> Choice:
    """Rows of `segments`, emotion apart."""
    model = Segment
    more = [
        *within(asked, model.started_at),
        *_range(model.peak, asked.confidence_min, asked.confidence_max),
    ]
    if asked.seconds_min is not None:
        more.append(model.last_seq - model.first_seq + 1 >= asked.seconds_min)
    return await _heard(session, asked, model, *more)


async def choose_utterances(session: AsyncSession, asked: HeardFilter) -> Choice:
    """Rows of `utterances`, emotion apart."""
    model = Utterance
    return await _heard(
        session,
        asked,
        model,
        *within(asked, model.started_at),
        *_range(model.confidence, asked.confidence_min, asked.confidence_max),
    )


def choose_sessions(asked: SessionFilter) -> Choice:
    """Rows of `sessions`."""
    found = [
        *within(asked, Session.started_at),
        *_equal(asked, Session, "source_id", "agent_id", "queue", "state", "kind"),
        *label_conditions(asked, Session),
    ]
    its_alerts = Alert.session_id == Session.session_id
    if asked.alerted is not None:
        any_alert = exists().where(its_alerts)
        found.append(any_alert if asked.alerted else ~any_alert)
    if asked.rule is not None:
        found.append(exists().where(its_alerts, Alert.rule == asked.rule))
    return Choice(found)


def choose_alerts(asked: AlertChoice) -> Choice:
    """Rows of `alerts`."""
    found = [
        *within(asked, Alert.started_at),
        *_equal(asked, Alert, "source_id", "agent_id", "queue", "session_id", "speaker"),
        *_equal(asked, Alert, "rule", "state", "priority", "action", "subject"),
        *label_conditions(asked, Alert),
        *_range(Alert.value, asked.value_min, asked.value_max),
    ]
    if asked.emotion:
        # a list of names of a fixed set, so its JSON text can be searched on both databases
        text = cast(Alert.emotions, String)
        found.append(or_(*(text.contains(f'"{emotion}"') for emotion in asked.emotion)))
    if asked.verdict == "none":
        found.append(Alert.verdict.is_(None))
    elif asked.verdict is not None:
        found.append(Alert.verdict == asked.verdict)
    return Choice(found)


def label_conditions(asked: Filter, model: Any) -> list[Condition]:
    """Conditions on a column `labels`."""
    pairs = (text.partition(":") for text in asked.label)
    return [model.labels[name].as_string() == value for name, _, value in pairs]


async def _heard(session: AsyncSession, asked: HeardFilter, model: Any, *more: Condition) -> Choice:
    found = [*more, *_equal(asked, model, "source_id", "agent_id", "session_id", "speaker")]
    if not (asked.label or asked.queue is not None):
        return Choice(found, few=asked.session_id is not None)
    query = select(Session.session_id).where(
        *label_conditions(asked, Session),
        *_equal(asked, Session, "source_id", "agent_id", "queue", "session_id"),
    )
    sessions = (await session.scalars(query.limit(FEW_SESSIONS + 1))).all()
    if len(sessions) <= FEW_SESSIONS:
        return Choice([*found, model.session_id.in_(sessions)], few=True)
    # as an expression it can use no index, which would sort all seconds of all these sessions
    return Choice([*found, (model.session_id + "").in_(query)])


def within(asked: Filter, moment: Any) -> list[Condition]:
    """From the beginning that is asked for up to the end, which is not in it."""
    found: list[Condition] = []
    if asked.begin is not None:
        found.append(moment >= asked.begin)
    if asked.end is not None:
        found.append(moment < asked.end)
    return found


def _range(column: Any, low: float | None, high: float | None) -> list[Condition]:
    found: list[Condition] = []
    if low is not None:
        found.append(column >= low)
    if high is not None:
        found.append(column <= high)
    return found


def _equal(asked: BaseModel, model: Any, *names: str) -> Sequence[Condition]:
    wanted = {name: getattr(asked, name) for name in names}
    return [getattr(model, name) == value for name, value in wanted.items() if value is not None]
