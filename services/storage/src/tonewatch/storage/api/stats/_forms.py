"""Sums as the answers show them: pure functions over rows of sums."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tonewatch.shared.emotions import NO_SPEECH
from tonewatch.shared.errors import InvalidInputError
from tonewatch.storage.api.stats._sums import SecondSum
from tonewatch.storage.api.stats._views import (
    AgentShare,
    EmotionShare,
    HeatCell,
    RulePrecision,
    TrendPoint,
)

MOST_POINTS: Final = 5000
DAYS, HOURS = 7, 24


@dataclass(slots=True)
class Sums:
    """Seconds of each emotion, and what follows from them."""

    emotions: dict[str, int] = field(default_factory=dict)

    def add(self, more: Mapping[str, int]) -> None:
        """Add seconds by the emotion that was the strongest in them."""
        for emotion, seconds in more.items():
            self.emotions[emotion] = self.emotions.get(emotion, 0) + seconds

    @property
    def seconds(self) -> int:
        """All of them."""
        return sum(self.emotions.values())

    @property
    def speech_seconds(self) -> int:
        """Those in which somebody spoke."""
        return self.seconds - self.emotions.get(NO_SPEECH, 0)

    def share(self, emotion: str) -> float | None:
        """The emotion's part of the seconds with speech (of all, for no_speech)."""
        whole = self.seconds if emotion == NO_SPEECH else self.speech_seconds
        return self.emotions.get(emotion, 0) / whole if whole else None


def shares(groups: Sequence[SecondSum]) -> tuple[list[EmotionShare], Sums]:
    """Emotions, most frequent first, from one group at most."""
    sums = Sums(dict(groups[0].seconds) if groups else {})
    speech = sums.speech_seconds
    items = [
        EmotionShare(
            emotion=emotion,
            seconds=seconds,
            share=seconds / sums.seconds,
            mean_probability=(
                None if emotion == NO_SPEECH else groups[0].probabilities[emotion] / speech
            ),
        )
        for emotion, seconds in sums.emotions.items()
    ]
    return sorted(items, key=lambda item: (-item.seconds, item.emotion)), sums


def agents(
    groups: Iterable[SecondSum], alerts: Mapping[str, int], emotion: str, least_speech: int
) -> list[AgentShare]:
    """Agents by their share of the emotion, from groups by agent."""
    by_agent = {group.keys[0]: Sums(group.seconds) for group in groups}
    items = [
        AgentShare(
            agent_id=agent_id,
            seconds=sums.seconds,
            speech_seconds=sums.speech_seconds,
            emotions=sums.emotions,
            share=sums.share(emotion) or 0.0,
            alerts=alerts.get(agent_id, 0),
        )
        for agent_id, sums in by_agent.items()
        if sums.speech_seconds >= least_speech
    ]
    return sorted(items, key=lambda item: (-item.share, item.agent_id))


def heat_map(groups: Iterable[SecondSum], emotion: str, zone: ZoneInfo) -> list[HeatCell]:
    """All hours of a week, from groups by hour."""
    cells = [[Sums() for _ in range(HOURS)] for _ in range(DAYS)]
    for group in groups:
        local = group.keys[0].astimezone(zone)
        cells[local.weekday()][local.hour].add(group.seconds)
    return [
        HeatCell(
            weekday=weekday,
            hour=hour,
            speech_seconds=sums.speech_seconds,
            emotion_seconds=sums.emotions.get(emotion, 0),
            share=sums.share(emotion),
        )
        for weekday, day in enumerate(cells)
        for hour, sums in enumerate(day)
    ]


def trend(
    groups: Iterable[SecondSum], alerts: Mapping[datetime, int], by: str, zone: ZoneInfo
) -> list[TrendPoint]:
    """Points in order of time, from groups by hour and alerts by hour.

    Raises:
        InvalidInputError: there are too many points.
    """
    points: dict[datetime, Sums] = defaultdict(Sums)
    fired: dict[datetime, int] = defaultdict(int)
    for group in groups:
        points[_start(group.keys[0], by, zone)].add(group.seconds)
    for hour, count in alerts.items():
        fired[_start(hour, by, zone)] += count
    starts = sorted(points.keys() | fired.keys())
    if len(starts) > MOST_POINTS:
        raise InvalidInputError(
            f"by={by} would be {len(starts)} points, more than {MOST_POINTS}: narrow `from` and "
            "`to`, or ask by day or week"
        )
    return [
        TrendPoint(
            start=start.isoformat(),
            seconds=points[start].seconds,
            speech_seconds=points[start].speech_seconds,
            emotions=points[start].emotions,
            alerts=fired[start],
        )
        for start in starts
    ]


def _start(hour: datetime, by: str, zone: ZoneInfo) -> datetime:
    local = hour.astimezone(zone)
    if by == "hour":
        return local
    day = local.replace(hour=0, minute=0, fold=0)
    return day if by == "day" else day - timedelta(days=day.weekday())


def precision(row: Sequence[Any]) -> RulePrecision:
    """One rule, from (rule, alerts, right, false_alarm, needs_coaching)."""
    rule, alerts, right, false_alarm, coaching = row[0], *(int(count) for count in row[1:])
    judged = right + false_alarm + coaching
    return RulePrecision(
        rule=rule,
        alerts=alerts,
        right=right,
        false_alarm=false_alarm,
        needs_coaching=coaching,
        judged=judged,
        precision=(right + coaching) / judged if judged else None,
    )
