"""Parameters of the statistics."""

from typing import Literal

from pydantic import Field

from tonewatch.shared.emotions import Emotion
from tonewatch.shared.messages import Speaker
from tonewatch.storage.api.filters import Filter, HeardEmotion
from tonewatch.storage.api.parameters import Text


class SumFilter(Filter):
    """Which seconds are counted.

    By time, agent, queue and speaker whole hours are counted. With a source, a session or labels,
    whole sessions are, in the hour of their start.
    """

    speaker: Speaker | None = None
    session_id: Text | None = None

    @property
    def by_session(self) -> bool:
        """Whether only sessions can tell, not hours."""
        return bool(self.label or self.source_id is not None or self.session_id is not None)


class AgentFilter(SumFilter):
    """Parameters of /v1/stats/agents."""

    emotion: HeardEmotion = Field(default=Emotion.ANGRY, description="Sorted by its share")
    speech_seconds_min: int = Field(
        default=0, ge=0, lt=2**31, description="Leave out agents with less speech than this"
    )
    limit: int = Field(default=100, ge=1, le=1000, description="Agents")


class HeatMapFilter(SumFilter):
    """Parameters of /v1/stats/heatmap."""

    emotion: Emotion = Emotion.ANGRY


class TrendFilter(SumFilter):
    """Parameters of /v1/stats/trend."""

    by: Literal["hour", "day", "week"] = Field(default="day", description="In the zone `tz`")


class AlertSumFilter(SumFilter):
    """Parameters of /v1/stats/alerts."""

    rule: Text | None = None
