"""How good the connection to a source was over the last hour, in a word.

Judged by how often audio was lost, for how long it was away, and how far the source's clock
drifted from ours. A source with many connections loses calls, not its state: each of those counts,
and how long the caller was away nobody can know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from tonewatch.ingest.live.transitions import SourceState, Transition

LOOKS_BACK: Final = timedelta(hours=1)

_LOST: Final = frozenset({SourceState.STALLED, SourceState.BACKOFF})


class Quality(StrEnum):
    """From undisturbed to not worth listening to."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What went wrong within the last hour."""

    losses: int
    away_share: float
    drift_seconds: float


_LIMITS: Final = (
    # at most so many losses, such a share of the time away, and so much drift
    (Quality.EXCELLENT, Disturbance(0, 0.001, 0.5)),
    (Quality.GOOD, Disturbance(2, 0.01, 2.0)),
    (Quality.FAIR, Disturbance(6, 0.05, 5.0)),
    (Quality.POOR, Disturbance(20, 0.25, 15.0)),
)


def disturbance(
    transitions: Sequence[Transition],
    drift_seconds: float,
    now: datetime,
    lost_calls: Sequence[datetime] = (),
) -> Disturbance | None:
    """What went wrong since the source was first live; None if it was not live for an hour."""
    if not transitions:
        return None
    since = now - LOOKS_BACK
    spans = list(_spans(transitions, since, now))
    first = next((i for i, (state, _) in enumerate(spans) if state is SourceState.LIVE), None)
    if first is None:
        return None
    spans = spans[first:]
    losses = sum(
        before is SourceState.LIVE and state in _LOST for (before, _), (state, _) in pairwise(spans)
    )
    losses += sum(at >= since for at in lost_calls)
    away = _away_seconds(spans)
    wanted = away + sum(seconds for state, seconds in spans if state is SourceState.LIVE)
    return Disturbance(losses, away / wanted if wanted else 0.0, abs(drift_seconds))


def quality(found: Disturbance | None) -> Quality | None:
    """The word for it; None if there is nothing to judge by."""
    if found is None:
        return None
    for word, limit in _LIMITS:
        if (
            found.losses <= limit.losses
            and found.away_share <= limit.away_share
            and found.drift_seconds <= limit.drift_seconds
        ):
            return word
    return Quality.UNUSABLE


def worse(one: Quality | None, other: Quality | None) -> Quality | None:
    """The word for both together."""
    found = [each for each in (one, other) if each is not None]
    return max(found, key=list(Quality).index, default=None)


def _away_seconds(spans: Sequence[tuple[SourceState, float]]) -> float:
    """For how long there was no audio that there should have been.

    To connect for the first time, or after a pause in which nobody was there, is no loss.
    """
    away, is_lost = 0.0, False
    for state, seconds in spans:
        is_lost = state in _LOST or (is_lost and state is SourceState.CONNECTING)
        away += seconds if is_lost else 0.0
    return away


def _spans(
    transitions: Sequence[Transition], since: datetime, now: datetime
) -> list[tuple[SourceState, float]]:
    """Each state and for how many seconds of the time it lasted, oldest first."""
    ends = [*(each.at for each in transitions[1:]), now]
    return [
        (each.state, (end - max(each.at, since)).total_seconds())
        for each, end in zip(transitions, ends, strict=True)
        if end >= since
    ]
