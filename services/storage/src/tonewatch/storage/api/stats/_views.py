"""The JSON forms of the statistics."""

from pydantic import Field

from tonewatch.storage.api.views import Time, View


class Statistic(View):
    """What every statistic says about itself."""

    covers_from: Time | None = Field(description="Begin of what is counted; null: from the first")
    covers_to: Time | None = Field(description="End of what is counted; null: to the last")
    tz: str


class EmotionShare(View):
    """How often one emotion was the strongest."""

    emotion: str
    seconds: int
    share: float = Field(description="Of all seconds counted")
    mean_probability: float | None = Field(
        description="Over all seconds with speech, whichever was the strongest; null: no_speech"
    )


class EmotionStats(Statistic):
    """How often each emotion was the strongest, most frequent first."""

    items: list[EmotionShare]
    total: int = Field(description="Seconds counted")
    speech_seconds: int = Field(description="Those in which somebody spoke")


class AgentShare(View):
    """What was heard in the calls of one agent."""

    agent_id: str = Field(description="Empty: calls without this label")
    seconds: int
    speech_seconds: int
    emotions: dict[str, int] = Field(description="Seconds in which each was the strongest")
    share: float = Field(description="Of the emotion asked for, in the seconds with speech")
    alerts: int


class AgentStats(Statistic):
    """Agents, those with most of the emotion first."""

    emotion: str
    items: list[AgentShare]


class HeatCell(View):
    """One hour of one day of the week."""

    weekday: int = Field(description="0 is Monday")
    hour: int
    speech_seconds: int
    emotion_seconds: int
    share: float | None = Field(description="Null where nobody spoke")


class HeatMap(Statistic):
    """When, in a week, an emotion is heard; 168 cells, Monday at 0 o'clock first."""

    emotion: str
    items: list[HeatCell]


class TrendPoint(View):
    """One hour, day or week."""

    start: str = Field(description="Local time with its offset; a week begins on Monday")
    seconds: int
    speech_seconds: int
    emotions: dict[str, int]
    alerts: int


class Trend(Statistic):
    """How emotions went over time; what has neither seconds nor alerts is left out."""

    by: str
    items: list[TrendPoint]


class RulePrecision(View):
    """The alerts of one rule and what people made of them."""

    rule: str
    alerts: int
    right: int
    false_alarm: int
    needs_coaching: int
    judged: int
    precision: float | None = Field(
        description="Judged right or as a case for coaching, of all judged; null: none was judged"
    )


class AlertStats(Statistic):
    """Rules, those with most alerts first."""

    items: list[RulePrecision]
    total: int
