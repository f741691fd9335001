"""Which rows each kind of retention removes, and how a row finds its session."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute

from tonewatch.storage.models import (
    Alert,
    AlertTransition,
    Base,
    EmotionRecord,
    EmotionSteps,
    Gap,
    LegalHold,
    RollupPosition,
    Segment,
    Session,
    TrackRollup,
    Utterance,
    steps_of_record,
)
from tonewatch.storage.retention._options import Kind

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Aged:
    """One table: its key, the moment by which it ages, and its session's id."""

    model: type[Base]
    key: tuple[InstrumentedAttribute[Any], ...]
    moment: Any
    session_id: InstrumentedAttribute[str]
    join: Condition | None = None  # to the table that has the session's id
    only: Condition | None = None  # other rows are not removed yet

    @property
    def name(self) -> str:
        """The table's name."""
        return str(self.model.__tablename__)

    def rows(self, *columns: Any) -> Select[Any]:
        """A query over the rows that may be removed."""
        query = select(*columns)
        if self.join is not None:
            query = query.select_from(self.model).join(EmotionRecord, self.join)
        return query if self.only is None else query.where(self.only)


_ROLLED_UP: Final = EmotionRecord.id <= (
    select(RollupPosition.record_id).where(RollupPosition.name == "records").scalar_subquery()
)
_STEPS: Final = Aged(
    EmotionSteps,
    (EmotionSteps.id, EmotionSteps.timestamp),
    EmotionSteps.timestamp,
    EmotionRecord.session_id,
    join=steps_of_record(),
)
_RECORDS: Final = Aged(
    EmotionRecord,
    (EmotionRecord.id, EmotionRecord.timestamp),
    EmotionRecord.timestamp,
    EmotionRecord.session_id,
    only=_ROLLED_UP,
)
AGED: Final[dict[Kind, tuple[Aged, ...]]] = {
    Kind.STEPS: (_STEPS,),
    Kind.SECONDS: (_STEPS, _RECORDS),  # no matrix outlives its record
    Kind.SEGMENTS: (
        Aged(
            Segment,
            (Segment.session_id, Segment.speaker, Segment.first_seq),
            Segment.started_at,
            Segment.session_id,
        ),
        Aged(
            Utterance,
            (Utterance.session_id, Utterance.speaker, Utterance.number),
            Utterance.started_at,
            Utterance.session_id,
        ),
        Aged(Gap, (Gap.id,), Gap.at, Gap.session_id),
    ),
    Kind.ALERTS: (
        Aged(
            AlertTransition, (AlertTransition.id,), AlertTransition.at, AlertTransition.session_id
        ),
        Aged(Alert, (Alert.alert_id,), Alert.started_at, Alert.session_id),
    ),
    Kind.SESSIONS: (
        Aged(
            Session,
            (Session.session_id,),
            func.coalesce(Session.ended_at, Session.started_at),
            Session.session_id,
            only=~(
                exists().where(EmotionRecord.session_id == Session.session_id)
                | exists().where(Segment.session_id == Session.session_id)
                | exists().where(Alert.session_id == Session.session_id)
            ),
        ),
    ),
}
"""The tables of each kind, in the order in which their rows go."""

OF_SESSION: Final[tuple[type[Any], ...]] = (
    EmotionRecord,
    Segment,
    Utterance,
    Gap,
    AlertTransition,
    Alert,
    TrackRollup,
    Session,
)
"""The tables with a session's rows, its own row last (matrices go with their records)."""


def is_held() -> Condition:
    """Whether a row of `sessions` is under a legal hold."""
    carried: Any = Session.labels.op("->>")(LegalHold.label_name)
    return exists().where(
        and_(
            LegalHold.released_at.is_(None),
            (LegalHold.session_id == Session.session_id) | (carried == LegalHold.label_value),
        )
    )


def has_session(aged: Aged, *conditions: Condition) -> Condition:
    """Whether the session of a row meets the conditions."""
    if aged.model is Session:
        return and_(*conditions)
    return exists().where(Session.session_id == aged.session_id, *conditions)
