"""A session as so many points: what a chart of a whole call needs, and no more.

The database adds up the seconds of each point, so that a call of an hour costs a few hundred rows
instead of thousands, whatever its length.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import ColumnElement, Integer, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH
from tonewatch.shared.messages import Granularity, Speaker
from tonewatch.storage.api.views import TimelineItem
from tonewatch.storage.models import POSTERIOR, EmotionRecord, TrackRollup

_LABELS: Final = tuple(map(str, EMOTIONS))
_DIGITS: Final = 4
_SPOKEN: Final = 9
"""Where the count of seconds with speech stands in a row of the question."""


async def chart_items(
    session: AsyncSession,
    session_id: str,
    *,
    points: int,
    first_seq: int,
    last_seq: int | None,
    speaker: Speaker | None,
) -> tuple[int, list[TimelineItem]]:
    """Seconds of a bucket, and the buckets that hold a stored second, in order of time and track.

    A bucket's probabilities are means over its seconds with speech, its emotion the one with the
    greatest mean; `no_speech` if nobody spoke. Level and speech are means over all its seconds.
    """
    model = EmotionRecord
    chosen = [
        model.session_id == session_id,
        model.granularity == Granularity.FRAME.value,
        model.seq >= first_seq,
    ]
    if speaker is not None:
        chosen.append(model.speaker == speaker.value)
    if last_seq is None:
        if (known := await _last_rolled_up(session, session_id, speaker)) is not None:
            # quick, and right for all but calls that have grown since: they have too many buckets
            width = _width(first_seq, known, points)
            items = await _buckets(session, chosen, first_seq, width)
            if items and items[-1].seq < first_seq + width * points:
                return width, items
        last_seq = await session.scalar(select(func.max(model.seq)).where(*chosen))
        if last_seq is None:
            return 1, []
    width = _width(first_seq, last_seq, points)
    return width, await _buckets(session, [*chosen, model.seq <= last_seq], first_seq, width)


def _width(first_seq: int, last_seq: int, points: int) -> int:
    return max(1, -(-(last_seq - first_seq + 1) // points))


async def _last_rolled_up(
    session: AsyncSession, session_id: str, speaker: Speaker | None
) -> int | None:
    query = select(func.max(TrackRollup.last_seq)).where(TrackRollup.session_id == session_id)
    if speaker is not None:
        query = query.where(TrackRollup.speaker == speaker.value)
    found: int | None = await session.scalar(query)
    return found


async def _buckets(
    session: AsyncSession, chosen: Sequence[ColumnElement[bool]], first_seq: int, width: int
) -> list[TimelineItem]:
    model = EmotionRecord
    number = ((model.seq - first_seq) // width).label("bucket")
    rows = await session.execute(
        select(
            number,
            model.speaker,
            func.count(),
            func.min(model.seq),
            func.min(model.start_ms),
            func.max(model.end_ms),
            func.sum(model.speech),
            func.sum(model.level_dbfs),
            func.max(cast(model.alert_triggered, Integer)),
            func.count(getattr(model, POSTERIOR[0])),
            # sums, for PostgreSQL reckons a variance along with each mean
            *(func.sum(getattr(model, column)) for column in POSTERIOR),
        )
        .where(*chosen)
        .group_by("bucket", model.speaker)
        .order_by("bucket", model.speaker)
    )
    return _items(rows.all())


def _items(rows: Sequence[Any]) -> list[TimelineItem]:
    # numpy, because thousands of rows are formed while a chart waits; nobody spoke: 0 / 0
    sums = np.array([row[-len(POSTERIOR) :] for row in rows], np.float64)
    spoken = np.array([row[_SPOKEN] for row in rows], np.float64)
    with np.errstate(invalid="ignore"):
        means = (sums.reshape(-1, len(POSTERIOR)) / spoken[:, np.newaxis]).round(_DIGITS)
    tops = means.argmax(axis=1).tolist()
    return [_item(row, *each) for row, *each in zip(rows, means.tolist(), tops, strict=True)]


def _item(row: Any, means: list[float], top: int) -> TimelineItem:
    _, speaker, seconds, seq, start_ms, end_ms, speech, level_dbfs, alert, spoken, *_ = row
    return TimelineItem(
        seq=seq,
        seconds=seconds,
        start_ms=start_ms,
        end_ms=end_ms,
        speaker=speaker,
        emotion=_LABELS[top] if spoken else NO_SPEECH,
        confidence=means[top] if spoken else 0.0,
        probabilities=dict(zip(_LABELS, means, strict=True)) if spoken else None,
        speech=speech / seconds,
        level_dbfs=level_dbfs / seconds,
        alert_triggered=bool(alert),
    )
