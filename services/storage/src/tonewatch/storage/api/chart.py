"""A session as so many points: what a chart of a whole call needs, and no more.

The database forms the means, so that a call of an hour costs a few hundred rows instead of
thousands, whatever its length.
"""

from typing import Any, Final

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH
from tonewatch.shared.messages import Granularity, Speaker
from tonewatch.storage.api.views import TimelineItem
from tonewatch.storage.models import POSTERIOR, EmotionRecord

_LABELS: Final = tuple(map(str, EMOTIONS))
_DIGITS: Final = 4


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
    of_session = [
        model.session_id == session_id,
        model.granularity == Granularity.FRAME.value,
        model.seq >= first_seq,
    ]
    if speaker is not None:
        of_session.append(model.speaker == speaker.value)
    if last_seq is None:
        last_seq = await session.scalar(select(func.max(model.seq)).where(*of_session))
    if last_seq is None:
        return 1, []
    width = -(-(last_seq - first_seq + 1) // points)
    number = ((model.seq - first_seq) // width).label("bucket")
    rows = await session.execute(
        select(
            number,
            model.speaker,
            func.count(),
            func.min(model.seq),
            func.min(model.start_ms),
            func.max(model.end_ms),
            func.avg(model.speech),
            func.avg(model.level_dbfs),
            func.max(cast(model.alert_triggered, Integer)),
            *(func.avg(getattr(model, column)) for column in POSTERIOR),
        )
        .where(*of_session, model.seq <= last_seq)
        .group_by("bucket", model.speaker)
        .order_by("bucket", model.speaker)
    )
    return width, [_item(row) for row in rows]


def _item(row: Any) -> TimelineItem:
    # by position: thousands of rows are formed while a chart waits
    _, speaker, seconds, seq, start_ms, end_ms, speech, level_dbfs, alert, *probabilities = row
    means: dict[str, float] | None = None
    emotion, confidence = NO_SPEECH, 0.0
    if probabilities[0] is not None:
        rounded = [round(value, _DIGITS) for value in probabilities]
        confidence = max(rounded)
        emotion = _LABELS[rounded.index(confidence)]
        means = dict(zip(_LABELS, rounded, strict=True))
    return TimelineItem(
        seq=seq,
        seconds=seconds,
        start_ms=start_ms,
        end_ms=end_ms,
        speaker=speaker,
        emotion=emotion,
        confidence=confidence,
        probabilities=means,
        speech=speech,
        level_dbfs=level_dbfs,
        alert_triggered=bool(alert),
    )
