"""What was heard in a session on the whole, and whether all of it is there.

A session is complete when it has ended and each of its seconds is stored or lies in a recorded gap:
the promise of the whole pipeline, checked where it ends. Sums come from the roll-ups, and from the
few seconds that these do not hold yet.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tonewatch.shared.emotions import EMOTIONS, NO_SPEECH
from tonewatch.shared.messages import Granularity, SessionState
from tonewatch.storage.api.views import Probabilities, SessionView, view_of
from tonewatch.storage.models import (
    POSTERIOR,
    PROBABILITY_SUMS,
    Alert,
    EmotionRecord,
    Gap,
    RollupPosition,
    Session,
    TrackRollup,
)

_FRAME = EmotionRecord.granularity == Granularity.FRAME.value


@dataclass(slots=True)
class Heard:
    """Sums over the seconds of a session, all tracks together."""

    seconds: int = 0
    speech_seconds: int = 0
    end_ms: int = 0
    speakers: set[str] = field(default_factory=set)
    sums: list[float] = field(default_factory=lambda: [0.0] * len(EMOTIONS))

    def add(self, speaker: str, seconds: int, speech: int, end_ms: int, *sums: float) -> None:
        """Add the sums of one track, or of a part of it."""
        self.speakers.add(speaker)
        self.seconds += seconds
        self.speech_seconds += speech
        self.end_ms = max(self.end_ms, end_ms)
        self.sums = [mine + (more or 0.0) for mine, more in zip(self.sums, sums, strict=True)]

    @property
    def means(self) -> Probabilities:
        """Mean probabilities over the seconds with speech; empty if there were none."""
        if not self.speech_seconds:
            return {}
        return {
            str(label): total / self.speech_seconds
            for label, total in zip(EMOTIONS, self.sums, strict=True)
        }


async def session_views(session: AsyncSession, rows: Sequence[Session]) -> list[SessionView]:
    """The sessions with their summaries; a handful of queries, however many sessions."""
    ids = [row.session_id for row in rows]
    heard = await heard_in(session, ids)
    gaps = await _gap_seconds(session, ids)
    alerts = await _alert_counts(session, ids)
    return [
        _view(row, heard[row.session_id], gaps[row.session_id], alerts.get(row.session_id, 0))
        for row in rows
    ]


def _view(row: Session, heard: Heard, gaps: int, alerts: int) -> SessionView:
    tracks = max(len(row.speakers), len(heard.speakers), 1)
    means = heard.means
    emotion = max(means, key=lambda label: means[label]) if means else None
    ended = row.state == SessionState.ENDED.value
    everything = row.frames is not None and heard.seconds + gaps >= row.frames * tracks
    return view_of(
        SessionView,
        row,
        scored=heard.seconds,
        gaps=gaps,
        complete=ended and everything,
        speech_seconds=heard.speech_seconds,
        alerts=alerts,
        emotion=emotion or (NO_SPEECH if heard.seconds else None),
        confidence=means[emotion] if emotion else 0.0,
        probabilities=means or None,
        duration_seconds=_duration_ms(heard.end_ms, row.frames or 0) / 1000,
    )


def _duration_ms(heard_ms: int, frames: int) -> int:
    """Up to the end of the last second heard, or of the last frame if that one was not heard."""
    last_was_heard = heard_ms > 1000 * (frames - 1)
    return heard_ms if last_was_heard else 1000 * frames


async def heard_in(session: AsyncSession, ids: Sequence[str]) -> dict[str, Heard]:
    """Sums of each session."""
    found: dict[str, Heard] = defaultdict(Heard)
    rollup, record = TrackRollup, EmotionRecord
    # the position comes with the sums that belong to it: between two statements both may move
    rows = (
        await session.execute(
            select(
                RollupPosition.record_id,
                rollup.session_id,
                rollup.speaker,
                rollup.seconds,
                rollup.speech_seconds,
                rollup.end_ms,
                *(getattr(rollup, column) for column in PROBABILITY_SUMS),
            ).outerjoin(rollup, rollup.session_id.in_(ids))
        )
    ).all()
    for _, session_id, *sums in rows:
        if session_id is not None:
            found[session_id].add(*sums)
    position = max(row[0] for row in rows)
    # an expression: the ids after the position are few, the seconds of the sessions are many
    session_id_of = record.session_id + ""
    tail = await session.execute(
        select(
            session_id_of,
            record.speaker,
            func.count(),
            func.count(record.p_angry),
            func.max(record.end_ms),
            *(func.sum(getattr(record, column)) for column in POSTERIOR),
        )
        .where(record.id > position, session_id_of.in_(ids), _FRAME)
        .group_by(session_id_of, record.speaker)
    )
    for session_id, *sums in tail:
        found[session_id].add(*sums)
    return found


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
        & _FRAME
    )
    rows = await session.execute(
        select(Gap.session_id, func.count(model.id.distinct()))
        .join(model, inside)
        .where(Gap.session_id.in_(ids))
        .group_by(Gap.session_id)
    )
    return [(row[0], row[1]) for row in rows]
