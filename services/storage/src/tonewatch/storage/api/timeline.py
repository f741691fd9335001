"""A session second by second, or as the points of a chart, with its gaps and alerts."""

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import null, select
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.shared.errors import InvalidInputError
from tonewatch.shared.messages import Granularity, Speaker
from tonewatch.storage.api.chart import chart_items
from tonewatch.storage.api.views import (
    AlertView,
    GapView,
    Timeline,
    TimelineItem,
    probabilities,
    view_of,
)
from tonewatch.storage.models import Alert, EmotionRecord, EmotionSteps, Gap, steps_of_record
from tonewatch.storage.steps import unpack_steps

MOST_WITH_STEPS: Final = 600
"""Seconds of one answer when each carries its matrix (some 50 rows of nine)."""
MOST_GAPS: Final = 1000
MOST_ALERTS: Final = 1000


class TimelineFilter(BaseModel):
    """Parameters of /v1/sessions/{session_id}/timeline."""

    model_config = ConfigDict(extra="forbid")

    speaker: Speaker | None = None
    from_seq: int = Field(default=0, ge=0, lt=2**63, description="Seconds from this one on")
    to_seq: int | None = Field(
        default=None, ge=0, lt=2**63, description="With points: seconds up to this one"
    )
    limit: int = Field(default=3600, ge=1, le=7200, description="Seconds of this answer, at most")
    points: int | None = Field(
        default=None,
        ge=2,
        le=2000,
        description="Means over as many equal stretches of each track, instead of seconds",
    )
    steps: bool = Field(
        default=False, description=f"With the fine matrix; then at most {MOST_WITH_STEPS} seconds"
    )
    cursor: str | None = Field(
        default=None, max_length=64, description="`next_cursor` of the answer before"
    )

    @model_validator(mode="after")
    def _parameters_agree(self) -> Self:
        if self.steps and "limit" in self.model_fields_set and self.limit > MOST_WITH_STEPS:
            raise ValueError(f"with steps=true, limit is at most {MOST_WITH_STEPS}")
        if self.points is not None and self.model_fields_set & {"steps", "limit", "cursor"}:
            raise ValueError("points answers at once: leave out steps, limit and cursor")
        if self.points is None and self.to_seq is not None:
            raise ValueError("to_seq needs points; without them, use limit")
        if self.to_seq is not None and self.to_seq < self.from_seq:
            raise ValueError("from_seq must not be after to_seq")
        return self

    @property
    def seconds(self) -> int:
        """How many seconds one answer holds."""
        return min(self.limit, MOST_WITH_STEPS) if self.steps else self.limit


async def timeline_of(session: AsyncSession, session_id: str, asked: TimelineFilter) -> Timeline:
    """One stretch of the session, or all of it as points; its gaps and alerts come whole."""
    following, bucket_seconds = None, 1
    if asked.points is not None:
        bucket_seconds, items = await chart_items(
            session,
            session_id,
            points=asked.points,
            first_seq=asked.from_seq,
            last_seq=asked.to_seq,
            speaker=asked.speaker,
        )
    else:
        items, following = await _seconds(session, session_id, asked)
    gaps = await session.scalars(
        select(Gap).where(Gap.session_id == session_id).order_by(Gap.first_seq).limit(MOST_GAPS)
    )
    alerts = await session.scalars(
        select(Alert)
        .where(Alert.session_id == session_id)
        .order_by(Alert.started_at)
        .limit(MOST_ALERTS)
    )
    return Timeline(
        session_id=session_id,
        items=items,
        gaps=[view_of(GapView, gap) for gap in gaps],
        alerts=[view_of(AlertView, alert) for alert in alerts],
        bucket_seconds=bucket_seconds,
        next_cursor=following,
    )


async def _seconds(
    session: AsyncSession, session_id: str, asked: TimelineFilter
) -> tuple[list[TimelineItem], str | None]:
    rows = await _records(session, session_id, asked)
    following = None
    if len(rows) > asked.seconds:
        rows = rows[: asked.seconds]
        last, _ = rows[-1]
        following = f"{last.seq}.{last.speaker}"
    return [_item(row, steps if asked.steps else None) for row, steps in rows], following


async def _records(
    session: AsyncSession, session_id: str, asked: TimelineFilter
) -> list[tuple[EmotionRecord, bytes | None]]:
    model = EmotionRecord
    query = (
        select(model, EmotionSteps.steps if asked.steps else null())
        .where(
            model.session_id == session_id,
            model.granularity == Granularity.FRAME.value,
            model.seq >= asked.from_seq,
        )
        .order_by(model.seq, model.speaker)
        .limit(asked.seconds + 1)
    )
    if asked.speaker is not None:
        query = query.where(model.speaker == asked.speaker.value)
    if asked.cursor is not None:
        seq, speaker = _position(asked.cursor)
        query = query.where((model.seq > seq) | ((model.seq == seq) & (model.speaker > speaker)))
    if asked.steps:
        query = query.outerjoin(EmotionSteps, steps_of_record())
    return [(row[0], row[1]) for row in await session.execute(query)]


def _position(cursor: str) -> tuple[int, str]:
    seq, dot, speaker = cursor.partition(".")
    is_number = seq.isascii() and seq.isdigit() and len(seq) < 19  # noqa: PLR2004 - digits of 2**63
    if not (dot and is_number and speaker in set(Speaker)):
        raise InvalidInputError("cursor: pass the `next_cursor` of the answer before, unchanged")
    return int(seq), speaker


def _item(row: EmotionRecord, steps: bytes | None) -> TimelineItem:
    matrix = None if steps is None else unpack_steps(steps)
    return view_of(TimelineItem, row, probabilities=probabilities(row), steps=matrix)
