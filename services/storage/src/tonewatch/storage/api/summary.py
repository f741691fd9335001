"""What was heard in a session on the whole, and whether all of it is there.

A session is complete when it has ended and each of its seconds is stored or lies in a recorded gap:
the promise of the whole pipeline, checked where it ends.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH
from tonewatch.shared.messages import Granularity, SessionState
from tonewatch.storage.api.views import Probabilities, SessionView, view_of
from tonewatch.storage.models import POSTERIOR, Alert, EmotionRecord, Gap, Session

_FRAME = EmotionRecord.granularity == Granularity.FRAME.value


async def session_views(session: AsyncSession, rows: Sequence[Session]) -> list[SessionView]:
    """The sessions with their summaries; four queries, however many sessions."""
    ids = [row.session_id for row in rows]
    heard = await _heard(session, ids)
    gaps = await _gap_seconds(session, ids)
    alerts = await _alert_counts(session, ids)
    return [
        _view(row, heard.get(row.session_id), gaps[row.session_id], alerts.get(row.session_id, 0))
        for row in rows
    ]


def _view(row: Session, heard: Any, gaps: int, alerts: int) -> SessionView:
    scored = heard.scored if heard else 0
    tracks = max(len(row.speakers), heard.tracks if heard else 0, 1)
    means = _means(heard)
    emotion = max(means, key=lambda label: means[label]) if means else None
    ended = row.state == SessionState.ENDED.value
    everything = row.frames is not None and scored + gaps >= row.frames * tracks
    return view_of(
        SessionView,
        row,
        scored=scored,
        gaps=gaps,
        complete=ended and everything,
        speech_seconds=heard.speech_seconds if heard else 0,
        alerts=alerts,
        emotion=emotion or (NO_SPEECH if scored else None),
        confidence=means[emotion] if emotion else 0.0,
        probabilities=means or None,
        duration_seconds=_duration_ms(heard.end_ms if heard else 0, row.frames or 0) / 1000,
    )


def _duration_ms(heard_ms: int, frames: int) -> int:
    """Up to the end of the last second heard, or of the last frame if that one was not heard."""
    last_was_heard = heard_ms > 1000 * (frames - 1)
    return heard_ms if last_was_heard else 1000 * frames


def _means(heard: Any) -> Probabilities:
    if heard is None or not heard.speech_seconds:
        return {}
    return {
        str(label): getattr(heard, column)
        for label, column in zip(EMOTIONS, POSTERIOR, strict=True)
    }


async def _heard(session: AsyncSession, ids: list[str]) -> dict[str, Any]:
    model = EmotionRecord
    rows = await session.execute(
        select(
            model.session_id,
            func.count().label("scored"),
            func.count(model.p_angry).label("speech_seconds"),
            func.count(model.speaker.distinct()).label("tracks"),
            func.max(model.end_ms).label("end_ms"),
            *(func.avg(getattr(model, column)).label(column) for column in POSTERIOR),
        )
        .where(model.session_id.in_(ids), _FRAME)
        .group_by(model.session_id)
    )
    return {row.session_id: row for row in rows}


async def _alert_counts(session: AsyncSession, ids: list[str]) -> dict[str, int]:
    rows = await session.execute(
        select(Alert.session_id, func.count())
        .where(Alert.session_id.in_(ids))
        .group_by(Alert.session_id)
    )
    return {row[0]: row[1] for row in rows}


async def _gap_seconds(session: AsyncSession, ids: list[str]) -> dict[str, int]:
    """Seconds in gaps, less those that were scored after all (a gap may be declared too soon)."""
    found = await session.execute(
        select(Gap.session_id, Gap.speaker, Gap.first_seq, Gap.last_seq)
        .where(Gap.session_id.in_(ids))
        .order_by(Gap.session_id, Gap.speaker, Gap.first_seq)
    )
    tracks: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for session_id, speaker, first, last in found:
        tracks[session_id, speaker].append((first, last))
    seconds: dict[str, int] = defaultdict(int)
    for (session_id, _), ranges in tracks.items():
        seconds[session_id] += covered(ranges)
    if seconds:
        for session_id, scored in await _scored_in_gaps(session, list(seconds)):
            seconds[session_id] -= scored
    return seconds


def covered(ranges: Iterable[tuple[int, int]]) -> int:
    """How many numbers lie in ranges that are sorted by their start, ends included."""
    total, reached = 0, -1
    for first, last in ranges:
        total += max(0, last - max(first, reached + 1) + 1)
        reached = max(reached, last)
    return total


async def _scored_in_gaps(session: AsyncSession, ids: list[str]) -> Sequence[tuple[str, int]]:
    model = EmotionRecord
    inside = (
        (Gap.session_id == model.session_id)
        & (Gap.speaker == model.speaker)
        & model.seq.between(Gap.first_seq, Gap.last_seq)
    )
    rows = await session.execute(
        select(model.session_id, func.count())
        .where(model.session_id.in_(ids), _FRAME, select(Gap.id).where(inside).exists())
        .group_by(model.session_id)
    )
    return [(row[0], row[1]) for row in rows]
