"""A session as stretches of one emotion, from the stored fine matrices."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.shared.messages import Granularity, Speaker
from tonewatch.shared.segments import Stretch, segments
from tonewatch.storage.api.views import Segments, SegmentView
from tonewatch.storage.models import EmotionRecord, EmotionSteps, steps_of_record
from tonewatch.storage.steps import unpack_steps

MOST_SECONDS: Final = 600
"""Of one answer; each has a matrix of up to 50 rows."""


class SegmentFilter(BaseModel):
    """Parameters of /v1/sessions/{session_id}/segments."""

    model_config = ConfigDict(extra="forbid")

    speaker: Speaker | None = None
    from_seq: int = Field(default=0, ge=0, lt=2**63, description="Seconds from this one on")
    limit: int = Field(default=MOST_SECONDS, ge=1, le=MOST_SECONDS, description="Seconds, at most")
    least_seconds: float = Field(
        default=0.3, ge=0, le=5, description="Shorter stretches go to their neighbours"
    )


async def segments_of(session: AsyncSession, session_id: str, asked: SegmentFilter) -> Segments:
    """The segments of seconds [from_seq, from_seq + limit); those at the cut are cut."""
    model, end_seq = EmotionRecord, asked.from_seq + asked.limit
    query = (
        select(model.speaker, model.start_ms, model.end_ms)
        .where(
            model.session_id == session_id,
            model.granularity == Granularity.FRAME.value,
            model.seq >= asked.from_seq,
        )
        .order_by(model.seq)
    )
    if asked.speaker is not None:
        query = query.where(model.speaker == asked.speaker.value)
    rows = await session.execute(
        query.where(model.seq < end_seq)
        .outerjoin(EmotionSteps, steps_of_record())
        .add_columns(EmotionSteps.steps)
    )
    after = query.where(model.seq >= end_seq).with_only_columns(model.seq).limit(1)
    items = await asyncio.to_thread(_views, rows.all(), asked.least_seconds)
    return Segments(session_id=session_id, items=items, next_seq=await session.scalar(after))


def _views(rows: Sequence[Any], least_seconds: float) -> list[SegmentView]:
    tracks: dict[str, list[Stretch]] = {}
    for speaker, start_ms, end_ms, steps in rows:
        stretch = Stretch(start_ms, end_ms, unpack_steps(steps))
        tracks.setdefault(speaker, []).append(stretch)
    return [
        SegmentView(
            speaker=speaker,
            start_seconds=segment.start_seconds,
            end_seconds=segment.end_seconds,
            emotion=segment.emotion,
            confidence=round(segment.confidence, 4),
        )
        for speaker, stretches in tracks.items()
        for segment in segments(stretches, least_seconds=least_seconds)
    ]
