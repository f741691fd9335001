"""The routes of the statistics."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from tonewatch.storage.api.parameters import zone
from tonewatch.storage.api.stats import _forms as forms
from tonewatch.storage.api.stats._filters import (
    AgentFilter,
    AlertSumFilter,
    HeatMapFilter,
    SumFilter,
    TrendFilter,
)
from tonewatch.storage.api.stats._sums import alert_sums, covered, second_sums
from tonewatch.storage.api.stats._views import (
    AgentStats,
    AlertStats,
    EmotionStats,
    HeatMap,
    Trend,
)
from tonewatch.storage.database import Database


def build_router(database: Database) -> APIRouter:
    """The routes over this database."""
    router = APIRouter(prefix="/stats", tags=["statistics"])

    @router.get("/emotions")
    async def emotions(asked: Annotated[SumFilter, Query()]) -> EmotionStats:
        """How many seconds each emotion was the strongest in."""
        async with database.read() as session:
            groups = await second_sums(session, asked)
        items, sums = forms.shares(groups)
        return EmotionStats(
            items=items, total=sums.seconds, speech_seconds=sums.speech_seconds, **_about(asked)
        )

    @router.get("/agents")
    async def agents(asked: Annotated[AgentFilter, Query()]) -> AgentStats:
        """What was heard in the calls of each agent."""
        async with database.read() as session:
            groups = await second_sums(session, asked, "agent_id")
            alerts = {row[0]: int(row[1]) for row in await alert_sums(session, asked, "agent_id")}
        items = forms.agents(groups, alerts, asked.emotion, asked.speech_seconds_min)
        return AgentStats(items=items[: asked.limit], emotion=asked.emotion, **_about(asked))

    @router.get("/heatmap")
    async def heat_map(asked: Annotated[HeatMapFilter, Query()]) -> HeatMap:
        """When in a week an emotion is heard: hours of the day by days of the week, in `tz`."""
        async with database.read() as session:
            groups = await second_sums(session, asked, "hour")
        items = forms.heat_map(groups, asked.emotion, zone(asked.tz))
        return HeatMap(items=items, emotion=asked.emotion, **_about(asked))

    @router.get("/trend")
    async def trend(asked: Annotated[TrendFilter, Query()]) -> Trend:
        """Seconds of each emotion, and alerts, by hour, day or week in `tz`."""
        async with database.read() as session:
            groups = await second_sums(session, asked, "hour")
            alerts = {row[0]: int(row[1]) for row in await alert_sums(session, asked, "hour")}
        items = forms.trend(groups, alerts, asked.by, zone(asked.tz))
        return Trend(items=items, by=asked.by, **_about(asked))

    @router.get("/alerts")
    async def alerts(asked: Annotated[AlertSumFilter, Query()]) -> AlertStats:
        """Alerts of each rule, and how many of those that people judged were right."""
        async with database.read() as session:
            rows = await alert_sums(session, asked, "rule")
        items = sorted(map(forms.precision, rows), key=lambda item: (-item.alerts, item.rule))
        return AlertStats(items=items, total=sum(i.alerts for i in items), **_about(asked))

    return router


def _about(asked: SumFilter) -> dict[str, Any]:
    begin, end = covered(asked)
    return {"covers_from": begin, "covers_to": end, "tz": asked.tz}
