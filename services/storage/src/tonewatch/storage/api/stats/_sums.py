"""Sums of seconds and of alerts, grouped as asked.

They come from the hours, or from the sessions where only these can tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, get_args

from sqlalchemy import Select, String, Subquery, case, func, literal, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.shared.emotions import EMOTIONS
from tonewatch.storage.api.conditions import Condition, label_conditions, within
from tonewatch.storage.api.filters import Verdict
from tonewatch.storage.api.stats._filters import AlertSumFilter, SumFilter
from tonewatch.storage.columns import UtcDateTime
from tonewatch.storage.models import (
    PROBABILITY_SUMS,
    SECONDS_OF,
    Alert,
    AlertHour,
    EmotionHour,
    Session,
    TrackRollup,
)

HOUR: Final = timedelta(hours=1)
VERDICTS: Final[tuple[str, ...]] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class SecondSum:
    """What was heard in the seconds of one group."""

    keys: tuple[Any, ...]
    seconds: dict[str, int]  # by emotion; those that were the strongest at least once
    probabilities: dict[str, float]  # sums over the seconds with speech; if asked for


async def second_sums(session: AsyncSession, asked: SumFilter, *keys: str) -> list[SecondSum]:
    """Sums by keys, which are of `hour` and `agent_id`; without keys one, with probabilities."""
    table: Any = TrackRollup if asked.by_session else EmotionHour
    if asked.by_session:
        query = _by_track(asked)
        of: dict[str, Any] = {
            "hour": _hour_of(session, Session.started_at),
            "agent_id": func.coalesce(Session.agent_id, ""),
        }
    else:
        query = _by_hour(asked)
        of = {"hour": EmotionHour.hour, "agent_id": EmotionHour.agent_id}
    columns = [of[key] for key in keys]
    names = SECONDS_OF.values() if keys else (*SECONDS_OF.values(), *PROBABILITY_SUMS)
    sums = [func.sum(getattr(table, name)) for name in names]
    grouped = query.with_only_columns(*columns, *sums, maintain_column_froms=True)
    rows = (await session.execute(grouped.group_by(*columns))).all()
    return [_second_sum(row, len(keys)) for row in rows if row[-1] is not None]


async def alert_sums(session: AsyncSession, asked: SumFilter, key: str) -> Sequence[Any]:
    """Rows of (key, alerts, right, false_alarm, needs_coaching); the key is a column of alerts."""
    base = _by_alert(session, asked) if _needs_alerts(asked) else _by_alert_hour(asked)
    sums = (func.sum(base.c[name]) for name in ("alerts", *VERDICTS))
    return (await session.execute(select(base.c[key], *sums).group_by(base.c[key]))).all()


def _second_sum(row: Sequence[Any], keys: int) -> SecondSum:
    numbers = row[keys:]
    counts = dict(zip(SECONDS_OF, map(int, numbers[: len(SECONDS_OF)]), strict=True))
    probabilities = dict(zip(map(str, EMOTIONS), numbers[len(SECONDS_OF) :], strict=False))
    heard = {label: seconds for label, seconds in counts.items() if seconds}
    return SecondSum(tuple(row[:keys]), heard, probabilities)


def _by_hour(asked: SumFilter) -> Select[Any]:
    table = EmotionHour
    return select(table).where(
        *_whole_hours(asked, table.hour), *_equal(asked, table, "agent_id", "queue", "speaker")
    )


def _by_track(asked: SumFilter) -> Select[Any]:
    its = Session
    return (
        select(TrackRollup)
        .join(its, its.session_id == TrackRollup.session_id)
        .where(
            *within(asked, its.started_at),
            *_equal(asked, its, "agent_id", "queue", "source_id", "session_id"),
            *_equal(asked, TrackRollup, "speaker"),
            *label_conditions(asked, its),
        )
    )


def _by_alert_hour(asked: SumFilter) -> Subquery:
    table = AlertHour
    query = select(
        table.hour,
        table.agent_id,
        table.rule,
        table.alerts,
        *(getattr(table, f"{name}_verdicts").label(name) for name in VERDICTS),
    ).where(*_whole_hours(asked, table.hour), *_equal(asked, table, "agent_id", "queue", "rule"))
    return query.subquery()


def _by_alert(session: AsyncSession, asked: SumFilter) -> Subquery:
    query = select(
        _hour_of(session, Alert.started_at).label("hour"),
        func.coalesce(Alert.agent_id, "").label("agent_id"),
        Alert.rule,
        literal(1).label("alerts"),
        *(case((Alert.verdict == name, 1), else_=0).label(name) for name in VERDICTS),
    ).where(
        *within(asked, Alert.started_at),
        *_equal(asked, Alert, "agent_id", "queue", "source_id", "session_id", "speaker", "rule"),
        *label_conditions(asked, Alert),
    )
    return query.subquery()


def _needs_alerts(asked: SumFilter) -> bool:
    return asked.by_session or asked.speaker is not None


def _hour_of(session: AsyncSession, moment: Any) -> Any:
    if session.get_bind().dialect.name == "sqlite":
        text = func.substr(moment, 1, len("2026-01-04 09"), type_=String())
        return type_coerce(text + ":00:00.000000", UtcDateTime())
    return func.date_trunc("hour", moment, "UTC", type_=UtcDateTime())


def _whole_hours(asked: SumFilter, hour: Any) -> list[Condition]:
    begin, end = covered(asked)
    found: list[Condition] = []
    if begin is not None:
        found.append(hour >= begin)
    if end is not None:
        found.append(hour < end)
    return found


def covered(asked: SumFilter) -> tuple[datetime | None, datetime | None]:
    """The time that the answer covers: what was asked for, by hours in whole hours."""
    if asked.by_session:
        return asked.begin, asked.end
    begin = asked.begin and asked.begin.replace(minute=0, second=0, microsecond=0)
    end = asked.end and asked.end.replace(minute=0, second=0, microsecond=0)
    return begin, end + HOUR if asked.end and end and end < asked.end else end


def _equal(asked: SumFilter | AlertSumFilter, model: Any, *names: str) -> list[Condition]:
    wanted = {name: getattr(asked, name, None) for name in names}
    return [getattr(model, name) == value for name, value in wanted.items() if value is not None]
