"""A session second by second, with its gaps and alerts."""

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer, undefer

from tonewatch.shared.errors import InvalidInputError
from tonewatch.shared.messages import Granularity, Speaker
from tonewatch.storage.api.views import (
    AlertView,
    GapView,
    Timeline,
    TimelineItem,
    probabilities,
    view_of,
)
from tonewatch.storage.models import Alert, EmotionRecord, Gap
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
    limit: int = Field(default=3600, ge=1, le=7200, description="Seconds of this answer, at most")
    steps: bool = Field(
        default=False, description=f"With the fine matrix; then at most {MOST_WITH_STEPS} seconds"
    )
    cursor: str | None = Field(
        default=None, max_length=64, description="`next_cursor` of the answer before"
    )

    @model_validator(mode="after")
    def _steps_are_bounded(self) -> Self:
        if self.steps and "limit" in self.model_fields_set and self.limit > MOST_WITH_STEPS:
            raise ValueError(f"with steps=true, limit is at most {MOST_WITH_STEPS}")
        return self

    @property
    def seconds(self) -> int:
        """How many seconds one answer holds."""
        return min(self.limit, MOST_WITH_STEPS) if self.steps else self.limit


async def timeline_of(session: AsyncSession, session_id: str, asked: TimelineFilter) -> Timeline:
    """One stretch of the session; its gaps and alerts come whole with each stretch."""
    rows = await _records(session, session_id, asked)
    following = None
    if len(rows) > asked.seconds:
        rows = rows[: asked.seconds]
        following = f"{rows[-1].seq}.{rows[-1].speaker}"
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
        items=[_item(row, with_steps=asked.steps) for row in rows],
        gaps=[view_of(GapView, gap) for gap in gaps],
        alerts=[view_of(AlertView, alert) for alert in alerts],
        next_cursor=following,
    )


async def _records(
    session: AsyncSession, session_id: str, asked: TimelineFilter
) -> list[EmotionRecord]:
    model = EmotionRecord
    query = (
        select(model)
        .where(
            model.session_id == session_id,
            model.granularity == Granularity.FRAME.value,
            model.seq >= asked.from_seq,
        )
        .options(undefer(model.steps) if asked.steps else defer(model.steps))
        .order_by(model.seq, model.speaker)
        .limit(asked.seconds + 1)
    )
    if asked.speaker is not None:
        query = query.where(model.speaker == asked.speaker.value)
    if asked.cursor is not None:
        seq, speaker = _position(asked.cursor)
        query = query.where((model.seq > seq) | ((model.seq == seq) & (model.speaker > speaker)))
    return list(await session.scalars(query))


def _position(cursor: str) -> tuple[int, str]:
    seq, dot, speaker = cursor.partition(".")
    if not (dot and seq.isascii() and seq.isdigit() and len(seq) < 19):  # noqa: PLR2004 - digits of 2**63
        raise InvalidInputError("cursor: pass the `next_cursor` of the answer before, unchanged")
    return int(seq), speaker


def _item(row: EmotionRecord, *, with_steps: bool) -> TimelineItem:
    steps = unpack_steps(row.steps) if with_steps else None
    return view_of(TimelineItem, row, probabilities=probabilities(row), steps=steps)
